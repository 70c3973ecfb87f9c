"""Which values the settings of faults may have: what lies outside is a slip of the keyboard, and refused."""

import difflib
from collections.abc import Iterable, Mapping

from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.fault_words import WORDS

# How far back books and prices are remembered.
_REMEMBERED_MS = 20_000
_DAY_S, _DAY_MS = 86_400, 86_400_000

_BOUNDS: Mapping[str, tuple[float, float]] = {
    "after": (0, _DAY_S),
    "seconds": (0.001, _DAY_S),
    "count": (1, 1_000_000),
    "milliseconds": (0, 3_600_000),
    "rate": (0.001, 200_000),
    "factor": (0.001, 1_000),
    "bytes": (100, 1_000_000_000),
    "status": (400, 599),
    "code": (-99_999, 0),
    "chance": (0.0001, 1),
}
_OWN_BOUNDS: Mapping[tuple[Fault, str], tuple[float, float]] = {
    (Fault.CORRUPT_FRAME, "rate"): (0.0001, 1),
    (Fault.OLD_SNAPSHOT, "milliseconds"): (1, _REMEMBERED_MS),
    (Fault.STALE_REST, "milliseconds"): (1, _REMEMBERED_MS),
    (Fault.CLOCK_SKEW, "milliseconds"): (-_DAY_MS, _DAY_MS),
    (Fault.STALE_ORDERS, "milliseconds"): (1, 60_000),
    (Fault.RACE_FILL, "rate"): (0.0001, 1),
    (Fault.OVERFILL, "factor"): (1.0001, 10),
    (Fault.GAP_MARKET, "factor"): (0.2, 5),
    (Fault.DUPLICATE_EVENTS, "factor"): (2, 10),
    (Fault.ARCHIVE_ORDERS, "milliseconds"): (0, 366 * _DAY_MS),
    (Fault.REPLAY_EVENTS, "count"): (1, 1000),
}
_PRICED = ("bookTicker", "trade", "aggTrade")
_CHOICES: Mapping[tuple[Fault, str], tuple[str, ...]] = {
    (Fault.CORRUPT_FRAME, "kind"): ("truncate", "flip", "html"),
    (Fault.EXPIRE_LISTEN_KEY, "kind"): ("number", "string"),
    (Fault.LISTING_CHANGE, "kind"): ("tick", "step", "notional"),
    (Fault.HALT_TRADING, "kind"): ("cancel_only", "closed"),
    (Fault.KEY_CHANGE, "kind"): ("revoked", "read_only", "withdraw", "unbound"),
    (Fault.GARBLED_ANSWER, "kind"): ("html", "truncate", "empty", "other"),
    (Fault.FAIL_LEG, "kind"): ("cancel", "new"),
    (Fault.LATE_TRADES, "kind"): ("all", "rest"),
    **{
        (fault, "channel"): ("", "place", "cancel", "replace", "amend")
        for fault in (Fault.SLOW_ACK, Fault.LOSE_ANSWER, Fault.UNKNOWN_STATUS, Fault.GARBLED_ANSWER)
    },
    (Fault.BURST, "channel"): ("bookTicker", "trade"),
    **{(fault, "channel"): _PRICED for fault in (Fault.WRONG_ID, Fault.ZERO_PRICE, Fault.NAN_PRICE, Fault.SPIKE_PRICE)},
}


def complaint(fault: Fault, settings: Iterable[tuple[str, object]]) -> str:
    """What is wrong with the first setting that is, with what is allowed; "" when all may be."""
    for name, value in settings:
        choices = _CHOICES.get((fault, name)) or WORDS.get((fault, name))
        if choices is not None and value not in choices and not (value == "" and (fault, name) in WORDS):
            near = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.6)
            hint = f" (did you mean {near[0]}?)" if near else ""
            return f"{fault.value} takes as {name} {', '.join(filter(None, choices))}, not {value!r}{hint}"
        bounds = _OWN_BOUNDS.get((fault, name)) or _BOUNDS.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Not a number lies between no two.
        if bounds is not None and is_number and not bounds[0] <= float(str(value)) <= bounds[1]:
            return f"{fault.value}: {name}={value:,.15g} is out of range; allowed is {bounds[0]:,} to {bounds[1]:,}"
    return ""


def unknown(name: object) -> str:
    """That there is no such fault, with those whose names are near, or all."""
    names = [fault.value for fault in Fault]
    text = str(name)[:60]
    near = difflib.get_close_matches(text.lower().replace("-", "_"), names, n=4, cutoff=0.55)
    near += [other for other in names if len(text) > 3 and text.lower() in other and other not in near]
    if near:
        return f"there is no fault {text!r}; did you mean {' or '.join(near[:5])}? GET /sim/faults lists all"
    return f"there is no fault {text!r}; there are {', '.join(names)}"

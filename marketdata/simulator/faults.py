"""The faults that are switched on, by whom they are limited, and how long they last."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from marketdata.simulator.fault_bounds import complaint, unknown
from marketdata.simulator.fault_catalog import MEANINGS, STREAM_FAULTS, Fault


class FaultError(ValueError):
    """A fault is switched with a name or setting that it does not have."""


class Switch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A wish, as POST /sim/faults and --fault word it. What is not given has the fault's default."""

    name: Fault
    on: bool = True
    # Seconds to wait before it begins.
    after: float = 0.0
    seconds: float | None = None
    count: int | None = None
    symbol: str | None = None
    channel: str | None = None
    kind: str | None = None
    milliseconds: int | None = None
    rate: float | None = None
    factor: float | None = None
    bytes: int | None = None
    executed: bool | None = None
    chance: float | None = None
    status: int | None = None
    code: int | None = None


_ALWAYS = ("name", "on", "after")
_SETTINGS = tuple(name for name in Switch.__struct_fields__ if name not in _ALWAYS)


@dataclass(slots=True, kw_only=True)
class Active:
    """A switched-on fault; `until_s` on the monotonic clock, None for one without an end in time."""

    fault: Fault
    until_s: float | None = None
    seconds: float = 0.0
    count: int | None = None
    symbol: str = ""
    channel: str = ""
    kind: str = ""
    milliseconds: int = 0
    rate: float = 1.0
    factor: float = 1.0
    bytes: int = 0
    executed: bool = True
    chance: float = 1.0
    status: int = 503
    code: int = -1001
    # How often it struck, by symbol; and when it first did.
    struck: Counter[str] = field(default_factory=Counter)
    first_s: float | None = None

    def concerns(self, symbol: str, channel: str) -> bool:
        return (not self.symbol or self.symbol == symbol) and (not self.channel or self.channel == channel)


def activate(switch: Switch, *, now_s: float) -> Active:
    """The fault a wish asks for, with its defaults. Raises FaultError for a setting it does not take, or not so."""
    meaning = MEANINGS[switch.name]
    given = {name: value for name in _SETTINGS if (value := getattr(switch, name)) is not None}
    unwanted = sorted(given.keys() - meaning.settings.keys())
    if unwanted:
        known = ", ".join(meaning.settings) or "none"
        raise FaultError(f"{switch.name.value} has no setting {', '.join(unwanted)}; it takes: {known}")
    settings = {**meaning.settings, **given}
    wrong = complaint(switch.name, [("after", switch.after), *given.items()])
    if wrong:
        raise FaultError(wrong)
    settings["symbol"] = str(settings.get("symbol", "")).upper().replace("/", "")
    seconds = settings.pop("seconds", None)
    return Active(
        fault=switch.name,
        until_s=None if seconds is None else now_s + float(str(seconds)),
        seconds=0.0 if seconds is None else float(str(seconds)),
        **settings,
    )


def as_switch(wish: object, *, strict: bool = True) -> Switch:
    """A wish as JSON has it. Raises FaultError for the name, msgspec.ValidationError for all else."""
    name = wish.get("name") if isinstance(wish, dict) else None
    if name is not None and name not in [fault.value for fault in Fault]:
        raise FaultError(unknown(name))
    strange = sorted(map(str, wish.keys() - set(Switch.__struct_fields__))) if isinstance(wish, dict) and name else []
    if strange:
        known = ", ".join(MEANINGS[Fault(str(name))].settings) or "none"
        raise FaultError(f"{name} has no setting {', '.join(strange)}; it takes: {known}")
    return msgspec.convert(wish, Switch, strict=strict)


def read_switch(text: str) -> Switch:
    """Read "freeze_data:seconds=5,symbol=BTCUSDT". Raises FaultError."""
    name, _, rest = text.partition(":")
    fields: dict[str, str] = {"name": name.strip()}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise FaultError(f"{part!r} is not key=value in --fault {text}")
        fields[key.strip()] = value.strip()
    try:
        switch = as_switch(fields, strict=False)
    except msgspec.ValidationError as error:
        raise FaultError(f"{str(error).replace(' | null', '')} in --fault {text}") from None
    activate(switch, now_s=0.0)
    return switch


class Faults:
    """The faults now on."""

    def __init__(self, *, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._active: dict[Fault, list[Active]] = {}
        # Asked at every frame, so it is kept rather than computed.
        self.on_streams = False

    def switch_on(self, active: Active) -> None:
        """The same fault for the same symbol and channel is replaced."""
        others = [
            other
            for other in self._active.get(active.fault, [])
            if (other.symbol, other.channel) != (active.symbol, active.channel)
        ]
        self._active[active.fault] = [*others, active]
        self._note()

    def clear(self, fault: Fault | None = None) -> None:
        if fault is None:
            self._active.clear()
        else:
            self._active.pop(fault, None)
        self._note()

    def lasting(self, fault: Fault, now_s: float, *, symbol: str = "", channel: str = "") -> Active | None:
        """The fault while it lasts, for this symbol and channel."""
        for active in self._active.get(fault, ()):
            if active.until_s is not None and now_s >= active.until_s:
                self._end(active)
                return self.lasting(fault, now_s, symbol=symbol, channel=channel)
            spent = active.count is not None and active.struck[symbol] >= active.count
            if not spent and active.concerns(symbol, channel):
                return active
        return None

    def strike(self, fault: Fault, *, symbol: str = "", channel: str = "", now_s: float | None = None) -> Active | None:
        """The fault, which then has struck once more; None where its chance missed."""
        moment_s = time.monotonic() if now_s is None else now_s
        active = self.lasting(fault, moment_s, symbol=symbol, channel=channel)
        if active is None:
            return None
        if active.chance < 1 and self._rng.random() >= active.chance:
            return None
        active.struck[symbol] += 1
        # One that is not about a symbol, or about one only, has struck often enough now; others wait for more symbols.
        alone = active.symbol == symbol
        if active.count is not None and alone and active.struck[symbol] >= active.count:
            self._end(active)
        return active

    def _end(self, active: Active) -> None:
        self._active[active.fault] = [other for other in self._active[active.fault] if other is not active]
        self._note()

    def _note(self) -> None:
        self.on_streams = any(self._active.get(fault) for fault in STREAM_FAULTS)

    def listing(self, now_s: float) -> list[dict[str, object]]:
        """Every fault with the defaults of its settings; `active` has those that it is switched on with."""
        return [
            {
                "name": fault.value,
                "description": meaning.text,
                "settings": dict(meaning.settings),
                "on": any(active.until_s is None or now_s < active.until_s for active in self._active.get(fault, ())),
                "struck": sum(sum(active.struck.values()) for active in self._active.get(fault, ())),
                "active": [
                    {name: getattr(active, name) for name in meaning.settings}
                    for active in self._active.get(fault, ())
                    if active.until_s is None or now_s < active.until_s
                ],
            }
            for fault, meaning in MEANINGS.items()
        ]

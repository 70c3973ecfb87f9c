"""What the options of an asset say: delta that takers bought, skew, puts against calls.

.40 net delta flow, .35 skew, .25 put/call. Skew is +norm(z of RR25/IV), put/call -norm(z of ln(put volume/call volume)),
z over 30 days; that crypto's skew points as that of stocks does (Xing, Zhang & Zhao 2010) is a hypothesis. A chain of
fewer than 10 strikes says nothing, and below 200 contracts a day puts against calls say nothing.
"""

import math
from datetime import UTC, datetime

from marketdata.events import Event, OptionsFlow, OptionsSummary
from quant.features.bounds import is_price, is_size
from quant.features.options_delta import DeltaFlow
from quant.features.scale import ForecastScale
from quant.features.slow import DAY_NS, MINUTE_NS, History, Part, SeriesLock
from quant.reading import Reading, missing, weighted_mean

PART_WEIGHTS = {"delta_flow": 0.40, "skew": 0.35, "put_call": 0.25}

MIN_CONTRACTS = 200.0
MIN_STRIKES = 10
# Annual volatilities beyond this are wrong figures.
MAX_VOLATILITY = 10.0
MAX_AGE_NS = 5 * MINUTE_NS
EVERY_S = 50.0
MIN_HISTORY_NS = 7 * DAY_NS


class OptionsFlowSignal:
    """Options of one asset. Observations come oldest first; what is unsound, repeated or older is left out."""

    def __init__(self) -> None:
        self._chain_lock = SeriesLock(DAY_NS)
        self._flow_lock = SeriesLock(DAY_NS)
        self._flow = DeltaFlow(MAX_AGE_NS)
        self._histories = {name: History(tau_days=30.0, every_s=EVERY_S) for name in ("skew", "put_call")}
        self._scales = {name: ForecastScale() for name in self._histories}
        self._parts = {name: Part(MAX_AGE_NS) for name in self._histories}
        self._chain: OptionsSummary | None = None
        self._n = 0

    def update(self, event: Event) -> None:
        """Take OptionsSummary or OptionsFlow; others are not for it."""
        if isinstance(event, OptionsSummary):
            self._on_chain(event)
        elif isinstance(event, OptionsFlow):
            if not is_size(abs(event.net_delta)) or not is_size(event.gross_delta):
                return
            if self._flow_lock.follows((event.exchange, event.symbol), event.ts_event):
                self._flow.on_flow(event.ts_event, event.net_delta)

    def _on_chain(self, event: OptionsSummary) -> None:
        if not _is_sound(event) or not self._chain_lock.follows((event.exchange, event.symbol), event.ts_event):
            return
        self._chain = event
        self._n += 1
        if _too_thin(event):
            for part in self._parts.values():
                part.set(event.ts_event, None)
            return
        self._score("skew", event.ts_event, event.risk_reversal_25d / event.iv_atm_30d, 1.0)
        is_traded = event.put_volume + event.call_volume >= MIN_CONTRACTS
        if is_traded and event.put_volume > 0.0 and event.call_volume > 0.0:
            self._score("put_call", event.ts_event, math.log(event.put_volume / event.call_volume), -1.0)
        else:
            self._parts["put_call"].set(event.ts_event, None)

    def _score(self, name: str, ts_ns: int, x: float, sign: float) -> None:
        z = self._histories[name].score(ts_ns, x)
        self._parts[name].set(ts_ns, None if z is None else sign * self._scales[name].norm(z))
        if z is not None:
            self._scales[name].observe(z)

    def read(self, now_ns: int) -> Reading:
        chain = self._chain
        if chain is None:
            reason = "no data: waiting for the first option chain, which is asked for every minute"
            return missing(reason, as_of=self._flow.part.ts)
        as_of = max(chain.ts_event, self._flow.part.ts)
        if thin := _too_thin(chain):
            return missing(thin, as_of=as_of, n_obs=self._n)
        parts = {
            "delta_flow": self._flow.part.at(now_ns),
            **{name: part.at(now_ns) for name, part in self._parts.items()},
            "delta_flow_ratio": self._flow.ratio,
            "implied_30d": chain.iv_atm_30d,
            "risk_reversal_25d": chain.risk_reversal_25d,
            "term_slope": _term_slope(chain),
            "put_call_interest": _log_ratio(chain.put_open_interest, chain.call_open_interest),
        }
        value = weighted_mean(parts, PART_WEIGHTS)
        if value is None:
            return missing(self._awaited(chain, now_ns), as_of=as_of, n_obs=self._n, parts=parts)
        grown = {
            "delta_flow": self._flow.quality,
            **{name: history.quality for name, history in self._histories.items()},
        }
        known = {name: None if parts[name] is None else quality for name, quality in grown.items()}
        quality = weighted_mean(known, PART_WEIGHTS) or 0.0
        return Reading(value=value, quality=quality, as_of=as_of, n_obs=self._n, parts=parts)

    def _awaited(self, chain: OptionsSummary, now_ns: int) -> str:
        """What a chain that says nothing lacks, of which source, and when the next is due."""
        due = f"{_utc(chain.ts_event + MINUTE_NS):%H:%M} UTC"
        if now_ns - chain.ts_event > MAX_AGE_NS:
            minutes = (now_ns - chain.ts_event) // MINUTE_NS
            return f"no data: the last chain of {chain.exchange} is {minutes} min old, the next was due at {due}"
        skew = self._histories["skew"]
        if skew.since_ns is None or skew.span_ns >= MIN_HISTORY_NS:
            return f"no data: nothing in the chain of {chain.exchange} has changed, the next is due at {due}"
        return (
            f"no data: {chain.exchange} heard since {_utc(skew.since_ns):%Y-%m-%d %H:%M} UTC, "
            f"{skew.span_ns / DAY_NS:.1f} of the 7 days that skew needs (delta flow: 1 day), the next is due at {due}"
        )


def _utc(ts_ns: int) -> datetime:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC)


def _is_sound(event: OptionsSummary) -> bool:
    return (
        0.0 < event.iv_atm_30d <= MAX_VOLATILITY
        and abs(event.risk_reversal_25d) <= MAX_VOLATILITY
        and is_size(event.put_volume)
        and is_size(event.call_volume)
    )


def _too_thin(event: OptionsSummary) -> str:
    """Why the chain says nothing, or nothing."""
    if event.strikes < MIN_STRIKES:
        return f"options are quoted at {event.strikes} strikes, needs {MIN_STRIKES}"
    return ""


def _term_slope(event: OptionsSummary) -> float | None:
    """(IV90 - IV7)/IV30: below 0 under stress."""
    if event.iv_7d is None or event.iv_90d is None:
        return None
    slope = (event.iv_90d - event.iv_7d) / event.iv_atm_30d
    return slope if math.isfinite(slope) else None


def _log_ratio(above: float, below: float) -> float | None:
    return math.log(above / below) if is_price(above) and is_price(below) else None

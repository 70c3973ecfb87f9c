"""What the order book and the prints say: order flow, trade flow, microprice, imbalance.

Weights .40 order flow (Cont, Kukanov & Stoikov 2014), .25 trade flow, .20 microprice, .15 book imbalance. The microprice
needs a fitted table (Stoikov 2018) and is None without one: top-of-book imbalance would only repeat the last part.
Order flow is that of 10 s; that of 60 s, the price impact with its usual size, and VPIN with its rank among that of
the last days stand beside it.
"""

import math

from marketdata.events import Level
from quant.features.book import imbalance, order_flow
from quant.features.ew import DecayingRatio, time_decay
from quant.features.flow_window import FlowWindow
from quant.features.impact import KyleLambda
from quant.features.microprice import MicropriceTable
from quant.features.rolling import RollingQuantile
from quant.features.scale import ForecastScale
from quant.features.toxicity import BUCKETS, Vpin
from quant.reading import MIN_OBSERVATIONS, Reading, grown_quality, missing, weighted_mean
from quant.vector import freshness

PART_WEIGHTS = {"order_flow": 0.40, "trade_flow": 0.25, "microprice": 0.20, "book_imbalance": 0.15}

# (age at which an input no longer counts, age up to which it counts in full), in seconds.
BOOK_AGE_S = (2.0, 0.1)
TRADE_AGE_S = (5.0, 1.0)

LEVELS = 5
IMBALANCE_TAU_S = 1.0
TRADE_TAU_S = 30.0
FLOW_TAU_S = 3600.0
LONG_FLOW_S = 60
IMPACT_TAU_S = 600.0
LEARN_NS = 1_000_000_000
MEDIAN_SAMPLES = 3600
# Impact fades over minutes: one of ten seconds tells as much as all ten.
IMPACT_EVERY, IMPACT_SAMPLES = 10, 360
# Ten days of buckets.
VPIN_SAMPLES = 500

Top = tuple[float, float, float, float]


class Microstructure:
    """Microstructure of one instrument. Times are of receipt, in nanoseconds; callers pass sound quotes and books."""

    def __init__(self) -> None:
        self._trades = DecayingRatio(TRADE_TAU_S)
        self._trade_ns: int | None = None
        self._scale = ForecastScale()
        self._flow_power = DecayingRatio(FLOW_TAU_S)
        self._impact = KyleLambda(IMPACT_TAU_S)
        self._impacts = RollingQuantile(IMPACT_SAMPLES)
        self._long_flow: float | None = None
        self._table: MicropriceTable | None = None
        self._vpin: Vpin | None = None
        self._vpins = RollingQuantile(VPIN_SAMPLES)
        self._bought = 0.0
        self._spreads = RollingQuantile(MEDIAN_SAMPLES)
        self._depths = RollingQuantile(MEDIAN_SAMPLES)
        self._n = 0
        self._learn_ns: int | None = None
        self._valid = True
        self._forget_book()

    def _forget_book(self) -> None:
        self._flow = FlowWindow()
        self._minute = FlowWindow(LONG_FLOW_S)
        self._learned_mid: float | None = None
        self._top: Top | None = None
        self._top_ns: int | None = None
        self._imbalance: float | None = None
        self._book_ns: int | None = None
        self._as_of: int | None = None
        self._depth: float | None = None
        self._depth_ns = 0
        self._dirty = True
        self._read_ns = 0
        self._reading = missing("no data: no quote yet")

    def set_microprice(self, table: MicropriceTable | None) -> None:
        """Take a newly fitted table, or go without."""
        self._table = table
        self._dirty = True

    def set_daily_volume(self, volume: float) -> None:
        """Take the day's volume in base, above zero: VPIN begins with the first, in buckets of a fiftieth of it."""
        if self._vpin is None:
            self._vpin = Vpin(volume / BUCKETS)

    def invalidate(self) -> None:
        """The book has a hole: say nothing until the next snapshot."""
        self._forget_book()
        self._valid = False

    def on_top(self, ts_ns: int, top: Top) -> None:
        """Take the best bid, its size, the best ask and its size."""
        if not self._valid:
            return
        if self._top is not None:
            flow, depth = order_flow(self._top, top), (top[1] + top[3]) / 2.0
            self._flow.add(ts_ns, flow, depth)
            self._minute.add(ts_ns, flow, depth)
        self._top = top
        self._top_ns = ts_ns if self._top_ns is None else max(self._top_ns, ts_ns)
        self._as_of = ts_ns if self._as_of is None else max(self._as_of, ts_ns)
        self._dirty = True
        if self._learn_ns is None:
            self._learn_ns = ts_ns
        elif ts_ns - self._learn_ns >= LEARN_NS:
            self._learn(ts_ns, top, (ts_ns - self._learn_ns) / 1e9)

    def on_book(self, ts_ns: int, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> None:
        """Take the top levels. Makes an invalid book valid again."""
        self._valid = True
        self._depth = sum(size for _, size in bids[:LEVELS]) + sum(size for _, size in asks[:LEVELS])
        self._depth_ns = max(self._depth_ns, ts_ns)
        now = imbalance(bids, asks, levels=LEVELS)
        if now is not None:
            if self._imbalance is None or self._book_ns is None:
                self._imbalance = now
            else:
                keep = time_decay((ts_ns - self._book_ns) / 1e9, IMBALANCE_TAU_S)
                self._imbalance = now + keep * (self._imbalance - now)
            self._book_ns = ts_ns
        self._as_of = ts_ns if self._as_of is None else max(self._as_of, ts_ns)
        self._dirty = True

    def on_trade(self, ts_ns: int, sign: int, size: float) -> None:
        elapsed_s = 0.0 if self._trade_ns is None else (ts_ns - self._trade_ns) / 1e9
        self._trades.update(sign * size, size, elapsed_s)
        self._bought += sign * size
        if self._vpin is not None and self._vpin.update(sign, size) and (vpin := self._vpin.value) is not None:
            self._vpins.push(vpin)
        self._trade_ns = ts_ns if self._trade_ns is None else max(self._trade_ns, ts_ns)
        self._dirty = True

    def depth(self, now_ns: int) -> float | None:
        """Size of the top levels of both sides; None without a book, or with one that is too old."""
        return self._depth if (now_ns - self._depth_ns) / 1e9 <= BOOK_AGE_S[0] else None

    @property
    def spread_median_bps(self) -> float | None:
        return self._spreads.quantile(0.5)

    @property
    def depth_median(self) -> float | None:
        return self._depths.quantile(0.5)

    @property
    def is_valid(self) -> bool:
        return self._valid

    def read(self, now_ns: int) -> Reading:
        if self._dirty or now_ns != self._read_ns:
            self._reading = self._read(now_ns)
            self._dirty, self._read_ns = False, now_ns
        return self._reading

    def _learn(self, ts_ns: int, top: Top, elapsed_s: float) -> None:
        self._learn_ns = ts_ns
        self._n += 1
        self._spreads.push((top[2] - top[0]) / (top[2] + top[0]) * 2e4)
        if (depth := self.depth(ts_ns)) is not None:
            self._depths.push(depth)
        mid = (top[0] + top[2]) / 2.0
        if self._learned_mid is not None:
            self._impact.update((mid - self._learned_mid) / mid * 1e4, self._bought, elapsed_s)
        self._learned_mid, self._bought = mid, 0.0
        if self._n % IMPACT_EVERY == 0 and (impact := self._impact.value) is not None:
            self._impacts.push(impact.slope)
        self._long_flow = self._minute.value
        flow = self._flow.value
        if flow is not None:
            self._flow_power.update(flow * flow, 1.0, elapsed_s)
            standard = self._standard_flow()
            if standard is not None:
                self._scale.observe(standard)

    def _standard_flow(self) -> float | None:
        """Order flow in units of its own deviation from zero."""
        flow, power = self._flow.value, self._flow_power.value
        return flow / math.sqrt(power) if flow is not None and power else None

    def _freshness(self, now_ns: int) -> dict[str, float]:
        """Share of its quality that each part keeps, by the age of its own input."""
        top = _fresh(self._top_ns, now_ns, BOOK_AGE_S)
        return {
            "order_flow": top,
            "trade_flow": _fresh(self._trade_ns, now_ns, TRADE_AGE_S),
            "microprice": top,
            "book_imbalance": _fresh(self._book_ns, now_ns, BOOK_AGE_S),
        }

    def _read(self, now_ns: int) -> Reading:
        if not self._valid:
            return missing("the order book has a gap: waiting for a snapshot", n_obs=self._n)
        if self._as_of is None:
            return missing("no data: no quote yet", n_obs=self._n)
        if self._n < MIN_OBSERVATIONS:
            return missing(f"warming up: {self._n} of {MIN_OBSERVATIONS} s", as_of=self._as_of, n_obs=self._n)
        flow = self._standard_flow()
        impact = self._impact.value
        vpin = None if self._vpin is None else self._vpin.value
        parts = {
            "order_flow": None if flow is None else self._scale.norm(flow),
            "trade_flow": self._trades.value,
            "microprice": None if self._table is None or self._top is None else self._table.score(*self._top),
            "book_imbalance": self._imbalance,
            "order_flow_60s": self._long_flow,
            "impact_bps": None if impact is None else impact.slope,
            "impact_r2": None if impact is None else impact.r2,
            "impact_median_bps": self._impacts.quantile(0.5) if len(self._impacts) >= MIN_OBSERVATIONS else None,
            "vpin": vpin,
            "vpin_percentile": None if vpin is None or len(self._vpins) < MIN_OBSERVATIONS else self._vpins.rank(vpin),
        }
        known = sum(weight for name, weight in PART_WEIGHTS.items() if parts[name] is not None)
        if not known:
            return missing("no size in the book", as_of=self._as_of, n_obs=self._n, parts=parts)
        fresh = self._freshness(now_ns)
        parts |= {name: None for name, left in fresh.items() if left == 0.0}
        value = weighted_mean(parts, PART_WEIGHTS)
        if value is None:
            reason = "stale: no quote or book within 2 s, no print within 5 s"
            return missing(reason, as_of=self._as_of, n_obs=self._n, parts=parts)
        # What all parts have lost by age is taken off with the age of the reading: here, what some lost more than others.
        newest = _fresh(self._as_of, now_ns, BOOK_AGE_S)
        left = sum(weight * fresh[name] for name, weight in PART_WEIGHTS.items() if parts[name] is not None) / known
        quality = grown_quality(self._n) * (min(1.0, left / newest) if newest else left)
        return Reading(value=value, quality=quality, as_of=self._as_of, n_obs=self._n, parts=parts)


def _fresh(ts_ns: int | None, now_ns: int, age_s: tuple[float, float]) -> float:
    return 0.0 if ts_ns is None else freshness((now_ns - ts_ns) / 1e9, *age_s)

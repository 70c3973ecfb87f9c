"""How fast the mid moves, over seconds.

½ scaled returns, each brought to its scale, over 5, 30 and 120 s, .3 velocity, .2 acceleration, amplified where prints come faster than usual.
Sampled at most ten times a second; scales and z-scores learn once a second. Weights are priors of our own. A leader's
last moves weigh .3 where that is switched on, and the others .7 of what they do.
"""

import math

from quant.features.ew import DecayingRatio, EwMoments, time_decay
from quant.features.lead_lag import LeadLag
from quant.features.rolling import Lagged
from quant.features.scale import ForecastScale
from quant.features.trend import mean_of
from quant.reading import MIN_OBSERVATIONS, Reading, clip, grown_quality, missing, weighted_mean

PART_WEIGHTS = {"scaled_return": 0.5, "velocity": 0.3, "acceleration": 0.2}
LED_WEIGHTS = {"scaled_return": 0.35, "velocity": 0.21, "acceleration": 0.14, "lead_lag": 0.3}

HORIZONS_S = (5, 30, 120)
SAMPLE_NS = 100_000_000
LEARN_NS = 1_000_000_000
LEADER_MAX_AGE_NS = 5_000_000_000
VOLATILITY_TAU_S = 600.0
Z_TAU_S = 3600.0
FAST_TAU_S, SLOW_TAU_S = 5.0, 20.0
RATE_TAUS_S = (5.0, 300.0)


class TickRate:
    """Prints a second over 5 s against 300 s."""

    __slots__ = ("_counts", "_last_ns", "_start_ns")

    def __init__(self) -> None:
        self._counts = [0.0, 0.0]
        self._start_ns: int | None = None
        self._last_ns = 0

    def update(self, ts_ns: int) -> None:
        if self._start_ns is None:
            self._start_ns = self._last_ns = ts_ns
        elapsed_s = (ts_ns - self._last_ns) / 1e9
        self._last_ns = max(self._last_ns, ts_ns)
        for i, tau_s in enumerate(RATE_TAUS_S):
            self._counts[i] = self._counts[i] * time_decay(elapsed_s, tau_s) + 1.0

    def amplifier(self, now_ns: int) -> float:
        """.5 at the usual rate or below, 1 at twice the usual rate or above."""
        if self._start_ns is None:
            return 0.5
        rates = []
        for count, tau_s in zip(self._counts, RATE_TAUS_S, strict=True):
            left = time_decay((now_ns - self._last_ns) / 1e9, tau_s)
            # A window that has run for a moment only holds less than its full count.
            filled = 1.0 - time_decay((now_ns - self._start_ns) / 1e9, tau_s)
            rates.append(count * left / (tau_s * filled) if filled > 0.0 else 0.0)
        if rates[0] <= 0.0 or rates[1] <= 0.0:
            return 0.5
        return 0.5 + 0.5 * clip(math.log2(rates[0] / rates[1]), 0.0, 1.0)


class Speed:
    """Speed of one instrument. Times are of receipt, in nanoseconds.

    `lead_lag` lets another instrument's mid speak too: one for which the evidence has shown that it leads.
    """

    def __init__(self, *, lead_lag: bool = False) -> None:
        self._lead = LeadLag() if lead_lag else None
        self._leader: tuple[int, float] | None = None
        self._led_from: float | None = None
        self._weights = LED_WEIGHTS if lead_lag else PART_WEIGHTS
        self._lags = tuple(Lagged(h * 1_000_000_000) for h in HORIZONS_S)
        self._minute = Lagged(60_000_000_000)
        self._log_mid = 0.0
        self._ts: int | None = None
        self._second: tuple[int, float] | None = None
        self._variance = DecayingRatio(VOLATILITY_TAU_S)
        self._fast = DecayingRatio(FAST_TAU_S)
        self._slow = DecayingRatio(SLOW_TAU_S)
        self._z_velocity = EwMoments()
        self._z_acceleration = EwMoments()
        self._scales = {name: ForecastScale() for name in self._weights if name != "scaled_return"}
        self._return_scales = tuple(ForecastScale() for _ in HORIZONS_S)
        self._rate = TickRate()
        self._n = 0
        self._dirty = True
        self._reading = missing("no data: no quote yet")

    def on_trade(self, ts_ns: int) -> None:
        self._rate.update(ts_ns)
        self._dirty = True

    def on_leader(self, ts_ns: int, mid: float) -> None:
        """Take the leader's mid, above zero; without the switch it is left out."""
        if self._lead is not None:
            self._leader = (ts_ns, math.log(mid))
            self._dirty = True

    def on_mid(self, ts_ns: int, mid: float) -> bool:
        """Take a mid above zero. True when it was sampled."""
        if self._ts is not None and ts_ns - self._ts < SAMPLE_NS:
            return False
        log_mid = math.log(mid)
        if self._ts is not None:
            elapsed_s = (ts_ns - self._ts) / 1e9
            moved = log_mid - self._log_mid
            self._fast.update(moved, elapsed_s, elapsed_s)
            self._slow.update(moved, elapsed_s, elapsed_s)
        for lag in self._lags:
            lag.push(ts_ns, log_mid)
        self._minute.push(ts_ns, log_mid)
        self._ts, self._log_mid = ts_ns, log_mid
        if self._second is None:
            self._second = (ts_ns, log_mid)
        elif ts_ns - self._second[0] >= LEARN_NS:
            self._learn(ts_ns, log_mid, *self._second)
        self._dirty = True
        return True

    @property
    def return_1m(self) -> float | None:
        """Log return of the mid over the last minute."""
        then = None if self._ts is None else self._minute.get(self._ts)
        return None if then is None else self._log_mid - then[1]

    def read(self) -> Reading:
        if self._dirty:
            self._reading = self._read()
            self._dirty = False
        return self._reading

    def _learn(self, ts_ns: int, log_mid: float, second_ns: int, second_log_mid: float) -> None:
        elapsed_s = (ts_ns - second_ns) / 1e9
        self._second = (ts_ns, log_mid)
        self._variance.update((log_mid - second_log_mid) ** 2, elapsed_s, elapsed_s)
        if self._lead is not None and self._leader is not None:
            _, led = self._leader
            if self._led_from is not None:
                self._lead.step(led - self._led_from, log_mid - second_log_mid)
            self._led_from = led
        velocity, acceleration = self._velocities()
        decay = time_decay(elapsed_s, Z_TAU_S)
        self._z_velocity.update(velocity, decay)
        self._z_acceleration.update(acceleration, decay)
        for name, x in self._raw().items():
            if x is not None:
                self._scales[name].observe(x)
        for scale, x in zip(self._return_scales, self._scaled_returns(), strict=True):
            if x is not None:
                scale.observe(x)
        self._n += 1

    def _velocities(self) -> tuple[float, float]:
        slow = self._slow.value or 0.0
        return slow, (self._fast.value or 0.0) - slow

    def _scaled_returns(self) -> list[float | None]:
        """Of each horizon: the mid's return in deviations of a walk of that length; None where it is not there yet."""
        variance = self._variance.value
        if not variance or self._ts is None:
            return [None] * len(self._lags)
        returns: list[float | None] = []
        for lag in self._lags:
            then = lag.get(self._ts)
            moved = None if then is None else (self._log_mid - then[1]) / math.sqrt(variance * then[0] / 1e9)
            returns.append(moved)
        return returns

    def _raw(self) -> dict[str, float | None]:
        velocity, acceleration = self._velocities()
        raw = {
            "velocity": self._z_velocity.z(velocity),
            "acceleration": self._z_acceleration.z(acceleration),
        }
        if self._lead is not None:
            raw["lead_lag"] = self._led(self._variance.value)
        return raw

    def _led(self, variance: float | None) -> float | None:
        """The forecast of the next second in deviations; None where the leader is silent."""
        if self._lead is None or self._leader is None or self._ts is None or not variance:
            return None
        forecast = self._lead.forecast
        stale = self._ts - self._leader[0] > LEADER_MAX_AGE_NS
        return None if stale or forecast is None else forecast / math.sqrt(variance)

    def _read(self) -> Reading:
        if self._ts is None:
            return missing("no data: no quote yet")
        if self._n < MIN_OBSERVATIONS:
            return missing(f"warming up: {self._n} of {MIN_OBSERVATIONS} s", as_of=self._ts, n_obs=self._n)
        returns = zip(self._return_scales, self._scaled_returns(), strict=True)
        parts = {
            "scaled_return": mean_of([None if x is None else scale.norm(x) for scale, x in returns]),
            **{name: None if x is None else self._scales[name].norm(x) for name, x in self._raw().items()},
        }
        value = weighted_mean(parts, self._weights)
        amplifier = self._rate.amplifier(self._ts)
        parts["amplifier"] = amplifier
        if value is None:
            return missing("the mid stands still", as_of=self._ts, n_obs=self._n, parts=parts)
        return Reading(
            value=value * amplifier, quality=grown_quality(self._n), as_of=self._ts, n_obs=self._n, parts=parts
        )

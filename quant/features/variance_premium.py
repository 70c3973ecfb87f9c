"""The variance risk premium: what options expect of the next 30 days, less what the last 30 were, as annual variances.

A candidate, recorded beside the signals: its sign is positive for stocks (Bollerslev, Tauchen & Zhou 2009) and was
found negative for Bitcoin (Almeida et al. 2024).
"""

import math
from collections import deque

from quant.features.scale import ForecastScale
from quant.features.slow import DAY_NS, HOUR_NS, History

WINDOW_HOURS = 30 * 24
MIN_HOURS = 7 * 24
HOURS_A_YEAR = 365 * 24
MAX_AGE_NS = DAY_NS // 8


class VariancePremium:
    """DVOL² - RV², with RV from hourly returns of the index over 30 days, from 7 days on."""

    def __init__(self) -> None:
        self._squares: deque[tuple[int, float]] = deque()
        self._hour: tuple[int, float] | None = None
        self._implied: tuple[int, float] | None = None
        self._history = History(tau_days=30.0, every_s=3000.0)
        self._scale = ForecastScale()
        self._tilt: float | None = None

    def on_index(self, ts_ns: int, price: float) -> None:
        """Take the asset's price; the first of each hour counts."""
        if self._hour is None:
            self._hour = (ts_ns, math.log(price))
            return
        then_ns, then = self._hour
        hours = ts_ns // HOUR_NS - then_ns // HOUR_NS
        if hours < 1:
            return
        now = math.log(price)
        # A return over several hours is not one of an hour.
        if hours == 1:
            self._squares.append((ts_ns, (now - then) ** 2))
        self._hour = (ts_ns, now)
        while self._squares and self._squares[0][0] <= ts_ns - WINDOW_HOURS * HOUR_NS:
            self._squares.popleft()
        self._judge(ts_ns)

    def on_implied(self, ts_ns: int, volatility: float) -> None:
        """Take the implied volatility index, an annual fraction."""
        if self._implied is None or ts_ns > self._implied[0]:
            self._implied = (ts_ns, volatility)

    @property
    def implied(self) -> float | None:
        return None if self._implied is None else self._implied[1]

    @property
    def realised_variance(self) -> float | None:
        """Annual; None before 7 days of hours."""
        if len(self._squares) < MIN_HOURS:
            return None
        return math.fsum(square for _, square in self._squares) / len(self._squares) * HOURS_A_YEAR

    @property
    def value(self) -> float | None:
        realised = self.realised_variance
        if self._implied is None or realised is None or self._hour is None:
            return None
        if abs(self._hour[0] - self._implied[0]) > MAX_AGE_NS:
            return None
        return self._implied[1] ** 2 - realised

    @property
    def tilt(self) -> float | None:
        """norm(z) of the premium against its last 30 days, from 7 days on, in [-1, 1]; it is judged once an hour."""
        return None if self.value is None else self._tilt

    def _judge(self, ts_ns: int) -> None:
        premium = self.value
        z = None if premium is None else self._history.score(ts_ns, premium)
        self._tilt = None if z is None else self._scale.norm(z)
        if z is not None:
            self._scale.observe(z)

"""Time-series momentum: the price's change over 24, 96 and 288 bars, in deviations of a walk of that length.

Daily bars look back 30, 90 and 365.

Source: Moskowitz, Ooi & Pedersen (2012), with price differences and their deviation as the trend rules have them.
"""

import math
from collections import deque

from marketdata.events import Timeframe
from quant.features.scale import ForecastScale
from quant.features.trend import PriceVolatility, mean_of

LOOK_BACKS = (24, 96, 288)
DAILY_LOOK_BACKS = (30, 90, 365)


def look_backs(timeframe: Timeframe) -> tuple[int, ...]:
    return DAILY_LOOK_BACKS if timeframe == "1d" else LOOK_BACKS


class Momentum:
    """Mean over L of norm((price - price L bars ago) / (sigma·√L)), of those L for which there are enough bars."""

    def __init__(self, bars: tuple[int, ...] = LOOK_BACKS) -> None:
        self._look_backs = bars
        self._volatility = PriceVolatility()
        self._prices: deque[float] = deque(maxlen=max(bars))
        self._scales = tuple(ForecastScale() for _ in bars)

    def update(self, price: float) -> float | None:
        raw = self._raw(price, self._volatility.update(price))
        score = self._score(raw)
        for scale, x in zip(self._scales, raw, strict=True):
            if x is not None:
                scale.observe(x)
        self._prices.append(price)
        return score

    def peek(self, price: float) -> float | None:
        return self._score(self._raw(price, self._volatility.peek(price)))

    def _raw(self, price: float, sigma: float | None) -> list[float | None]:
        prices = self._prices
        return [
            None if sigma is None or len(prices) < bars else (price - prices[-bars]) / (sigma * math.sqrt(bars))
            for bars in self._look_backs
        ]

    def _score(self, raw: list[float | None]) -> float | None:
        return mean_of([None if x is None else scale.norm(x) for scale, x in zip(self._scales, raw, strict=True)])

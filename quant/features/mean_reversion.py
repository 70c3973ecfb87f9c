"""Mean reversion: distance from the 20-bar average, and RSI's distance from its middle.

Sources: Bollinger, On Bollinger Bands; Wilder (1978).
"""

from functools import partial

from talib import stream

from quant.features.indicator import Indicator
from quant.features.scale import ForecastScale
from quant.reading import clip

BAND_BARS = 20
RSI_BARS = 14


class MeanReversion:
    """½·[-norm(b) where |b| > 1] + ½·clip(2r): positive where prices have fallen too far.

    b = (close - SMA20)/sigma20, r = (50 - RSI14)/50. Gives (score, band distance b, RSI); None where prices stand still.
    """

    def __init__(self) -> None:
        self._mean = Indicator(partial(stream.SMA, timeperiod=BAND_BARS))
        self._deviation = Indicator(partial(stream.STDDEV, timeperiod=BAND_BARS, nbdev=1.0))
        self._rsi = Indicator(partial(stream.RSI, timeperiod=RSI_BARS))
        self._scale = ForecastScale()

    def update(self, price: float) -> tuple[float | None, float | None, float | None]:
        for indicator in (self._mean, self._deviation, self._rsi):
            indicator.update(price)
        result = self._score(price, self._mean.value, self._deviation.value, self._rsi.value)
        if result[1] is not None:
            self._scale.observe(result[1])
        return result

    def peek(self, price: float) -> tuple[float | None, float | None, float | None]:
        return self._score(price, self._mean.peek(price), self._deviation.peek(price), self._rsi.peek(price))

    def _score(
        self, price: float, mean: float | None, deviation: float | None, rsi: float | None
    ) -> tuple[float | None, float | None, float | None]:
        # TA-Lib's RSI is 0 where nothing ever moved, which is also where sigma20 is 0.
        if mean is None or rsi is None or not deviation:
            return None, None, None
        band = (price - mean) / deviation
        fade = -self._scale.norm(band) if abs(band) > 1.0 else 0.0
        stretch = clip(2.0 * (50.0 - rsi) / 50.0, -1.0, 1.0)
        return 0.5 * fade + 0.5 * stretch, band, rsi

"""Liquidity sweeps: a bar that trades through a swing and closes back inside it, leaving a long wick.

Stops rest beyond swings; taken without the price staying there, the move is faded. A prior of our own.
"""

from collections import deque

from quant.features.swings import Swings

MIN_WICK = 0.3
HALF_LIFE_BARS = 5
LEVELS = 5
_KEEP: float = 2.0 ** (-1.0 / HALF_LIFE_BARS)
_NOTHING = 1e-9


class LiquiditySweep:
    """-min(1, wick/ATR) after a sweep of a swing high, + after one of a low, halving every 5 bars; 0 without one.

    The last five unbroken swings of each side count, and each fires once. None while there is no range to measure with.
    """

    def __init__(self) -> None:
        self._swings = Swings()
        self._highs: deque[float] = deque(maxlen=LEVELS)
        self._lows: deque[float] = deque(maxlen=LEVELS)
        self._value = 0.0

    def update(self, high: float, low: float, close: float, atr: float | None) -> float | None:
        value = self.peek(high, low, close, atr)
        fires = MIN_WICK * atr if atr else float("inf")
        self._highs = deque((x for x in self._highs if not (close > x or close < x <= high - fires)), maxlen=LEVELS)
        self._lows = deque((x for x in self._lows if not (close < x or close > x >= low + fires)), maxlen=LEVELS)
        # A swing cannot be swept by the bar that confirms it: that bar is one of its lower neighbours.
        new_high, new_low = self._swings.update(high, low)
        if new_high is not None and new_high not in self._highs:
            self._highs.append(new_high)
        if new_low is not None and new_low not in self._lows:
            self._lows.append(new_low)
        if value is not None:
            self._value = value if abs(value) > _NOTHING else 0.0
        return value

    def peek(self, high: float, low: float, close: float, atr: float | None) -> float | None:
        if not atr:
            return None
        up: float = max((high - x for x in self._highs if close < x <= high - MIN_WICK * atr), default=0.0)
        down: float = max((x - low for x in self._lows if close > x >= low + MIN_WICK * atr), default=0.0)
        if up <= 0.0 and down <= 0.0:
            return self._value * _KEEP
        return min(1.0, down / atr) - min(1.0, up / atr)

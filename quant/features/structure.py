"""Smart-money concepts: breaks of structure and fair-value gaps. No peer-reviewed support is known: judge by evidence."""

from collections import deque
from typing import NamedTuple

from quant.features.swings import Swings
from quant.reading import clip

MIN_BREAK = 0.1
HALF_LIFE_BARS = 10
MIN_GAP = 0.25
_KEEP: float = 2.0 ** (-1.0 / HALF_LIFE_BARS)
_NOTHING = 1e-9

Zone = tuple[float, float]


class BreakOfStructure:
    """+min(1, (close - swing high)/ATR) on the first close beyond the last swing high, - for lows, halving in 10 bars.

    `direction` is that of the last break; `changed` is the break's value where it went against the direction before it
    (a change of character) and 0 otherwise.
    """

    def __init__(self) -> None:
        self._swings = Swings()
        self._high: float | None = None
        self._low: float | None = None
        self._value = 0.0
        self.direction = 0
        self.changed = 0.0

    def update(self, high: float, low: float, close: float, atr: float | None) -> float | None:
        event = self._event(close, atr)
        value = self.peek(close, atr)
        self.changed = self.peek_changed(close, atr)
        if self._high is not None and atr and close > self._high + MIN_BREAK * atr:
            self._high = None
        if self._low is not None and atr and close < self._low - MIN_BREAK * atr:
            self._low = None
        if event:
            self.direction = 1 if event > 0.0 else -1
        new_high, new_low = self._swings.update(high, low)
        self._high = self._high if new_high is None else new_high
        self._low = self._low if new_low is None else new_low
        if value is not None:
            self._value = value if abs(value) > _NOTHING else 0.0
        return value

    def peek(self, close: float, atr: float | None) -> float | None:
        """None while there is no range to measure with."""
        if not atr:
            return None
        return self._event(close, atr) or self._value * _KEEP

    def peek_changed(self, close: float, atr: float | None) -> float:
        event = self._event(close, atr)
        if event:
            return event if event * self.direction < 0.0 else 0.0
        return self.changed

    def _event(self, close: float, atr: float | None) -> float:
        if not atr:
            return 0.0
        event = 0.0
        if self._high is not None and close > self._high + MIN_BREAK * atr:
            event += min(1.0, (close - self._high) / atr)
        if self._low is not None and close < self._low - MIN_BREAK * atr:
            event -= min(1.0, (self._low - close) / atr)
        return event


class FairValueGap:
    """+½ while the close is inside the last gap that a rise left, -½ inside that of a fall.

    A rise leaves a gap from the high of two bars ago to the low, if it is a quarter of ATR or more. A close on its far
    side voids it.
    """

    def __init__(self) -> None:
        self._bars: deque[Zone] = deque(maxlen=2)
        self._rise: Zone | None = None
        self._fall: Zone | None = None

    def update(self, high: float, low: float, close: float, atr: float | None) -> float | None:
        value = self.peek(close, atr)
        if self._rise is not None and close < self._rise[0]:
            self._rise = None
        if self._fall is not None and close > self._fall[1]:
            self._fall = None
        if atr and len(self._bars) == 2:
            before_high, before_low = self._bars[0]
            if low - before_high >= MIN_GAP * atr:
                self._rise = (before_high, low)
            if before_low - high >= MIN_GAP * atr:
                self._fall = (high, before_low)
        self._bars.append((high, low))
        return value

    def peek(self, close: float, atr: float | None) -> float | None:
        if not atr:
            return None
        value = 0.0
        if self._rise is not None and self._rise[0] <= close <= self._rise[1]:
            value += 0.5
        if self._fall is not None and self._fall[0] <= close <= self._fall[1]:
            value -= 0.5
        return value


class SmartMoneyScore(NamedTuple):
    score: float | None
    broken: float | None
    gap: float | None
    changed: float


class SmartMoney:
    """.6 break of structure + .4 fair-value gap, in [-1, 1]."""

    def __init__(self) -> None:
        self.structure = BreakOfStructure()
        self._gap = FairValueGap()

    def update(self, high: float, low: float, close: float, atr: float | None) -> SmartMoneyScore:
        broken, gap = self.structure.update(high, low, close, atr), self._gap.update(high, low, close, atr)
        return _combine(broken, gap, self.structure.changed)

    def peek(self, close: float, atr: float | None) -> SmartMoneyScore:
        broken, gap = self.structure.peek(close, atr), self._gap.peek(close, atr)
        return _combine(broken, gap, self.structure.peek_changed(close, atr))


def _combine(broken: float | None, gap: float | None, changed: float) -> SmartMoneyScore:
    if broken is None or gap is None:
        return SmartMoneyScore(None, broken, gap, changed)
    return SmartMoneyScore(clip(0.6 * broken + 0.4 * gap, -1.0, 1.0), broken, gap, changed)

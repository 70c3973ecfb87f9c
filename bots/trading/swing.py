"""How far a price moved within the last minute: by more than the period collar, and nobody enters."""

from collections import deque

SECOND_NS = 1_000_000_000


class Swing:
    """The lowest and highest price of a rolling window, second by second: a price costs two comparisons.

    window_ns: at most one second more than it is looked at. Prices that are not above zero are not taken.
    """

    __slots__ = ("_high", "_low", "_older", "_second", "_window_s")

    def __init__(self, window_ns: int) -> None:
        self._window_s = max(1, window_ns // SECOND_NS)
        self.forget()

    def forget(self) -> None:
        """Begin anew: prices of one source are no movement against those of another."""
        self._older: deque[tuple[int, float, float]] = deque()
        self._second = -1
        self._low, self._high = 0.0, 0.0

    def see(self, price: float, now_ns: int) -> None:
        """Take a price. A time before the last one counts as its second."""
        if not price > 0.0:
            return
        second = now_ns // SECOND_NS
        if second > self._second:
            if self._low:
                self._older.append((self._second, self._low, self._high))
            self._second, self._low, self._high = second, price, price
            while self._older and self._older[0][0] < second - self._window_s:
                self._older.popleft()
        elif price < self._low:
            self._low = price
        elif price > self._high:
            self._high = price

    def moved(self, now_ns: int) -> float:
        """From the lowest to the highest price of the window, as a fraction of the lowest; 0 where there is none."""
        first = now_ns // SECOND_NS - self._window_s
        seen = [(low, high) for second, low, high in self._older if second >= first]
        if self._low and self._second >= first:
            seen.append((self._low, self._high))
        if not seen:
            return 0.0
        lowest = min(low for low, _ in seen)
        return (max(high for _, high in seen) - lowest) / lowest

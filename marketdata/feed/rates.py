"""How many messages a second, over the last few seconds."""

from collections import deque
from collections.abc import Hashable

_WINDOW_S = 5.0


class Rates:
    """Differences of counters. Call `observe` now and then with each counter's value."""

    def __init__(self, window_s: float = _WINDOW_S) -> None:
        self._window_s = window_s
        self._seen: dict[Hashable, deque[tuple[float, int]]] = {}

    def observe(self, key: Hashable, count: int, now_s: float) -> float:
        """Messages a second of this counter now. A counter that fell was begun anew."""
        seen = self._seen.setdefault(key, deque())
        if seen and count < seen[-1][1]:
            seen.clear()
        seen.append((now_s, count))
        while len(seen) > 2 and now_s - seen[1][0] >= self._window_s:
            seen.popleft()
        (first_s, first), elapsed_s = seen[0], now_s - seen[0][0]
        return (count - first) / elapsed_s if elapsed_s > 0 and first_s < now_s else 0.0

    def forget(self, keys: set[Hashable]) -> None:
        """Forget all counters but these."""
        for key in self._seen.keys() - keys:
            del self._seen[key]

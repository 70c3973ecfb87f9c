"""How many requests may be sent in which time."""

from collections import deque
from collections.abc import Mapping


class RequestBudget:
    """Counts requests in sliding windows. `limits` maps seconds to the requests allowed in them."""

    def __init__(self, limits: Mapping[float, int]) -> None:
        self._windows = [(seconds, deque[float](maxlen=count)) for seconds, count in limits.items()]

    def take_s(self, now_s: float) -> float:
        """Count a request at `now_s` and give 0, or give the seconds until one is allowed, counting none."""
        wait_s = max(
            (times[0] + seconds - now_s for seconds, times in self._windows if len(times) == times.maxlen), default=0.0
        )
        if wait_s > 0:
            return wait_s
        for _, times in self._windows:
            times.append(now_s)
        return 0.0

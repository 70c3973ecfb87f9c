"""How late a stream is: its delay from the venue's clock to ours, less the least delay it has had lately.

The least delay of ten minutes stands for the offset of the clocks and the way at its best, so that neither is blamed.
"""

from collections import deque

BUCKET_NS = 5_000_000_000
BUCKETS = 120


class Lateness:
    """Least delay of the last five to ten seconds less the least of ten minutes: one slow message is none. O(1)."""

    __slots__ = ("_best_ns", "_bucket", "_buckets", "_now_ns")

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, int]] = deque()
        self._bucket = -1
        self._now_ns = 0
        self._best_ns = 0

    def update(self, ts_event: int, ts_init: int) -> None:
        """Take a message's moment at the venue and of receipt; without a moment at the venue it is left out."""
        if ts_event <= 0:
            return
        delay_ns, bucket = ts_init - ts_event, ts_init // BUCKET_NS
        if self._bucket < 0:
            self._bucket, self._now_ns, self._best_ns = bucket, delay_ns, delay_ns
        elif bucket > self._bucket:
            self._buckets.append((self._bucket, self._now_ns))
            while self._buckets and self._buckets[0][0] <= bucket - BUCKETS:
                self._buckets.popleft()
            self._bucket, self._now_ns = bucket, delay_ns
            self._best_ns = min((least for _, least in self._buckets), default=delay_ns)
        if delay_ns < self._now_ns:
            self._now_ns = delay_ns
        if delay_ns < self._best_ns:
            self._best_ns = delay_ns

    @property
    def value_ms(self) -> float | None:
        """None before the first message; never below 0."""
        if self._bucket < 0:
            return None
        recent_ns = self._now_ns
        if self._buckets and self._buckets[-1][0] == self._bucket - 1:
            recent_ns = min(recent_ns, self._buckets[-1][1])
        return (recent_ns - self._best_ns) / 1e6

"""How long a channel may be silent: a watchdog on data, since a socket may live on without any."""

from collections import deque
from statistics import median

MIN_SILENCE_NS = 2_000_000_000
_GAPS_FACTOR = 5


class ChannelSilence:
    """Arrival times of one channel of one symbol, by our clock."""

    __slots__ = ("_gaps_ns", "last_ns")

    def __init__(self) -> None:
        self.last_ns = 0
        self._gaps_ns: deque[int] = deque(maxlen=51)

    def arrived(self, ts_init: int) -> None:
        if self.last_ns:
            self._gaps_ns.append(ts_init - self.last_ns)
        self.last_ns = ts_init

    def restart(self, ts_init: int) -> None:
        """Count silence from now, without calling the pause before it a gap."""
        self.last_ns = ts_init

    def limit_ns(self) -> int:
        """The longer of 2 s and five times the median gap."""
        if not self._gaps_ns:
            return MIN_SILENCE_NS
        return max(MIN_SILENCE_NS, int(_GAPS_FACTOR * median(self._gaps_ns)))

    def is_silent(self, now_ns: int) -> bool:
        silence_ns = now_ns - self.last_ns
        return silence_ns > MIN_SILENCE_NS and silence_ns > self.limit_ns()

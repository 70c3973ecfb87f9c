"""What clients made of the venue's limits: counters for tests and drills."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field

WINDOW_S = 300.0


@dataclass(slots=True, kw_only=True)
class Counters:
    """Since the start."""

    connections: int = 0
    connections_refused: int = 0
    most_connections_in_5min: int = 0
    most_streams_on_a_socket: int = 0
    most_messages_in_a_second: int = 0
    cut_for_messages: int = 0
    streams_refused: int = 0
    subscriptions: int = 0
    pings: int = 0
    pongs: int = 0
    cut_for_silence: int = 0
    slowest_pong_ms: float = 0.0
    rest_requests: int = 0
    rest_429: int = 0
    rest_418: int = 0


@dataclass(slots=True)
class Usage:
    """The counters, and the connections of the last five minutes of each address."""

    connections_per_5min: int
    counters: Counters = field(default_factory=Counters)
    # By path: how many requests, how many are being answered, and the most at once.
    _paths: Counter[str] = field(default_factory=Counter)
    _open: Counter[str] = field(default_factory=Counter)
    _most_at_once: Counter[str] = field(default_factory=Counter)
    _opened: dict[str, deque[float]] = field(default_factory=dict)

    def may_connect(self, address: str, now_s: float) -> bool:
        """Count an attempt to connect; false when there were too many."""
        opened = self._opened.setdefault(address, deque())
        while opened and now_s - opened[0] > WINDOW_S:
            opened.popleft()
        opened.append(now_s)
        counters = self.counters
        counters.connections += 1
        counters.most_connections_in_5min = max(counters.most_connections_in_5min, len(opened))
        if len(opened) > self.connections_per_5min:
            counters.connections_refused += 1
            return False
        return True

    def subscribed(self, streams: int, *, on_socket: int) -> None:
        self.counters.subscriptions += streams
        self.counters.most_streams_on_a_socket = max(self.counters.most_streams_on_a_socket, on_socket)

    def received(self, in_a_second: int, *, within_limit: bool) -> None:
        self.counters.most_messages_in_a_second = max(self.counters.most_messages_in_a_second, in_a_second)
        self.counters.cut_for_messages += not within_limit

    def answered(self, pinged_s: float) -> None:
        self.counters.pongs += 1
        self.counters.slowest_pong_ms = max(self.counters.slowest_pong_ms, 1000 * (time.monotonic() - pinged_s))

    def rest_asked(self, path: str) -> None:
        self._paths[path] += 1
        self._open[path] += 1
        self._most_at_once[path] = max(self._most_at_once[path], self._open[path])

    def rest_answered(self, path: str, status: int) -> None:
        self._open[path] -= 1
        self.counters.rest_requests += 1
        self.counters.rest_429 += status == 429
        self.counters.rest_418 += status == 418

    def forget(self) -> None:
        """Count from now; what is being answered still counts as such."""
        self.counters = Counters()
        self._opened.clear()
        self._paths.clear()
        self._most_at_once.clear()

    def state(self) -> dict[str, object]:
        paths = {
            path: {"requests": count, "most_at_once": self._most_at_once[path]}
            for path, count in sorted(self._paths.items())
        }
        return {**asdict(self.counters), "rest": paths}

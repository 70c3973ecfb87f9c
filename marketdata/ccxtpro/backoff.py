"""Delays between tries of one channel in the child process."""

_MAX_S = 30.0


class Retry:
    """At once, then 1 s, doubled up to 30 s; from the beginning after data came."""

    def __init__(self) -> None:
        self._failures = 0

    def next_delay_s(self) -> float:
        self._failures += 1
        if self._failures == 1:
            return 0.0
        return float(min(_MAX_S, 2.0 ** min(self._failures - 2, 30)))

    def reset(self) -> None:
        self._failures = 0

"""How long this process could not read: what piled up meanwhile was not sent all at once."""

import asyncio
import time
from collections import deque

_BEAT_S = 0.05
_WINDOW_S = 1.0


class LoopLag:
    """Measures the pauses of its event loop while `run` runs."""

    def __init__(self) -> None:
        self._beat_s = time.monotonic()
        self._pauses: deque[tuple[float, float]] = deque()

    @property
    def recent_s(self) -> float:
        """Seconds lost to pauses that ended within the last second, or have not ended."""
        now_s = time.monotonic()
        while self._pauses and now_s - self._pauses[0][0] > _WINDOW_S:
            self._pauses.popleft()
        return sum(lost_s for _, lost_s in self._pauses) + max(0.0, now_s - self._beat_s - _BEAT_S)

    async def run(self) -> None:
        self._beat_s = time.monotonic()
        while True:
            await asyncio.sleep(_BEAT_S)
            now_s = time.monotonic()
            lost_s = now_s - self._beat_s - _BEAT_S
            if lost_s > _BEAT_S:
                self._pauses.append((now_s, lost_s))
            self._beat_s = now_s

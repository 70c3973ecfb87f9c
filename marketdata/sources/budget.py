"""Staying below a venue's limit: a bucket of requests that fills again with time."""

import asyncio
import time
from collections.abc import Callable


class TokenBucket:
    """At most `capacity` at once and `per_s` a second after that: in any `t` seconds no more than both together.

    A limit of 1,000 in 300 s, of which half may be used, is a capacity of 100 and (500 - 100) / 300 a second.
    """

    def __init__(self, *, capacity: float, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = capacity
        self.per_s = per_s
        self._clock = clock
        self._tokens = capacity
        self._filled_s = clock()

    @property
    def tokens(self) -> float:
        now_s = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now_s - self._filled_s) * self.per_s)
        self._filled_s = now_s
        return self._tokens

    def missing_s(self, amount: float = 1.0, *, leave: float = 0.0) -> float:
        """How long until `amount` may be taken while `leave` stays for more urgent requests; 0 when now."""
        return max(0.0, (amount + leave - self.tokens) / self.per_s)

    async def take(self, amount: float = 1.0, *, leave: float = 0.0) -> None:
        """Wait until there is so much, then use it. Raises ValueError for more than there can ever be."""
        if amount + leave > self.capacity:
            raise ValueError(f"{amount} beside {leave} is more than the capacity of {self.capacity}")
        wait_s = self.missing_s(amount, leave=leave)
        # Taken before waiting, so that those who come later wait behind.
        self._tokens -= amount
        if wait_s > 0:
            await asyncio.sleep(wait_s)

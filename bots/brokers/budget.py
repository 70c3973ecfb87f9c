"""The rate budget of a venue, shared by all processes in Redis: per address and per account, with a reserve for cancels.

A 429 or 418 blocks everyone until the time that the venue named. Without Redis a process allows itself a tenth of each
limit, by its own count.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bots.brokers.limits import Counts, Limit, Priority, Scope, used

log = structlog.get_logger(__name__)

LOCAL_SHARE = 0.1
# However small the limit, a process alone may do this much.
LOCAL_LEAST = 2.0
RETRY_REDIS_S = 1.0

# KEYS: two blocks, then a hash for each limit. ARGV: for each limit amount, allowed, window, slice, expiry.
# Gives how long to wait in milliseconds; 0 is granted, and then everything is counted.
_TAKE = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local now_s = tonumber(time[1])
local wait_ms = 0
for i = 1, 2 do
  local left = tonumber(redis.call('GET', KEYS[i]) or 0) - now_ms
  if left > wait_ms then wait_ms = left end
end
local begun = {}
for i = 3, #KEYS do
  local at = (i - 3) * 4
  local amount, allowed = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local window_s, slice_s = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  begun[i] = now_s - now_s % slice_s
  if amount > 0 then
    local oldest, sum, first = now_s - window_s - slice_s, 0, now_s
    local rows = redis.call('HGETALL', KEYS[i])
    for j = 1, #rows, 2 do
      local second = tonumber(rows[j])
      if second <= oldest then
        redis.call('HDEL', KEYS[i], rows[j])
      else
        sum = sum + tonumber(rows[j + 1])
        if second < first then first = second end
      end
    end
    if sum + amount > allowed then
      local wait = (first + window_s + slice_s - now_s) * 1000
      if wait > wait_ms then wait_ms = wait end
    end
  end
end
if wait_ms > 0 then return math.ceil(wait_ms) end
for i = 3, #KEYS do
  local at = (i - 3) * 4
  if tonumber(ARGV[at + 1]) > 0 then
    redis.call('HINCRBYFLOAT', KEYS[i], begun[i], ARGV[at + 1])
    redis.call('EXPIRE', KEYS[i], ARGV[at + 3] + 2 * ARGV[at + 4])
  end
end
return 0
"""

# Raise what is counted in a limit's present slice to what the venue says it has counted.
_RAISE = """
local now_s = tonumber(redis.call('TIME')[1])
local slice_s, window_s = tonumber(ARGV[3]), tonumber(ARGV[2])
local sum = 0
local rows = redis.call('HGETALL', KEYS[1])
for j = 1, #rows, 2 do
  if tonumber(rows[j]) > now_s - window_s - slice_s then sum = sum + tonumber(rows[j + 1]) end
end
if tonumber(ARGV[1]) > sum then
  redis.call('HINCRBYFLOAT', KEYS[1], now_s - now_s % slice_s, ARGV[1] - sum)
  redis.call('EXPIRE', KEYS[1], window_s + 2 * slice_s)
end
return 0
"""

_BLOCK = """
local time = redis.call('TIME')
local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
if until_ms > tonumber(redis.call('GET', KEYS[1]) or 0) then
  redis.call('SET', KEYS[1], until_ms, 'PX', ARGV[1])
end
return 0
"""


class Budget(Protocol):
    """Who allows requests. `take` gives the seconds to wait; 0 is granted and counted."""

    async def take(self, cost: float, priority: Priority, *, orders: int = 0) -> float: ...

    async def block(self, seconds: float, scope: Scope = Scope.VENUE) -> None: ...

    async def raise_to(self, name: str, counted: float) -> None: ...


class LocalBudget:
    """The share of the limits that a process alone may use. `clock_s` is monotonic."""

    def __init__(
        self, limits: Iterable[Limit], *, share: float = LOCAL_SHARE, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = tuple(limits)
        self._share = share
        self._clock_s = clock_s
        self._slices: dict[str, dict[int, float]] = {limit.name: {} for limit in self._limits}
        self._blocked_until_s: dict[Scope, float] = {}

    @property
    def limits(self) -> tuple[Limit, ...]:
        return self._limits

    def allowed(self, limit: Limit, priority: Priority) -> float:
        return max(limit.capacity * self._share * priority.share, min(LOCAL_LEAST, limit.capacity))

    async def take(self, cost: float, priority: Priority, *, orders: int = 0) -> float:
        now_s = self._clock_s()
        waits = [self.blocked_s()]
        for limit in self._limits:
            amount = cost if limit.counts is Counts.COST else orders
            slices = self._recent(limit, now_s)
            if amount and slices and sum(slices.values()) + amount > self.allowed(limit, priority):
                waits.append(min(slices) + limit.window_s + limit.slice_s - now_s)
        wait_s = max(waits)
        if wait_s <= 0:
            self.count(cost, orders)
        return max(0.0, wait_s)

    def count(self, cost: float, orders: int) -> None:
        """Remember what was allowed, here or by Redis: should Redis go away, it has been used."""
        now_s = self._clock_s()
        for limit in self._limits:
            amount = cost if limit.counts is Counts.COST else orders
            begun_s = int(now_s) // limit.slice_s * limit.slice_s
            slices = self._recent(limit, now_s)
            slices[begun_s] = slices.get(begun_s, 0.0) + amount

    def blocked_s(self) -> float:
        now_s = self._clock_s()
        return max((until_s - now_s for until_s in self._blocked_until_s.values()), default=0.0)

    async def block(self, seconds: float, scope: Scope = Scope.VENUE) -> None:
        until_s = self._clock_s() + seconds
        self._blocked_until_s[scope] = max(until_s, self._blocked_until_s.get(scope, 0.0))

    async def raise_to(self, name: str, counted: float) -> None:
        now_s = self._clock_s()
        for limit in self._limits:
            if limit.name == name:
                slices = self._recent(limit, now_s)
                missing = counted - used(slices.items(), limit, now_s)
                if missing > 0:
                    begun_s = int(now_s) // limit.slice_s * limit.slice_s
                    slices[begun_s] = slices.get(begun_s, 0.0) + missing

    def _recent(self, limit: Limit, now_s: float) -> dict[int, float]:
        slices = self._slices[limit.name]
        for begun_s in [begun_s for begun_s in slices if begun_s <= now_s - limit.window_s - limit.slice_s]:
            del slices[begun_s]
        return slices


class SharedBudget:
    """The limits of one account at one venue, counted in Redis with those of all processes."""

    def __init__(
        self,
        redis: "Redis",
        limits: Iterable[Limit],
        *,
        venue: str,
        account: str,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._local = LocalBudget(limits, clock_s=clock_s)
        self._clock_s = clock_s
        self._take = redis.register_script(_TAKE)
        self._raise = redis.register_script(_RAISE)
        self._block = redis.register_script(_BLOCK)
        self._prefixes: Mapping[Scope, str] = {
            Scope.VENUE: f"rate:{venue}",
            Scope.ACCOUNT: f"rate:{venue}:{account}",
        }
        self._away_until_s = 0.0

    async def take(self, cost: float, priority: Priority, *, orders: int = 0) -> float:
        blocked_s = self._local.blocked_s()
        if blocked_s > 0:
            return blocked_s
        keys = [f"{prefix}:blocked" for prefix in self._prefixes.values()]
        arguments: list[float] = []
        for limit in self._local.limits:
            keys.append(f"{self._prefixes[limit.scope]}:{limit.name}")
            amount = cost if limit.counts is Counts.COST else orders
            arguments += [amount, limit.capacity * priority.share, limit.window_s, limit.slice_s]
        wait_ms = await self._run(self._take, keys, arguments)
        if wait_ms is None:
            return await self._local.take(cost, priority, orders=orders)
        if wait_ms == 0:
            self._local.count(cost, orders)
        return wait_ms / 1000

    async def block(self, seconds: float, scope: Scope = Scope.VENUE) -> None:
        """Let nobody ask before so many seconds are over, cancels neither."""
        await self._local.block(seconds, scope)
        await self._run(self._block, [f"{self._prefixes[scope]}:blocked"], [max(1, round(seconds * 1000))])

    async def raise_to(self, name: str, counted: float) -> None:
        """Believe the venue's own count where it is higher: others use its limits too."""
        await self._local.raise_to(name, counted)
        for limit in self._local.limits:
            if limit.name == name:
                key = f"{self._prefixes[limit.scope]}:{name}"
                await self._run(self._raise, [key], [counted, limit.window_s, limit.slice_s])

    async def _run(self, script: Callable[..., object], keys: list[str], arguments: list[float]) -> int | None:
        """None while Redis is away."""
        if self._clock_s() < self._away_until_s:
            return None
        try:
            return int(await script(keys=keys, args=arguments))  # type: ignore[misc]
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until_s = self._clock_s() + RETRY_REDIS_S
            log.warning("broker.budget.redis_away", error=str(error))
            return None

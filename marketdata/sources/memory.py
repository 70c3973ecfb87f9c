"""What a source found: stored, published and kept in the cache, each as far as its server is there."""

import asyncio
import re
from collections import deque
from collections.abc import Sequence

import structlog
from channels.db import database_sync_to_async
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from redis.exceptions import RedisError

from marketdata import cache, observations
from marketdata.bus import TickPublisher
from marketdata.events import Headline
from marketdata.models import Subscription
from marketdata.sources.keys import observation_key
from marketdata.sources.kinds import SlowEvent, kind_of
from marketdata.sources.polling import Found, Seen

log = structlog.get_logger(__name__)

DATABASE_ERRORS = (DatabaseError, InterfaceError)
# What waits while the database is away: a day of everything for a few assets.
_MAX_WAITING = 50_000

# The channel layer has no groups of other names; some venues list coins in Chinese.
_GROUP_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")

Place = tuple[str, str, str]


class Memory:
    """Of one source. `publisher` is None in a dry run, in which nothing is written."""

    def __init__(self, source: str, publisher: TickPublisher | None) -> None:
        self._source = source
        self._publisher = publisher
        self._newest: dict[Place, int] = {}
        self._waiting: deque[tuple[str, SlowEvent]] = deque(maxlen=_MAX_WAITING)
        self._storing = asyncio.Lock()
        # Of each (symbol, kind), however many series it has.
        self._kept: dict[tuple[str, str], int] = {}
        self.found = 0

    async def load(self) -> None:
        """Learn what is stored. Raises DATABASE_ERRORS."""
        self._newest = await database_sync_to_async(observations.newest_by_series, thread_sensitive=False)(self._source)

    def newest(self, symbol: str, kind: str, key: str) -> int:
        return self._newest.get((symbol, kind, key), 0)

    async def take(self, found: Found, *, told_for_ns: int, now_ns: int) -> None:
        """Store what was found. Tell what is no older than `told_for_ns`, and the newest of each series if it is new."""
        if not found.events:
            return
        self.found += len(found.events)
        told = [] if found.is_history else self._to_tell(found, now_ns - told_for_ns)
        self._learn(found)
        if self._publisher is None:
            return
        await self._store(found)
        for event in told:
            self._publisher.add(event.symbol, [event])
        await self._keep(found, told)

    def _to_tell(self, found: Found, since_ns: int) -> list[SlowEvent]:
        last: dict[Place, SlowEvent] = {self._place(event, found): event for event in found.events}
        return [
            event
            for event in found.events
            if event.ts_event >= since_ns
            or (last[place := self._place(event, found)] is event and event.ts_event > self._newest.get(place, 0))
        ]

    def _learn(self, found: Found) -> None:
        for event in found.events:
            place = self._place(event, found)
            self._newest[place] = max(self._newest.get(place, 0), event.ts_event)

    async def _store(self, found: Found) -> None:
        self._waiting.extend((found.key, event) for event in found.events)
        async with self._storing:
            batch = list(self._waiting)
            self._waiting.clear()
            try:
                await database_sync_to_async(_store, thread_sensitive=False)(batch)
            except (DataError, IntegrityError) as error:
                # The same again would be refused again, and hold up what comes after.
                log.error("[WS] observations refused", source=self._source, rows=len(batch), error=str(error)[:300])
            except DATABASE_ERRORS as error:
                log.warning("[WS] observations wait for the database", source=self._source, error=str(error)[:300])
                # Beyond the bound the oldest go.
                self._waiting = deque([*batch, *self._waiting], maxlen=_MAX_WAITING)

    async def _keep(self, found: Found, told: Sequence[SlowEvent]) -> None:
        values: dict[Place, SlowEvent] = {}
        for event in told:
            symbol, kind, key = self._place(event, found)
            values[symbol, kind, key] = event
            if event.ts_event >= self._kept.get((symbol, kind), 0):
                self._kept[symbol, kind] = event.ts_event
                values[symbol, kind, ""] = event
        try:
            await database_sync_to_async(cache.store_observations, thread_sensitive=False)(values)
        except (RedisError, OSError) as error:
            log.debug("[WS] cache not written", source=self._source, error=str(error)[:300])

    @staticmethod
    def _place(event: SlowEvent, found: Found) -> Place:
        return event.symbol, kind_of(event), observation_key(event, found.key)


async def followed_assets() -> list[str]:
    """The base assets of all symbols that somebody follows."""
    return await database_sync_to_async(_followed_assets, thread_sensitive=False)()


async def headlines_seen(headlines: Sequence[Headline], since_ns: int) -> dict[str, Seen]:
    found = await database_sync_to_async(observations.headlines_seen, thread_sensitive=False)(headlines, since_ns)
    return {key: Seen(ts_event=at, ts_init=seen) for key, at, seen in found}


def _followed_assets() -> list[str]:
    symbols = Subscription.objects.values_list("symbol", flat=True).distinct()
    bases = {base for symbol in symbols if (base := symbol.partition("/")[0]) != symbol}
    return sorted(base for base in bases if _GROUP_NAME.fullmatch(base))


def _store(batch: Sequence[tuple[str, SlowEvent]]) -> None:
    by_key: dict[str, list[SlowEvent]] = {}
    for key, event in batch:
        by_key.setdefault(key, []).append(event)
    for key, events in by_key.items():
        observations.store_observations(events, key=key)

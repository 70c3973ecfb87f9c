"""What a feed process does beside its venues: the slow sources, and telling that it is there."""

import asyncio

import structlog
from channels.db import database_sync_to_async
from redis.exceptions import RedisError

from marketdata.feed.display import Display
from marketdata.feed.fleet import Fleet
from marketdata.feed.presence import atell_presence
from marketdata.feed.recorder import DATABASE_ERRORS
from marketdata.followers import follower_counts
from marketdata.sources.fleet import run_slow_sources

log = structlog.get_logger(__name__)

_PRESENCE_EVERY_S = 2.0
_FIRST_RESTART_S, _LONGEST_RESTART_S = 1.0, 60.0


async def keep_slow_sources() -> None:
    """Ask the slow sources, until cancelled. Their crash is never the feed's: they are begun again, later each time."""
    delay_s = _FIRST_RESTART_S
    clock = asyncio.get_running_loop().time
    while True:
        began_s = clock()
        try:
            await run_slow_sources()
        except Exception:
            log.exception("[WS] slow sources crashed: they are started again", seconds=delay_s)
        if clock() - began_s > _LONGEST_RESTART_S:
            delay_s = _FIRST_RESTART_S
        await asyncio.sleep(delay_s)
        delay_s = min(_LONGEST_RESTART_S, delay_s * 2)


async def keep_presence(fleet: Fleet, display: Display) -> None:
    """Tell the cache who leads and who stands by, and the display who follows what, until cancelled."""
    counts = database_sync_to_async(follower_counts, thread_sensitive=False)
    while True:
        try:
            await atell_presence(fleet.services, health=display.health)
        except (RedisError, OSError) as error:
            log.debug("[WS] presence not told", error=str(error))
        try:
            display.followers = await counts()
        except DATABASE_ERRORS as error:
            log.debug("[WS] followers not counted", error=str(error)[:300])
        await asyncio.sleep(_PRESENCE_EVERY_S)

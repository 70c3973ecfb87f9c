"""The newest of each followed symbol into the cache, a few times a second, for who joins late."""

import asyncio

import structlog
from asgiref.sync import sync_to_async
from redis.exceptions import RedisError

from marketdata import cache
from marketdata.bus import TickPublisher
from marketdata.feed.exchange_feed import ExchangeFeed

log = structlog.get_logger(__name__)

_EVERY_S = 0.2


async def write_cache(feed: ExchangeFeed, publisher: TickPublisher) -> None:
    """Write what has changed since the last time, as the leader that `publisher` speaks for, until cancelled."""
    store = sync_to_async(cache.store, thread_sensitive=False)
    written: dict[str, tuple[int, int]] = {}
    while True:
        marks = {item.symbol: (item.messages, publisher.sequence(item.symbol)) for item in feed.followed.values()}
        changed = [item for item in feed.followed.values() if written.get(item.symbol) != marks[item.symbol]]
        if changed:
            now_ns = feed.now_ns()
            quotes = [quote for item in changed if (quote := item.latest_quote(now_ns)) is not None]
            snapshots = [
                item.latest_snapshot(epoch=publisher.epoch, sequence=publisher.sequence(item.symbol), now_ns=now_ns)
                for item in changed
            ]
            try:
                if await store(quotes, snapshots, exchange=feed.config.exchange, epoch=publisher.epoch):
                    written |= {item.symbol: marks[item.symbol] for item in changed}
            except (RedisError, OSError) as error:
                log.debug("[WS] cache not written", error=str(error))
        await asyncio.sleep(_EVERY_S)

"""What a person is told whose run of the feed brings nothing: why, and what brings something."""

import asyncio
from collections.abc import Callable, Sequence

from channels.db import database_sync_to_async

from marketdata.feed.fleet import Fleet
from marketdata.feed.presence import host_and_pid
from marketdata.feed.recorder import DATABASE_ERRORS
from marketdata.feed.service import FeedService
from marketdata.feed.table import first_of
from marketdata.models import FeedLease

_LOOK_EVERY_S = 0.2


async def tell_standby(fleet: Fleet, *, say: Callable[[str], None], records: bool) -> None:
    """Say once of each exchange that another process leads it, until cancelled."""
    told: set[str] = set()
    while True:
        for service in fleet.services:
            exchange = service.config.exchange
            if service.is_standby and exchange not in told:
                told.add(exchange)
                say(standby_text(exchange, await _leader(service.config.exchange_id), records=records))
        await asyncio.sleep(_LOOK_EVERY_S)


def standby_text(exchange: str, leader: str, *, records: bool) -> str:
    other = "records" if records else "streams"
    return (
        f"{exchange} is led by {leader or 'another process'}: this one stands by, and {other} nothing until that one "
        f"ends. With --dry-run it {other} beside it, and publishes nothing."
    )


def why_no_data(services: Sequence[FeedService], *, followed_only: bool) -> str:
    """Why no tick came in time. `followed_only`: what bots follow was wanted, and no symbols by name."""
    if not services:
        return "no exchange is enabled: enable or add one in the admin, or name one with --exchange."
    said = (_why(service, followed_only=followed_only) for service in services)
    return " ".join(filter(None, said)) or "no tick in time."


def _why(service: FeedService, *, followed_only: bool) -> str:
    feed, exchange = service.feed, service.config.exchange
    if service.is_standby:
        return f"no tick of {exchange}: another process leads it. --dry-run streams without publishing."
    if feed is None:
        return f"no tick of {exchange}: it has not begun yet. Allow more with --duration."
    silent = [item for item in feed.followed.values() if item.stream.quote is None]
    said = []
    if feed.unknown and feed.listed and len(feed.unknown) > 1:
        said.append(f"{exchange} does not list {first_of(list(feed.unknown))}.")
    elif feed.unknown:
        said += list(feed.unknown.values())[:1]
    if silent:
        stream = silent[0].stream
        because = f"{silent[0].symbol} is {stream.state}{f' ({stream.reason})' if stream.reason else ''}"
        said.append(f"no tick of {first_of([item.symbol for item in silent])} from {exchange}: {because}.")
    if not said and not feed.followed:
        way = "start a bot, or name symbols with --symbols BTC/USDT" if followed_only else "its log says more"
        said.append(f"nothing of {exchange} is followed: {way}.")
    return " ".join(said)


async def _leader(exchange_id: int) -> str:
    def read() -> str:
        return FeedLease.objects.filter(exchange_id=exchange_id).values_list("holder", flat=True).first() or ""

    try:
        return host_and_pid(await database_sync_to_async(read, thread_sensitive=False)())
    except DATABASE_ERRORS:
        return ""

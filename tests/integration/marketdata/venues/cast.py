"""A running feed beside a venue whose true book is known."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from marketdata.bus import tick_group
from marketdata.events import BookSnapshot, Event, FeedState, QuoteTick, TradeTick
from marketdata.feed.config import load_config
from marketdata.feed.followed import Followed
from marketdata.feed.service import FeedService
from marketdata.models import Exchange, FeedEvent
from tests.integration.marketdata.cast import Listener, afollow, eventually, running_feed
from tests.patience import PATIENCE_S
from tests.venues.market import NS_PER_MS, Market
from tests.venues.server import VenueServer


def is_state(state: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, FeedState) and event.state == state


def is_live(event: Event) -> bool:
    return isinstance(event, FeedState) and event.state == "live"


@dataclass(slots=True, kw_only=True)
class Hearing:
    """One symbol as consumers hear it."""

    listener: Listener
    market: Market

    @property
    def events(self) -> list[Event]:
        return self.listener.events

    async def until(self, wanted: Callable[[Event], bool], *, timeout_s: float = PATIENCE_S) -> Any:
        return await self.listener.until(wanted, timeout_s=timeout_s)

    async def until_a_new(self, kind: type[Event]) -> Any:
        """An event about what has not happened at the venue yet."""
        now_ms = self.market.time_ms
        return await self.until(lambda event: isinstance(event, kind) and event.ts_event // NS_PER_MS > now_ms)


@dataclass(slots=True, kw_only=True)
class Scene:
    server: VenueServer
    service: FeedService
    heard: dict[str, Hearing]
    code: str = "simulated"

    @property
    def first(self) -> Hearing:
        return next(iter(self.heard.values()))

    def item(self, symbol: str) -> Followed:
        assert self.service.feed is not None
        return self.service.feed.followed[symbol]

    async def told(self, kind: str, *, symbol: str = "") -> str:
        """Wait until people are told about it. Gives the words."""
        rows = FeedEvent.objects.filter(exchange__code=self.code, kind=kind, symbol=symbol)
        row = await eventually(rows.first)
        return str(row.message)


async def add_venue(server: VenueServer, *, code: str = "simulated") -> Exchange:
    return await Exchange.objects.acreate(
        code=code, name=server.adapter, adapter=server.adapter, environment="live", rest_url=server.rest_url,
        websocket_url=server.websocket_url, reconnect_max_s=0.5,
    )  # fmt: skip


@asynccontextmanager
async def scene_at(server: VenueServer, symbols: Sequence[str], *, code: str = "simulated") -> AsyncIterator[Scene]:
    """A feed that follows the symbols, and somebody who hears each of them that the venue has."""
    await add_venue(server, code=code)
    heard = {}
    for symbol in symbols:
        await afollow(exchange=code, symbol=symbol, follower=f"test:{symbol}")
        if any(market.symbol == symbol for market in server.markets.values()):
            listener = Listener(symbol)
            listener.group = tick_group(code, symbol)
            await listener.join()
            heard[symbol] = Hearing(listener=listener, market=server.market(symbol))
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_feed(await sync_to_async(load_config)(code)))
        yield Scene(server=server, service=service, heard=heard, code=code)


def untrue(hearing: Hearing, *, books_by_sequence: bool) -> list[Event]:
    """Published books and quotes that the venue never had at their time: none."""
    truth = hearing.market.truth
    ever = set(truth.by_ms.values())
    ever_best = {(bids[0], asks[0]) for bids, asks in ever}
    wrong: list[Event] = []
    by_rest = False
    shown = slice(hearing.market.streamed_levels)
    for event in hearing.events:
        if isinstance(event, FeedState):
            by_rest = event.source == "rest"
        elif isinstance(event, BookSnapshot):
            known = (
                truth.by_sequence.get(event.update_id)
                if books_by_sequence
                else truth.by_ms.get(event.ts_event // NS_PER_MS)
            )
            streamed = (known[0][shown], known[1][shown]) if known is not None else None
            if (event.bids, event.asks) != streamed and not (by_rest and (event.bids, event.asks) in ever):
                wrong.append(event)
        elif isinstance(event, QuoteTick):
            best = ((event.bid, event.bid_size), (event.ask, event.ask_size))
            there = truth.by_ms.get(event.ts_event // NS_PER_MS)
            if (there is None or (there[0][0], there[1][0]) != best) and not (
                (by_rest or books_by_sequence) and best in ever_best
            ):
                wrong.append(event)
    return wrong


def goes_back(events: Iterable[Event]) -> bool:
    """Whether a published book, quote or print is older than the one of its kind before."""
    for kind in (BookSnapshot, QuoteTick, TradeTick):
        times = [event.ts_event for event in events if isinstance(event, kind)]
        if times != sorted(times):
            return True
    return False


def prints_of(events: Iterable[Event]) -> list[tuple[int, float, float, bool]]:
    return [
        (event.ts_event // NS_PER_MS, event.price, event.size, not event.buyer_is_maker)
        for event in events
        if isinstance(event, TradeTick)
    ]


def true_prints(market: Market, *, since_ms: int, until_ms: int) -> list[tuple[int, float, float, bool]]:
    return [
        (each.time_ms, market.price(each.price), market.size(each.size), each.buys)
        for each in market.prints
        if since_ms <= each.time_ms <= until_ms
    ]


async def until_true(check: Callable[[], Any]) -> Any:
    """Wait for something in this process."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = check()
            if found:
                return found
            await asyncio.sleep(0.02)

"""A running feed of one symbol beside the venue's own word on what is true."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from marketdata.events import BookSnapshot, Event, FeedState, QuoteTick, TradeTick
from marketdata.feed.followed import Followed
from marketdata.feed.service import FeedService
from marketdata.stream import SymbolStream
from tests.integration.marketdata.cast import Listener, afollow, eventually, listening, running_feed, switch_fault
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator

BTC = "BTC/USDT"


def is_state(state: str, *, reason: str = "") -> Callable[[Event], bool]:
    return lambda event: isinstance(event, FeedState) and event.state == state and reason in event.reason


def is_quote(event: Event) -> bool:
    return isinstance(event, QuoteTick)


def is_book(event: Event) -> bool:
    return isinstance(event, BookSnapshot)


def is_trade(event: Event) -> bool:
    return isinstance(event, TradeTick)


@dataclass(slots=True, kw_only=True)
class Scene:
    """A live feed, who listens to it, and the venue."""

    market: Simulator
    listener: Listener
    service: FeedService

    @property
    def item(self) -> Followed:
        assert self.service.feed is not None
        return self.service.feed.followed[BTC]

    @property
    def stream(self) -> SymbolStream:
        return self.item.stream

    async def switch(self, name: str, **settings: object) -> None:
        await asyncio.to_thread(lambda: switch_fault(self.market, name, **settings))

    async def until(self, wanted: Callable[[Event], bool]) -> Any:
        """The next event of this kind after the one that was waited for last."""
        return await self.listener.until(wanted)

    def skip_heard(self) -> None:
        """Look only at what is still to come."""
        self.listener.skip_heard()

    async def until_true(self, check: Callable[[], Any]) -> Any:
        return await eventually(check)

    def used(self) -> dict[str, Any]:
        """What the venue counted of its clients."""
        used: dict[str, Any] = httpx.get(f"{self.market.rest_url}/sim/limits", timeout=30).json()["used"]
        return used

    def requests(self, path: str) -> tuple[int, int]:
        """(how many so far, most at once) of a REST path."""
        row = self.used()["rest"].get(path, {"requests": 0, "most_at_once": 0})
        return row["requests"], row["most_at_once"]

    async def book_is_the_venues(self) -> None:
        """Compare level by level, while nothing moves."""
        await self.switch("stand_still", seconds=60)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self._is_at_the_venues_number():
                    pass
        finally:
            await self.switch("stand_still", on=False)

    async def _is_at_the_venues_number(self) -> bool:
        """Whether the feed's book has the number of the venue's; asserts that it then has its levels too."""
        update_id, bids, asks = await asyncio.to_thread(self._venue_book)
        book, quote = self.stream.book, self.stream.quote
        if not book.is_valid or book.update_id != update_id or quote.update_id > update_id:
            return False
        assert book.top(5000) == (bids, asks)
        assert (quote.bid, quote.ask) == (bids[0][0], asks[0][0])
        return True

    def _venue_book(self) -> tuple[int, tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
        url = f"{self.market.rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5000"
        answer = httpx.get(url, timeout=30).raise_for_status().json()
        bids, asks = (tuple((float(price), float(size)) for price, size in answer[side]) for side in ("bids", "asks"))
        return answer["lastUpdateId"], bids, asks


@asynccontextmanager
async def live_feed(market: Simulator, **options: Any) -> AsyncIterator[Scene]:
    """A feed of BTC/USDT that is live."""
    await afollow(exchange="simulated", symbol=BTC, follower="bot:1")
    async with listening() as listener, running_feed(**options) as service:
        scene = Scene(market=market, listener=listener, service=service)
        await scene.until(is_state("live"))
        yield scene


def books_between(
    events: Iterable[Event], first: Callable[[Event], bool], last: Callable[[Event], bool]
) -> list[Event]:
    """Book snapshots published after the first such event and before the next such one."""
    inside = False
    found: list[Event] = []
    for event in events:
        if not inside:
            inside = first(event)
        elif last(event):
            break
        elif isinstance(event, BookSnapshot):
            found.append(event)
    return found


def trade_ids(events: Iterable[Event]) -> list[int]:
    return [event.trade_id for event in events if isinstance(event, TradeTick)]


def never_goes_back(events: Iterable[Event]) -> bool:
    """Whether neither the published books nor the published quotes ever had an older number than the one before."""
    for kind in (BookSnapshot, QuoteTick):
        ids = [event.update_id for event in events if isinstance(event, kind)]
        if ids != sorted(ids):
            return False
    return True

"""A second opinion on every price: another exchange's quotes of the same symbol, or the venue's own REST.

Two that disagree do not say who is wrong: then the venue's REST decides. Where it contradicts the socket too, or gives
nothing, the symbol is held, and the other exchange's prices stand in for bots that allow it. The same stands in when
the socket and REST give nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from marketdata import cache
from marketdata.cache import LatestQuote
from marketdata.divergence import Divergence, Verdict
from marketdata.events import QuoteTick
from marketdata.exchanges.adapter import RateLimited, VenueError
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.followed import Followed

_EVERY_S = 1.0
_FRESH_NS = 5_000_000_000
# REST as the only second source: each symbol once in so many seconds, the venue at most so many times a second.
_REST_EVERY_S = 30.0
_REST_PER_S = 2.0
_LEVELS = 5
# Two that go on disagreeing: who is right is asked again, as either may have changed.
_SETTLE_EVERY_S = 30.0
_FAILED_EVERY_S = 5.0


@dataclass(slots=True)
class _Watched:
    """`is_held`: the symbol's own price is not believed. `settle_s`: when REST is asked again who is right."""

    item: Followed
    divergence: Divergence
    is_told: bool = False
    is_held: bool = False
    settle_s: float = 0.0


class SecondSource:
    """Compares every followed symbol of one feed until cancelled. `other` is the other exchange's code, or ""."""

    def __init__(self, feed: ExchangeFeed, *, other: str, limit_bps: float) -> None:
        self._feed = feed
        self._other = other
        self._limit_bps = limit_bps
        self._watched: dict[str, _Watched] = {}
        self._next_rest_s: dict[str, float] = {}
        # Where requests are few the adapter names a longer time.
        self._rest_every_s = feed.config.adapter.rest_check_every_s or _REST_EVERY_S

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            items = list(self._feed.followed.values())
            for symbol in self._watched.keys() - self._feed.followed.keys():
                del self._watched[symbol]
            if self._other:
                await self._with_other(items)
            else:
                await self._with_rest(items)

    async def _with_other(self, items: Sequence[Followed]) -> None:
        try:
            quotes = await cache.alatest_quotes([(self._other, item.symbol) for item in items])
        except (RedisError, OSError):
            return
        for item in items:
            quote = quotes.get((self._other, item.symbol))
            current = quote if quote is not None and _is_current(quote) else None
            watched = self._watch(item)
            ours = _price(item) if item.stream.is_comparable else None
            verdict = watched.divergence.compare(ours, current.mid if current else None, now_ns=time.time_ns())
            if verdict is Verdict.AGREE:
                if watched.is_told:
                    self._agree(item, watched)
            elif ours is not None and (verdict is Verdict.DIVERGED or watched.is_held):
                # The other one may be gone while the symbol is held: REST alone can end that.
                await self._settle(item, watched)
            if current is not None and item.stream.needs_stand_in:
                self._feed.publish(item.symbol, item.stream.receive_second(self._other, _quote(current)))

    async def _with_rest(self, items: Sequence[Followed]) -> None:
        now_s = time.monotonic()
        due = [
            item
            for item in items
            if item.stream.is_comparable
            and now_s >= self._next_rest_s.setdefault(item.symbol, now_s + self._rest_every_s)
        ]
        for item in due[: int(_REST_PER_S * _EVERY_S)]:
            watched = self._watch(item)
            before_ns = time.time_ns()
            price = await self._rest_price(item)
            self._next_rest_s[item.symbol] = time.monotonic() + (_EVERY_S if watched.is_told else self._rest_every_s)
            verdict = watched.divergence.compare(_price(item), price, now_ns=before_ns)
            if verdict is Verdict.APART:
                # Soon again: is it still so?
                self._next_rest_s[item.symbol] = time.monotonic() + _EVERY_S
            elif verdict is Verdict.DIVERGED and not watched.is_told:
                self._diverge(item, watched, f"its own REST, by {watched.divergence.distance_bps:.0f} bps")
            elif verdict is Verdict.AGREE and watched.is_told:
                self._agree(item, watched)

    async def _settle(self, item: Followed, watched: _Watched) -> None:
        """The two disagree: REST of this venue decides whose price is held for wrong."""
        if time.monotonic() < watched.settle_s:
            return
        distance = f"{self._other}, by {watched.divergence.distance_bps:.0f} bps"
        price, ours = await self._rest_price(item), _price(item)
        watched.settle_s = time.monotonic() + (_FAILED_EVERY_S if price is None else _SETTLE_EVERY_S)
        if price is not None and ours is not None and abs(ours / price - 1) * 1e4 <= self._limit_bps:
            if watched.is_held:
                self._release(item, watched)
            elif watched.is_told:
                return
            watched.is_told = True
            text = f"{item.symbol} differs from {distance}; the venue's REST agrees with its socket: nothing is held."
            self._feed.note("divergence", text, item.symbol)
        elif not watched.is_held:
            rest = "from its own REST" if price is not None else "its own REST does not answer"
            self._diverge(item, watched, f"{distance}, and {rest}")

    def _diverge(self, item: Followed, watched: _Watched, what: str) -> None:
        watched.is_told = watched.is_held = True
        self._feed.note("divergence", f"{item.symbol} differs from {what}: held until they agree.", item.symbol)
        self._feed.publish(item.symbol, item.stream.diverged(time.time_ns(), reason=f"the price differs from {what}"))

    def _agree(self, item: Followed, watched: _Watched) -> None:
        watched.is_told, watched.settle_s = False, 0.0
        self._feed.note("agreement", f"The sources of {item.symbol} agree again.", item.symbol)
        self._release(item, watched)

    def _release(self, item: Followed, watched: _Watched) -> None:
        watched.is_held = False
        self._feed.publish(item.symbol, item.stream.diverged(time.time_ns(), reason=""))

    async def _rest_price(self, item: Followed) -> float | None:
        """None when REST gives nothing, or what the socket had said before it was asked."""
        floor = item.stream.newest_update_id
        try:
            image = await self._feed.rest_work.rest.book(item.venue_symbol, symbol=item.symbol, limit=_LEVELS)
        except RateLimited as error:
            self._next_rest_s[item.symbol] = time.monotonic() + error.retry_after_s
            return None
        except VenueError:
            return None
        if 0 < image.update_id < floor:
            return None
        return (image.bids[0][0] + image.asks[0][0]) / 2 if image.bids and image.asks else None

    def _watch(self, item: Followed) -> _Watched:
        watched = self._watched.get(item.symbol)
        if watched is None or watched.item is not item:
            watched = self._watched[item.symbol] = _Watched(item, Divergence(limit_bps=self._limit_bps))
        return watched


def _price(item: Followed) -> float | None:
    """What the socket itself says, whoever stands in for it."""
    quote = item.stream.socket_quote
    return quote.mid if quote is not None else None


def _is_current(quote: LatestQuote) -> bool:
    return quote.state == "live" and time.time_ns() - quote.ts_init <= _FRESH_NS


def _quote(quote: LatestQuote) -> QuoteTick:
    return QuoteTick(
        exchange=quote.exchange,
        symbol=quote.symbol,
        bid=quote.bid,
        bid_size=quote.bid_size,
        ask=quote.ask,
        ask_size=quote.ask_size,
        ts_event=quote.ts_event,
        ts_init=quote.ts_init,
    )

"""What a watch makes of what ccxt gives and raises."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import ccxt
import pytest

from marketdata.ccxtpro.symbol_watch import SymbolWatch
from marketdata.ccxtpro.wire import Denied, Down, GapSeen, Image, Note, Refused, Up
from marketdata.events import QuoteTick, TradeTick
from tests.patience import PATIENCE_S
from tests.unit.marketdata.ccxtpro.scripted import SYMBOL, Around, ScriptedExchange, book, prints


@asynccontextmanager
async def watching(exchange: ScriptedExchange | None = None) -> AsyncIterator[tuple[SymbolWatch, Around]]:
    around = Around(exchange or ScriptedExchange())
    watch = SymbolWatch(SYMBOL, around)
    watch.start()
    yield watch, around
    await watch.stop()
    assert not around.failures


async def test_up_comes_before_the_first_book() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", book(1))
        image = await around.until(Image)
        assert around.reports[0] == Up(symbol=SYMBOL)
        assert (image.exchange, image.bids, image.asks) == ("mine", ((99.0, 1.0),), ((101.0, 2.0),))


async def test_without_a_channel_of_quotes_the_books_top_is_one() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", book(1))
        quote = await around.until(QuoteTick)
        assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (99.0, 1.0, 101.0, 2.0)


async def test_a_channel_of_quotes_is_preferred_until_it_leaves_out_sizes() -> None:
    async with watching(ScriptedExchange(channels=("book", "quotes"))) as (_watch, around):
        around.exchange.put("quotes", {SYMBOL: {"bid": 98.0, "bidVolume": 1.0, "ask": 99.0, "askVolume": 1.0}})
        assert (await around.until(QuoteTick)).bid == 98.0
        around.exchange.put("book", book(1))
        await around.until(Image)
        assert len([report for report in around.reports if isinstance(report, QuoteTick)]) == 1
        around.exchange.put("quotes", {SYMBOL: {"bid": 98.0, "ask": 99.0}})
        await around.exchange.until_watched("quotes", 3)
        around.exchange.put("book", book(2))
        assert (await around.until(QuoteTick, count=2)).bid == 99.0


async def test_a_crossed_book_is_a_gap_and_is_subscribed_anew() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", book(1))
        around.exchange.put("book", book(2, bid=102.0))
        gap = await around.until(GapSeen)
        assert "order book: it is crossed" in gap.reason
        around.exchange.put("book", book(1))
        await around.until(Image, count=1)
        assert around.exchange.unwatched == ["book"]
        assert not around.closed.is_set()


async def test_where_ccxt_cannot_unsubscribe_the_sockets_are_closed() -> None:
    async with watching(ScriptedExchange(can_unwatch=False)) as (_watch, around):
        around.exchange.put("book", book(5))
        around.exchange.put("book", book(4))
        await around.until(GapSeen)
        await asyncio.wait_for(around.closed.wait(), PATIENCE_S)


@pytest.mark.parametrize("error", [ccxt.ChecksumError("a hole"), ccxt.InvalidNonce("a hole"), KeyError("u")])
async def test_what_ccxt_finds_wrong_in_a_book_is_a_gap(error: Exception) -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", book(9))
        around.exchange.put("book", error)
        await around.until(GapSeen)
        around.exchange.put("book", book(1))
        await around.until(Image)


async def test_a_frozen_book_is_found_while_trades_go_on() -> None:
    async with watching() as (watch, around):
        around.exchange.put("book", book(1))
        await around.until(Image)
        around.exchange.put("trades", prints(1, 2, 3, 4))
        await around.until(TradeTick, count=4)
        await watch.look(time.time())
        assert not [report for report in around.reports if isinstance(report, GapSeen)]
        await watch.look(time.time() + 60)
        assert "frozen" in (await around.until(GapSeen)).reason
        around.exchange.put("book", book(1))
        await around.until(Image, count=2)
        assert around.exchange.unwatched == ["book"]


async def test_an_unknown_symbol_is_refused_and_left_alone() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", ccxt.BadSymbol("scripted does not have BTC/USDT"))
        refused = await around.until(Refused)
        assert refused.symbol == SYMBOL
        assert "does not have" in refused.error
        await asyncio.sleep(0)
        before = dict(around.exchange.watched)
        around.exchange.put("trades", prints(1))
        await asyncio.sleep(0)
        assert dict(around.exchange.watched) == before


async def test_a_revoked_key_is_told_and_the_stream_is_down() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", ccxt.PermissionDenied("the key may not"))
        assert "the key may not" in (await around.until(Denied)).message
        assert (await around.until(Down)).symbol == SYMBOL


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ccxt.OnMaintenance("until noon"), "maintenance"), (ccxt.RateLimitExceeded("slower"), "rate limited")],
)
async def test_what_asks_for_patience_is_a_note(error: Exception, kind: str) -> None:
    async with watching() as (_watch, around):
        around.exchange.put("trades", error)
        note = await around.until(Note)
        assert note.kind == kind
        await around.until(Down)
        # The others go on.
        around.exchange.put("book", book(1))
        await around.until(Image)


async def test_a_lost_connection_is_down_until_the_book_is_back() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", book(7))
        await around.until(Up)
        around.exchange.put("book", ccxt.NetworkError("connection reset"))
        assert "connection reset" in (await around.until(Down)).reason
        # Numbers may begin anew with a new connection.
        around.exchange.put("book", book(1))
        await around.until(Up, count=2)


async def test_a_socket_that_ccxt_closes_is_a_lost_connection() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("book", asyncio.CancelledError())
        await around.until(Down)
        around.exchange.put("book", book(1))
        await around.until(Image)


async def test_a_failed_channel_holds_up_back_until_it_is_calm() -> None:
    async with watching() as (watch, around):
        around.exchange.put("trades", ccxt.NetworkError("connection reset"))
        await around.until(Down)
        around.exchange.put("book", book(1))
        await around.until(Image)
        assert not [report for report in around.reports if isinstance(report, Up)]
        around.sockets_open = False
        await watch.look(time.time() + 5)
        around.exchange.put("book", book(2))
        await around.until(Image, count=2)
        assert not [report for report in around.reports if isinstance(report, Up)]
        around.sockets_open = True
        await watch.look(time.time() + 5)
        around.exchange.put("book", book(3))
        await around.until(Up)


async def test_a_channel_that_the_exchange_lacks_is_left_out() -> None:
    async with watching(ScriptedExchange(channels=("book", "quotes", "trades"))) as (_watch, around):
        around.exchange.put("quotes", ccxt.NotSupported("no such channel"))
        assert "no quotes channel" in (await around.until(Note)).message
        around.exchange.put("book", book(1))
        await around.until(QuoteTick)


async def test_an_exchange_that_streams_nothing_says_so() -> None:
    async with watching(ScriptedExchange(channels=())) as (_watch, around):
        assert "streams nothing" in (await around.until(Refused)).error


async def test_trades_seen_before_are_not_sent_again() -> None:
    async with watching() as (_watch, around):
        around.exchange.put("trades", prints(1, 2))
        around.exchange.put("trades", prints(1, 2, 3))
        await around.until(TradeTick, count=3)
        assert [report.trade_id for report in around.reports if isinstance(report, TradeTick)] == [1, 2, 3]


async def test_watching_anew_unsubscribes_every_channel() -> None:
    async with watching() as (watch, around):
        around.exchange.put("book", book(9))
        await around.until(Image)
        await watch.rewatch()
        assert sorted(around.exchange.unwatched) == ["book", "ticker", "trades"]
        around.exchange.put("book", book(1))
        await around.until(Image, count=2)

"""Kraken's REST answers, from a server on loopback, in the shape that Kraken documents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from marketdata.events import Ticker, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Listing,
    NotAllowed,
    RateLimited,
    Rest,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.catalog import get_adapter

NOW = 1_790_000_000_500_000_000
S = 1_000_000_000
PAIRS = {
    "XXBTZUSD": {
        "altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "pair_decimals": 1, "lot_decimals": 8,
        "cost_decimals": 5, "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
    },
    "XDGEUR": {
        "altname": "XDGEUR", "wsname": "XDG/EUR", "base": "XXDG", "quote": "ZEUR", "pair_decimals": 7, "lot_decimals": 8,
        "ordermin": "20", "costmin": "0.45", "tick_size": "0.0000001", "status": "cancel_only",
    },
    "TRUMPEUR": {
        "altname": "TRUMPEUR2", "wsname": "TRUMP/EUR", "base": "TRUMP", "quote": "ZEUR", "pair_decimals": 3,
        "lot_decimals": 5, "ordermin": "0.5", "status": "online",
    },
}  # fmt: skip


class Venue:
    """Answers what it was told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append((name, dict(request.query)))
        answer = self.answers[name]
        if isinstance(answer, str):
            return web.json_response({"error": [answer]})
        return web.json_response({"error": [], "result": answer})


@asynccontextmanager
async def connected(venue: Venue) -> AsyncIterator[Rest]:
    application = web.Application()
    application.router.add_get("/0/public/{name}", venue.handle)
    async with TestServer(application) as server, httpx.AsyncClient() as client:
        yield get_adapter("kraken").rest(
            exchange="kraken", base_url=str(server.make_url("")), client=client, clock_ns=lambda: NOW
        )


async def test_the_time_is_the_middle_of_the_second_that_the_venue_tells():
    venue = Venue()
    venue.answers["Time"] = {"unixtime": 1_790_000_000, "rfc1123": "Mon, 21 Sep 26 00:00:00 +0000"}
    async with connected(venue) as rest:
        assert await rest.server_time_ns() == 1_790_000_000 * S + S // 2


async def test_listings_speak_of_btc_and_doge_as_the_socket_does():
    venue = Venue()
    venue.answers["AssetPairs"] = {**PAIRS, "DARK": {**PAIRS["XXBTZUSD"], "wsname": "", "altname": "XBTUSD.d"}}
    async with connected(venue) as rest:
        btc, doge, trump = await rest.listings()
    assert btc == Listing(
        symbol="BTC/USD", venue_symbol="BTC/USD", base="BTC", quote="USD", tick_size=Decimal("0.1"),
        lot_size=Decimal("1E-8"), min_quantity=Decimal("0.00005"), max_quantity=Decimal(0), min_notional=Decimal("0.5"),
        active=True, price_decimals=1, size_decimals=8,
    )  # fmt: skip
    assert (doge.symbol, doge.active, doge.tick_size) == ("DOGE/EUR", False, Decimal("0.0000001"))
    assert (trump.tick_size, trump.min_notional) == (Decimal("0.001"), Decimal(0))


async def test_rest_is_asked_by_its_own_names():
    venue = Venue()
    venue.answers.update(AssetPairs=PAIRS, Trades={"XDGEUR": [], "last": "1"})
    async with connected(venue) as rest:
        await rest.trades("DOGE/EUR", symbol="DOGE/EUR", limit=5)
        await rest.listings()
        await rest.trades("TRUMP/EUR", symbol="TRUMP/EUR", limit=5)
    assert [query["pair"] for name, query in venue.asked if name == "Trades"] == ["XDGEUR", "TRUMPEUR2"]


async def test_bars_are_closed_when_the_venue_says_that_they_are_committed():
    venue = Venue()
    rows = [
        [1_789_999_800 + 60 * number, "100.1", "100.9", "99.5", "100.3", "100.2", "2.5", 7 + number]
        for number in range(3)
    ]
    venue.answers["OHLC"] = {"XXBTZUSD": rows, "last": rows[1][0]}
    async with connected(venue) as rest:
        bars = await rest.bars("BTC/USD", symbol="BTC/USD", timeframe="1m", limit=2)
        since = await rest.bars("BTC/USD", symbol="BTC/USD", timeframe="1m", limit=1, start_ns=1_789_999_860 * S)
    assert [(bar.ts_open // S, bar.ts_close // S, bar.closed) for bar in bars] == [
        (1_789_999_860, 1_789_999_920, True),
        (1_789_999_920, 1_789_999_980, False),
    ]
    first = bars[0]
    assert (first.open, first.high, first.low, first.close, first.volume) == (100.1, 100.9, 99.5, 100.3, 2.5)
    assert (first.trades, first.taker_buy_volume, first.source) == (8, None, "rest")
    assert since == bars[:1]
    assert venue.asked[0] == ("OHLC", {"pair": "XBTUSD", "interval": "1"})


async def test_there_are_no_bars_of_three_minutes():
    venue = Venue()
    async with connected(venue) as rest:
        with pytest.raises(UnsupportedTimeframe, match="3m"):
            await rest.bars("BTC/USD", symbol="BTC/USD", timeframe="3m", limit=2)
    assert venue.asked == []


async def test_a_book_an_exact_print_and_the_days_summary():
    venue = Venue()
    venue.answers["Depth"] = {
        "XXBTZUSD": {"asks": [["85600.5", "1.2", 1_616_663_113]], "bids": [["85600.4", "3.10000000", 1_616_663_113]]}
    }
    venue.answers["Trades"] = {
        "XXBTZUSD": [
            ["85600.40000", "0.00050000", 1_789_999_999.123456789, "s", "m", "", 41],
            ["85600.50000", "0.10000000", 1_790_000_000.0, "b", "l", "", 42],
        ],
        "last": "1790000000000000000",
    }
    venue.answers["Ticker"] = {
        "XXBTZUSD": {
            "a": ["85600.5", "1", "1.000"], "b": ["85600.4", "1", "1.000"], "c": ["85600.4", "0.1"], "v": ["10.5", "20.5"],
            "p": ["85000.0", "84000.0"], "t": [100, 200], "l": ["84000.0", "83000.0"], "h": ["86000.0", "87000.0"],
            "o": "80000.0",
        }
    }  # fmt: skip
    async with connected(venue) as rest:
        book = await rest.book("BTC/USD", symbol="BTC/USD", limit=1_000)
        sold, bought = await rest.trades("BTC/USD", symbol="BTC/USD", limit=2)
        ticker = await rest.ticker("BTC/USD", symbol="BTC/USD")
    assert book == BookImage(
        exchange="kraken", symbol="BTC/USD", bids=((85600.4, 3.1),), asks=((85600.5, 1.2),), update_id=0, ts_init=NOW
    )
    assert venue.asked[0][1]["count"] == "500"
    assert sold == TradeTick(
        exchange="kraken", symbol="BTC/USD", price=85600.4, size=0.0005, buyer_is_maker=True, trade_id=41,
        ts_event=1_789_999_999_123_456_700, ts_init=NOW,
    )  # fmt: skip
    assert (bought.buyer_is_maker, bought.ts_event) == (False, 1_790_000_000 * S)
    assert ticker == Ticker(
        exchange="kraken", symbol="BTC/USD", last=85600.4, change=85600.4 / 80000 - 1, high=87000.0, low=83000.0,
        volume=20.5, quote_volume=20.5 * 84000, ts_event=NOW, ts_init=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("EQuery:Unknown asset pair", UnknownSymbol),
        ("EAPI:Rate limit exceeded", RateLimited),
        ("EService:Unavailable", VenueUnavailable),
        ("EService:Busy", VenueUnavailable),
        ("EAPI:Invalid key", NotAllowed),
        ("EGeneral:Permission denied", NotAllowed),
        ("EGeneral:Invalid arguments", VenueRejected),
    ],
)
async def test_errors_in_good_answers_have_their_own_names(text: str, error: type[Exception]):
    venue = Venue()
    venue.answers["Depth"] = text
    async with connected(venue) as rest:
        with pytest.raises(error, match=text) as caught:
            await rest.book("BTC/USD", symbol="BTC/USD", limit=5)
    assert type(caught.value) is error


async def test_nothing_is_asked_while_the_venue_wants_silence():
    venue = Venue()
    venue.answers["Time"] = "EAPI:Rate limit exceeded"
    async with connected(venue) as rest:
        for _ in range(2):
            with pytest.raises(RateLimited):
                await rest.server_time_ns()
    assert len(venue.asked) == 1


@pytest.mark.parametrize("result", [{"XXBTZUSD": {"bids": [["x", "1", 1]], "asks": []}}, {"last": "1"}, [], {}])
async def test_an_answer_of_another_shape_is_unavailable(result):
    venue = Venue()
    venue.answers["Depth"] = result
    async with connected(venue) as rest:
        with pytest.raises(VenueUnavailable, match="cannot be read"):
            await rest.book("BTC/USD", symbol="BTC/USD", limit=5)

"""Coinbase's REST answers, from a server on loopback, in the shape that Coinbase documents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise

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
# Within the minute that begins at 1,789,999,980.
VENUE_MS = 1_790_000_010_250
MARKET = "/api/v3/brokerage/market"
PRODUCT = {
    "product_id": "BTC-USD", "price": "68923.67", "price_percentage_change_24h": "-0.5", "volume_24h": "11005.5",
    "base_increment": "0.00000001", "quote_increment": "0.01", "quote_min_size": "1", "quote_max_size": "150000000",
    "base_min_size": "0.00000001", "base_max_size": "3400", "is_disabled": False, "status": "online",
    "cancel_only": False, "limit_only": False, "post_only": False, "trading_disabled": False, "auction_mode": False,
    "product_type": "SPOT", "quote_currency_id": "USD", "base_currency_id": "BTC", "view_only": False,
    "price_increment": "0.01", "approximate_quote_24h_volume": "758506771.41",
}  # fmt: skip


class Venue:
    """Makes a candle for every minute or five minutes that is asked for, and answers the rest as it was told."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {
            "/api/v3/brokerage/time": {"iso": "", "epochSeconds": "1790000010", "epochMillis": str(VENUE_MS)}
        }
        self.status = 200
        self.asked: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.endswith("/candles"):
            self.asked.append(dict(request.query))
            return web.json_response({"candles": self._candles(request)})
        if request.path in self.answers:
            self.asked.append(dict(request.query))
            return web.json_response(self.answers[request.path], status=self.status)
        return web.json_response(
            {"error": "NOT_FOUND", "error_details": "product not found", "message": "product not found"}, status=404
        )

    def _candles(self, request: web.Request) -> list[dict[str, str]]:
        length = {"ONE_MINUTE": 60, "FIVE_MINUTE": 300}[request.query["granularity"]]
        start, end = int(request.query["start"]), int(request.query["end"])
        times = range(-(-start // length) * length, end + 1, length)
        assert len(times) <= 350
        return [
            {
                "start": str(at), "low": str(at % 1000), "high": str(at % 1000 + 20), "open": "5", "close": "7",
                "volume": "1.5",
            }
            for at in reversed(times)
        ]  # fmt: skip


@asynccontextmanager
async def connected(venue: Venue) -> AsyncIterator[Rest]:
    application = web.Application()
    application.router.add_get("/{path:.*}", venue.handle)
    async with TestServer(application) as server, httpx.AsyncClient() as client:
        yield get_adapter("coinbase").rest(
            exchange="coinbase", base_url=str(server.make_url("")), client=client, clock_ns=lambda: NOW
        )


async def test_the_time_is_exact_to_the_millisecond():
    async with connected(Venue()) as rest:
        assert await rest.server_time_ns() == VENUE_MS * 1_000_000


async def test_listings_carry_the_venues_rules():
    venue = Venue()
    paused = {**PRODUCT, "product_id": "ETH-USD", "base_currency_id": "ETH", "trading_disabled": True}
    future = {**PRODUCT, "product_id": "BIT-28NOV26-CDE", "product_type": "FUTURE"}
    venue.answers[f"{MARKET}/products"] = {"products": [PRODUCT, paused, future], "num_products": 3}
    async with connected(venue) as rest:
        btc, eth = await rest.listings()
    assert btc == Listing(
        symbol="BTC/USD", venue_symbol="BTC-USD", base="BTC", quote="USD", tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00000001"), min_quantity=Decimal("0.00000001"), max_quantity=Decimal(3400),
        min_notional=Decimal(1), active=True,
    )  # fmt: skip
    assert (eth.symbol, eth.active) == ("ETH/USD", False)


async def test_many_bars_come_in_pages_oldest_first():
    venue = Venue()
    async with connected(venue) as rest:
        bars = await rest.bars("BTC-USD", symbol="BTC/USD", timeframe="1m", limit=700)
    assert len(bars) == 700
    assert [later.ts_open - earlier.ts_open for earlier, later in pairwise(bars)] == [60 * S] * 699
    last = bars[-1]
    assert (last.ts_open // S, last.ts_close // S, last.closed) == (1_789_999_980, 1_790_000_040, False)
    assert (bars[-2].closed, last.low, last.high, last.open, last.close, last.volume) == (True, 980, 1000, 5, 7, 1.5)
    assert (last.taker_buy_volume, last.source) == (None, "rest")
    assert len([query for query in venue.asked if "granularity" in query]) == 3


async def test_bars_since_a_time_begin_with_the_first_whole_one():
    async with connected(Venue()) as rest:
        bars = await rest.bars("BTC-USD", symbol="BTC/USD", timeframe="5m", limit=2, start_ns=1_789_990_000 * S + 1)
    assert [bar.ts_open // S for bar in bars] == [1_789_990_200, 1_789_990_500]


async def test_there_are_no_bars_of_three_minutes():
    async with connected(Venue()) as rest:
        with pytest.raises(UnsupportedTimeframe, match="3m"):
            await rest.bars("BTC-USD", symbol="BTC/USD", timeframe="3m", limit=2)


async def test_a_book_prints_and_the_days_summary():
    venue = Venue()
    venue.answers[f"{MARKET}/product_book"] = {
        "pricebook": {
            "product_id": "BTC-USD", "bids": [{"price": "68923.66", "size": "0.17189468"}],
            "asks": [{"price": "68923.67", "size": "0.16987193"}], "time": "2026-04-07T00:28:59.662782Z",
        }
    }  # fmt: skip
    venue.answers[f"{MARKET}/products/BTC-USD/ticker"] = {
        "trades": [
            {
                "trade_id": "995098663", "product_id": "BTC-USD", "price": "68923.67", "size": "0.00064",
                "time": "2026-04-07T00:28:58.544778Z", "side": "SELL", "bid": "", "ask": "",
            },
            {
                "trade_id": "995098662", "product_id": "BTC-USD", "price": "68923.66", "size": "0.00123858",
                "time": "2026-04-07T00:28:58.250358Z", "side": "BUY", "bid": "", "ask": "",
            },
        ],
        "best_bid": "68923.66", "best_ask": "68923.67",
    }  # fmt: skip
    venue.answers[f"{MARKET}/products/BTC-USD"] = PRODUCT
    async with connected(venue) as rest:
        book = await rest.book("BTC-USD", symbol="BTC/USD", limit=1)
        older, newer = await rest.trades("BTC-USD", symbol="BTC/USD", limit=2)
        ticker = await rest.ticker("BTC-USD", symbol="BTC/USD")
    assert book == BookImage(
        exchange="coinbase", symbol="BTC/USD", bids=((68923.66, 0.17189468),), asks=((68923.67, 0.16987193),),
        update_id=0, ts_init=NOW, ts_event=1_775_521_739_662_782_000,
    )  # fmt: skip
    assert venue.asked[0] == {"product_id": "BTC-USD", "limit": "1"}
    assert newer == TradeTick(
        exchange="coinbase", symbol="BTC/USD", price=68923.67, size=0.00064, buyer_is_maker=False, trade_id=995_098_663,
        ts_event=1_775_521_738_544_778_000, ts_init=NOW,
    )  # fmt: skip
    assert (older.trade_id, older.buyer_is_maker) == (995_098_662, True)
    assert ticker == Ticker(
        exchange="coinbase", symbol="BTC/USD", last=68923.67, change=-0.005, high=920.0, low=0.0, volume=11005.5,
        quote_volume=758506771.41, ts_event=VENUE_MS * 1_000_000, ts_init=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "problem", "error"),
    [
        (404, {"error": "NOT_FOUND", "message": "product not found"}, UnknownSymbol),
        (400, {"error": "INVALID_ARGUMENT", "message": "valid product_id is required"}, UnknownSymbol),
        (400, {"error": "INVALID_ARGUMENT", "message": "limit is too large"}, VenueRejected),
        (401, {"error": "unauthorized", "message": "Unauthorized"}, NotAllowed),
        (429, {}, RateLimited),
        (503, {}, VenueUnavailable),
    ],
)
async def test_errors_have_their_own_names(status: int, problem: dict, error: type[Exception]):
    venue = Venue()
    venue.status = status
    venue.answers[f"{MARKET}/product_book"] = problem
    async with connected(venue) as rest:
        with pytest.raises(error) as caught:
            await rest.book("BTC-USD", symbol="BTC/USD", limit=5)
    assert type(caught.value) is error
    assert str(problem.get("message", "")) in str(caught.value)


@pytest.mark.parametrize("answer", [{}, {"pricebook": {"bids": [{"price": "x", "size": "1"}], "asks": []}}, []])
async def test_an_answer_of_another_shape_is_unavailable(answer):
    venue = Venue()
    venue.answers[f"{MARKET}/product_book"] = answer
    async with connected(venue) as rest:
        with pytest.raises(VenueUnavailable, match="cannot be read"):
            await rest.book("BTC-USD", symbol="BTC/USD", limit=5)

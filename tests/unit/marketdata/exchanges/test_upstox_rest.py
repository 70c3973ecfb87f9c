"""Upstox over REST, against a server that answers in the venue's shape."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import pytest
from aiohttp import web

from marketdata.events import Bar, Ticker
from marketdata.exchanges.adapter import (
    BookImage,
    Credentials,
    Listing,
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.upstox.hours import Session
from marketdata.exchanges.upstox.pace import RequestBudget
from marketdata.exchanges.upstox.rest import UpstoxRest
from marketdata.exchanges.upstox.venue import UpstoxAdapter
from tests.unit.marketdata.exchanges.upstox_frames import NIFTY, RELIANCE
from tests.unit.marketdata.exchanges.web import serving

SECOND = 1_000_000_000
# Monday 2025-12-29, 10:01:30 in India.
NOW = datetime(2025, 12, 29, 4, 31, 30, tzinfo=UTC)
DATE = {"Date": "Mon, 29 Dec 2025 04:31:30 GMT"}
TOKEN = "a-token-that-is-secret"


def success(data: object) -> web.Response:
    return web.json_response({"status": "success", "data": data}, headers=DATE)


def problem(status: int, code: str) -> web.Response:
    return web.json_response(
        {"status": "error", "errors": [{"errorCode": code, "message": "Something is wrong"}]}, status=status
    )


@asynccontextmanager
async def venue(answer, *, token: str = TOKEN) -> AsyncIterator[tuple[UpstoxRest, list[web.Request]]]:
    async with serving(answer) as (base_url, requests), httpx.AsyncClient() as client:
        rest = UpstoxAdapter().rest(
            exchange="upstox", base_url=base_url, client=client, clock_ns=lambda: int(NOW.timestamp()) * SECOND,
            credentials=Credentials(access_token=token),
        )  # fmt: skip
        yield rest, requests


async def refusal_of(answer: Callable[[web.Request], web.Response], *, token: str = TOKEN) -> VenueError:
    async with venue(answer, token=token) as (rest, _):
        with pytest.raises(VenueError) as caught:
            await rest.socket_url("wss://api.upstox.com", route="")
    return caught.value


async def test_address_of_a_socket_is_asked_for_with_the_token():
    address = "wss://feeds.upstox.example/feeds?requestId=1&code=2"
    async with venue(lambda request: success({"authorized_redirect_uri": address})) as (rest, requests):
        assert await rest.socket_url("wss://api.upstox.com", route="") == address
    assert requests[0].path == "/v3/feed/market-data-feed/authorize"
    assert requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


async def test_expired_token_is_named_with_what_to_do():
    error = await refusal_of(lambda request: problem(401, "UDAPI100050"))
    assert isinstance(error, NotAllowed)
    assert str(error) == (
        "the Upstox access token has expired (they end at 3:30 each night IST): log in again and set UPSTOX_ACCESS_TOKEN"
    )


async def test_missing_token_is_named_with_what_to_do():
    async with venue(lambda request: problem(401, "UDAPI100050"), token="") as (rest, requests):
        with pytest.raises(NotAllowed, match="log in and set UPSTOX_ACCESS_TOKEN"):
            await rest.socket_url("", route="")
    assert "Authorization" not in requests[0].headers


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (lambda request: problem(403, "UDAPI100067"), NotAllowed, "Check the app's permissions"),
        (lambda request: problem(423, "UDAPI100074"), VenueUnavailable, "UDAPI100074 Something is wrong"),
        (lambda request: problem(400, "UDAPI100999"), VenueRejected, "UDAPI100999 Something is wrong"),
        (lambda request: problem(400, "UDAPI1087"), UnknownSymbol, "UDAPI1087"),
        (lambda request: web.Response(status=400, body=b"\xff<html>"), VenueRejected, "HTTP 400"),
        (lambda request: web.Response(status=502), VenueUnavailable, "HTTP 502"),
        (lambda request: web.Response(text="<html>maintenance</html>"), VenueUnavailable, "cannot be read"),
        (lambda request: success({}), VenueUnavailable, "authorized_redirect_uri"),
    ],
)
async def test_refusals_are_named(answer, kind, text):
    error = await refusal_of(answer)
    assert type(error) is kind
    assert text in str(error)
    assert TOKEN not in str(error)


async def test_limit_is_waited_for_and_nothing_sent_meanwhile():
    async with venue(lambda request: web.Response(status=429, headers={"Retry-After": "30"})) as (rest, requests):
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await rest.socket_url("", route="")
            assert 29 < caught.value.retry_after_s <= 30
    assert len(requests) == 1


def test_budget_keeps_within_every_window():
    budget = RequestBudget({1.0: 2, 60.0: 3})
    assert [budget.take_s(at) for at in (0.0, 0.25, 0.5, 1.0, 1.5, 59.5)] == [0.0, 0.0, 0.5, 0.0, 58.5, 0.5]
    assert budget.take_s(60.0) == 0.0


def candle(text: str, close: float) -> list[object]:
    return [f"{text}:00+05:30", 100.0, 103.5, 99.25, close, 1_200, 0]


async def test_latest_bars_are_todays_then_those_of_days_before():
    today = [candle("2025-12-29T10:00", 3.0), candle("2025-12-29T09:57", 2.0)]
    friday = [candle("2025-12-26T15:27", 1.0), candle("2025-12-26T15:24", 0.5)]

    def answer(request: web.Request) -> web.Response:
        return success({"candles": today if "/intraday/" in request.path else friday})

    async with venue(answer) as (rest, requests):
        bars = await rest.bars(RELIANCE, symbol="RELIANCE/INR", timeframe="3m", limit=3)
        assert [bar.close for bar in bars] == [1.0, 2.0, 3.0]
        assert [bar.closed for bar in bars] == [True, True, False]
        begin = int(datetime(2025, 12, 29, 4, 27, tzinfo=UTC).timestamp()) * SECOND
        assert bars[1] == Bar(
            exchange="upstox", symbol="RELIANCE/INR", timeframe="3m", ts_open=begin, ts_close=begin + 180 * SECOND,
            open=100.0, high=103.5, low=99.25, close=2.0, volume=1_200.0, taker_buy_volume=None, trades=0,
            closed=True, source="rest",
        )  # fmt: skip
        assert [request.raw_path for request in requests] == [
            "/v3/historical-candle/intraday/NSE_EQ%7CINE002A01018/minutes/3",
            "/v3/historical-candle/NSE_EQ%7CINE002A01018/minutes/3/2025-12-28/2025-12-24",
        ]
        assert len(await rest.bars(RELIANCE, symbol="RELIANCE/INR", timeframe="3m", limit=2)) == 2
        assert len(requests) == 3


async def test_bars_from_a_time_on_come_in_months():
    async with venue(lambda request: success({"candles": []})) as (rest, requests):
        start_ns = int(datetime(2025, 10, 15, 4, 0, tzinfo=UTC).timestamp()) * SECOND
        assert await rest.bars(NIFTY, symbol="NIFTY/INR", timeframe="1m", limit=500, start_ns=start_ns) == []
    key = "/v3/historical-candle/NSE_INDEX%7CNifty%2050/minutes/1"
    assert [request.raw_path for request in requests] == [
        f"{key}/2025-11-12/2025-10-15",
        f"{key}/2025-12-11/2025-11-13",
        f"{key}/2025-12-28/2025-12-12",
        "/v3/historical-candle/intraday/NSE_INDEX%7CNifty%2050/minutes/1",
    ]


async def test_bars_before_the_start_are_left_out_and_the_first_ones_kept():
    rows = [candle(f"2025-12-29T09:{minute}", float(minute)) for minute in range(15, 60)]

    def answer(request: web.Request) -> web.Response:
        return success({"candles": rows[::-1] if "/intraday/" in request.path else []})

    async with venue(answer) as (rest, _):
        start_ns = int(datetime(2025, 12, 29, 4, 0, tzinfo=UTC).timestamp()) * SECOND
        bars = await rest.bars(NIFTY, symbol="NIFTY/INR", timeframe="1m", limit=3, start_ns=start_ns)
    assert [bar.close for bar in bars] == [30.0, 31.0, 32.0]


async def test_longer_bars_begin_elsewhere_and_are_refused():
    async with venue(lambda request: success({})) as (rest, requests):
        with pytest.raises(UnsupportedTimeframe, match="build them from 15m bars"):
            await rest.bars(NIFTY, symbol="NIFTY/INR", timeframe="1h", limit=3)
    assert requests == []


@pytest.mark.parametrize("row", [["2025-12-29T10:00:00", 1, 1, 1, 1, 1, 0], ["yesterday", 1, 1, 1, 1, 1, 0], [1]])
async def test_bars_that_cannot_be_read_are_named(row):
    async with venue(lambda request: success({"candles": [row]})) as (rest, _):
        with pytest.raises(VenueUnavailable):
            await rest.bars(NIFTY, symbol="NIFTY/INR", timeframe="1m", limit=3)


def level(price: float, quantity: int) -> dict[str, object]:
    return {"price": price, "quantity": quantity, "orders": 1}


QUOTE = {
    "ohlc": {"open": 53.4, "high": 53.8, "low": 51.75, "close": 52.05},
    "depth": {"buy": [level(52.05, 6917), level(52.0, 5), level(0, 0)], "sell": [level(0, 0)] * 5},
    "timestamp": "2023-10-19T05:21:51.099+05:30",
    "instrument_token": RELIANCE,
    "last_price": 52.05,
    "volume": 1_000,
    "average_price": 52.5,
    "oi": 0,
    "net_change": -1.05,
    "last_trade_time": "1697624972130",
}
QUOTED_MS = 1_697_673_111_099


async def test_book_compares_with_the_feed_by_time():
    async with venue(lambda request: success({"NSE_EQ:NHPC": QUOTE})) as (rest, requests):
        image = await rest.book(RELIANCE, symbol="RELIANCE/INR", limit=20)
    assert requests[0].query["instrument_key"] == RELIANCE
    assert image == BookImage(
        exchange="upstox", symbol="RELIANCE/INR", bids=((52.05, 6917.0), (52.0, 5.0)), asks=(),
        update_id=QUOTED_MS * 1_000, ts_event=QUOTED_MS * 1_000_000, ts_init=int(NOW.timestamp()) * SECOND,
    )  # fmt: skip


async def test_ticker_is_todays_session():
    async with venue(lambda request: success({"NSE_EQ:NHPC": QUOTE})) as (rest, _):
        ticker = await rest.ticker(RELIANCE, symbol="RELIANCE/INR")
        assert await rest.trades(RELIANCE, symbol="RELIANCE/INR", limit=10) == []
    assert ticker == Ticker(
        exchange="upstox", symbol="RELIANCE/INR", last=52.05, change=-1.05 / 53.1, high=53.8, low=51.75, volume=1_000.0,
        quote_volume=52_500.0, ts_event=QUOTED_MS * 1_000_000, ts_init=int(NOW.timestamp()) * SECOND,
    )  # fmt: skip


async def test_index_has_a_price_and_no_book():
    quote = {"last_price": 24_310.5, "depth": None, "ohlc": None, "timestamp": None, "volume": None}
    async with venue(lambda request: success({"NSE_INDEX:Nifty 50": quote})) as (rest, _):
        assert (await rest.ticker(NIFTY, symbol="NIFTY/INR")).last == 24_310.5
        assert (await rest.book(NIFTY, symbol="NIFTY/INR", limit=5)).bids == ()


async def test_unlisted_instrument_has_no_quote():
    async with venue(lambda request: success({})) as (rest, _):
        with pytest.raises(UnknownSymbol, match="NOPE/INR"):
            await rest.book("NSE_EQ|NOPE", symbol="NOPE/INR", limit=5)
        with pytest.raises(UnknownSymbol, match="NOPE/INR"):
            await rest.ticker("NSE_EQ|NOPE", symbol="NOPE/INR")


ROWS = [
    {"segment": "NSE_INDEX", "name": "Nifty 50", "instrument_type": "INDEX", "instrument_key": NIFTY,
     "trading_symbol": "NIFTY"},
    {"segment": "NSE_INDEX", "instrument_type": "INDEX", "instrument_key": "NSE_INDEX|Reliance", "trading_symbol":
     "RELIANCE"},
    {"segment": "NSE_EQ", "instrument_type": "EQ", "instrument_key": RELIANCE, "lot_size": 1, "freeze_quantity":
     100000.0, "tick_size": 10.0, "trading_symbol": "RELIANCE", "mtf_enabled": True},
    {"segment": "NSE_EQ", "instrument_type": "EQ", "instrument_key": "NSE_EQ|INE101A01026", "lot_size": 1,
     "freeze_quantity": 5.5, "tick_size": 5, "trading_symbol": "M&M"},
    {"segment": "NSE_EQ", "instrument_type": "N1", "instrument_key": "NSE_EQ|BOND", "lot_size": 1, "tick_size": 1,
     "trading_symbol": "BOND"},
    {"segment": "NSE_EQ", "instrument_type": "EQ", "instrument_key": "NSE_EQ|NOTICK", "lot_size": 1,
     "trading_symbol": "NOTICK"},
    {"segment": "NSE_FO", "instrument_type": "FUT", "instrument_key": "NSE_FO|1", "lot_size": 30, "tick_size": 20,
     "trading_symbol": "BANKNIFTY FUT"},
    {"segment": "NSE_INDEX", "instrument_type": "INDEX", "instrument_key": "NSE_INDEX|Long", "trading_symbol":
     "NIFTY OF SO MANY COMPANIES"},
]  # fmt: skip
HOLIDAYS = [
    {"date": "2026-01-26", "description": "Republic Day", "holiday_type": "TRADING_HOLIDAY",
     "closed_exchanges": ["NFO", "NSE"], "open_exchanges": []},
    {"date": "2024-01-20", "description": "Special", "closed_exchanges": ["MCX"], "open_exchanges": [
        {"exchange": "NSE", "start_time": 1705722300000, "end_time": 1705734000000}]},
    {"date": "2026-02-01", "description": "Settlement", "closed_exchanges": ["MCX"], "open_exchanges": []},
]  # fmt: skip


def static(file: bytes):
    def answer(request: web.Request) -> web.Response:
        if request.path == "/market-quote/instruments/exchange/NSE.json.gz":
            return web.Response(body=file)
        return success(HOLIDAYS) if request.path == "/v2/market/holidays" else web.Response(status=404)

    return answer


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
async def test_listings_are_equities_and_indices(pack):
    async with venue(static(pack(json.dumps(ROWS).encode()))) as (rest, requests):
        listings = {listing.symbol: listing for listing in await rest.listings()}
    assert "Authorization" not in requests[0].headers
    assert listings.keys() == {"RELIANCE/INR", "M_M/INR", "NIFTY/INR"}
    assert listings["RELIANCE/INR"] == Listing(
        symbol="RELIANCE/INR", venue_symbol=RELIANCE, base="RELIANCE", quote="INR", tick_size=Decimal("0.1"),
        lot_size=Decimal(1), min_quantity=Decimal(1), max_quantity=Decimal(100_000), min_notional=Decimal(0), active=True,
    )  # fmt: skip
    assert (listings["NIFTY/INR"].kind, listings["NIFTY/INR"].venue_symbol) == ("index", NIFTY)


async def test_listings_teach_the_calendar_its_holidays():
    adapter = UpstoxAdapter()
    on_republic_day_ns = int(datetime(2026, 1, 26, 5, 0, tzinfo=UTC).timestamp()) * SECOND
    assert adapter.closed_reason(on_republic_day_ns) == ""
    async with serving(static(b"[]")) as (base_url, _), httpx.AsyncClient() as client:
        rest = adapter.rest(exchange="upstox", base_url=base_url, client=client, clock_ns=lambda: 0)
        assert await rest.listings() == []
        assert await rest.holidays() == {
            date(2026, 1, 26): None,
            date(2024, 1, 20): Session(1_705_722_300 * SECOND, 1_705_734_000 * SECOND),
        }
    assert adapter.closed_reason(on_republic_day_ns) == "market closed until Tue 27 Jan 09:15 IST"


async def test_listings_do_without_the_holidays():
    def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"[]") if request.path.endswith(".gz") else web.Response(status=500)

    async with venue(answer) as (rest, _):
        assert await rest.listings() == []


@pytest.mark.parametrize(
    "file",
    [
        b"<html>",
        gzip.compress(b"[{]", mtime=0),
        b"\x1f\x8b broken",
        gzip.compress(json.dumps(ROWS).encode(), mtime=0)[:-20],
    ],
)
async def test_instruments_that_cannot_be_read_are_named(file):
    async with venue(static(file)) as (rest, _):
        with pytest.raises(VenueUnavailable, match="cannot be read"):
            await rest.listings()


async def test_packed_file_that_explodes_is_not_unpacked(monkeypatch):
    monkeypatch.setattr("marketdata.exchanges.upstox.instruments._MAX_BYTES", 1_000_000)
    async with venue(static(gzip.compress(b" " * 2_000_000))) as (rest, _):
        with pytest.raises(VenueUnavailable, match="more than 1000000 bytes"):
            await rest.listings()


async def test_time_is_the_middle_of_the_second_of_the_answer():
    async with venue(lambda request: success({})) as (rest, _):
        assert await rest.server_time_ns() == int(NOW.timestamp()) * SECOND + SECOND // 2

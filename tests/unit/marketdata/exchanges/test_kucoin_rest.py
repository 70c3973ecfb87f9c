"""KuCoin over REST, spot and futures, from a server that answers as the venue documents."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from aiohttp import web

from marketdata.exchanges.adapter import (
    Credentials,
    NotAllowed,
    RateLimited,
    Rest,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.catalog import get_adapter
from tests.unit.marketdata.cast import MINUTE, SECOND, T0
from tests.unit.marketdata.exchanges.web import serving

# 30 s into a minute.
NOW = T0 + 5000 * MINUTE + 30 * SECOND
KEY = Credentials(api_key="key", api_secret="secret", passphrase="phrase")

SYMBOL = {
    "symbol": "BTC-USDT", "name": "BTC-USDT", "baseCurrency": "BTC", "quoteCurrency": "USDT", "feeCurrency": "USDT",
    "market": "USDS", "baseMinSize": "0.00001", "quoteMinSize": "0.1", "baseMaxSize": "10000000000",
    "quoteMaxSize": "99999999", "baseIncrement": "0.00000001", "quoteIncrement": "0.000001",
    "priceIncrement": "0.1", "priceLimitRate": "0.1", "minFunds": "0.1", "isMarginEnabled": True, "enableTrading": True,
}  # fmt: skip
CONTRACT = {
    "symbol": "XBTUSDTM", "rootSymbol": "USDT", "type": "FFWCSX", "expireDate": None, "baseCurrency": "XBT",
    "quoteCurrency": "USDT", "settleCurrency": "USDT", "maxOrderQty": 1000000, "maxPrice": 1000000.0, "lotSize": 1,
    "tickSize": 0.1, "multiplier": 0.001, "isInverse": False, "status": "Open", "fundingRateGranularity": 14400000,
    "lastTradePrice": 64006.5, "priceChgPct": -0.0056, "highPrice": 65000.0, "lowPrice": 63000.0,
    "volumeOf24h": 3938.189, "turnoverOf24h": 337376435.2988,
}  # fmt: skip
BOOK = {"time": 1723161256298, "sequence": "7", "bids": [["61800.2", "2.909"]], "asks": [["61800.3", "1"]]}
BULLET = {
    "token": "2neAiu==", "instanceServers": [
        {"endpoint": "wss://ws-api-spot.kucoin.com/", "encrypt": True, "protocol": "websocket", "pingInterval": 18000,
         "pingTimeout": 10000},
    ],
}  # fmt: skip

Answers = dict[str, object]


def ok(data: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"code": "200000", "data": data}, headers=headers)


def refused(code: str, message: str, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=status, headers=headers)


@asynccontextmanager
async def venue(
    answers: Answers, *, name: str = "kucoin", credentials: Credentials | None = None
) -> AsyncIterator[tuple[Rest, list[web.Request]]]:
    def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v1/timestamp" and request.path not in answers:
            return ok(NOW // 1_000_000)
        found = answers.get(request.path)
        if found is None:
            return refused("404000", "URL Not Found", status=404)
        return found(request) if callable(found) else ok(found)

    async with serving(answer) as (url, requests), httpx.AsyncClient() as client:
        rest = get_adapter(name).rest(
            exchange=name, base_url=url, client=client, clock_ns=lambda: NOW, credentials=credentials
        )
        yield rest, requests


async def test_server_time():
    async with venue({}) as (rest, _):
        assert await rest.server_time_ns() == NOW // 1_000_000 * 1_000_000


async def test_listings_of_spot():
    off = SYMBOL | {"symbol": "OLD-USDT", "baseCurrency": "OLD", "enableTrading": False, "minFunds": None}
    async with venue({"/api/v2/symbols": [SYMBOL, off]}) as (rest, _):
        listing, old = await rest.listings()
    assert (listing.symbol, listing.venue_symbol, listing.active) == ("BTC/USDT", "BTC-USDT", True)
    assert (listing.tick_size, listing.lot_size) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (listing.min_quantity, listing.min_notional) == (Decimal("0.00001"), Decimal("0.1"))
    assert (old.active, old.min_notional) == (False, 0)


async def test_listings_of_futures_are_in_base_units_and_leave_out_inverse_and_dated_ones():
    inverse = CONTRACT | {"symbol": "XBTUSDM", "quoteCurrency": "USD", "settleCurrency": "XBT", "isInverse": True}
    dated = CONTRACT | {"symbol": "XBTMZ26", "expireDate": 1798185600000}
    async with venue({"/api/v1/contracts/active": [CONTRACT, inverse, dated]}, name="kucoin-futures") as (rest, _):
        (listing,) = await rest.listings()
    assert (listing.symbol, listing.venue_symbol, listing.base) == ("BTC/USDT:USDT", "XBTUSDTM", "BTC")
    assert (listing.contract_size, listing.lot_size, listing.max_quantity) == (
        Decimal("0.001"), Decimal("0.001"), Decimal(1000),
    )  # fmt: skip
    assert (listing.tick_size, listing.kind, listing.funding_interval_h) == (Decimal("0.1"), "perpetual", 4.0)


def spot_candles(*, but: frozenset[int] = frozenset()) -> Callable[[web.Request], web.Response]:
    """Newest first; minutes in which nothing was traded are left out."""

    def answer(request: web.Request) -> web.Response:
        begin, end = int(request.query["startAt"]), min(int(request.query["endAt"]), NOW // SECOND)
        assert (end - begin) // 60 <= 1500
        assert request.query["type"] == "1min"
        return ok([
            [str(at), "100.5", "100.0", "101.5", "99.5", "12.5", "1250"]
            for at in range(begin, end, 60)
            if at // 60 not in but
        ][::-1])  # fmt: skip

    return answer


async def test_the_latest_bars_come_oldest_first_and_the_last_is_forming():
    async with venue({"/api/v1/market/candles": spot_candles()}) as (rest, requests):
        bars = await rest.bars("BTC-USDT", symbol="BTC/USDT", timeframe="1m", limit=3)
    assert [bar.ts_open for bar in bars] == [NOW // MINUTE * MINUTE - MINUTE * back for back in (2, 1, 0)]
    assert [bar.closed for bar in bars] == [True, True, False]
    first = bars[0]
    assert (first.open, first.close, first.high, first.low, first.volume) == (100.5, 100.0, 101.5, 99.5, 12.5)
    assert first.ts_close - first.ts_open == MINUTE
    assert len([request for request in requests if "candles" in request.path]) == 1


async def test_many_bars_are_asked_in_pages_and_missing_minutes_are_not_invented():
    start = NOW // MINUTE - 4000
    missing = frozenset({start + 1, start + 1499, start + 1500})
    async with venue({"/api/v1/market/candles": spot_candles(but=missing)}) as (rest, requests):
        bars = await rest.bars("BTC-USDT", symbol="BTC/USDT", timeframe="1m", limit=3500, start_ns=start * MINUTE - 1)
    assert len(bars) == 3500
    assert bars[0].ts_open == start * MINUTE
    opened = [bar.ts_open // MINUTE for bar in bars]
    assert opened == sorted(set(opened))
    assert not missing & set(opened)
    assert len([request for request in requests if "candles" in request.path]) == 3


async def test_bars_of_futures_are_in_base_units():
    def answer(request: web.Request) -> web.Response:
        begin, end = int(request.query["from"]), int(request.query["to"])
        assert (end - begin) // 60_000 < 200
        rows = [[at, 100.5, 101.5, 99.5, 100.0, 12500, 1250.0] for at in range(begin, end, 60_000)]
        return ok(rows)

    answers: Answers = {"/api/v1/kline/query": answer, "/api/v1/contracts/XBTUSDTM": CONTRACT}
    async with venue(answers, name="kucoin-futures") as (rest, requests):
        bars = await rest.bars("XBTUSDTM", symbol="BTC/USDT:USDT", timeframe="1m", limit=450)
        assert len(bars) == 450
        assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close, bars[0].volume) == (
            100.5,
            101.5,
            99.5,
            100.0,
            12.5,
        )
        assert [bar.closed for bar in bars[-2:]] == [True, False]
        assert len([request for request in requests if "kline" in request.path]) == 3
        with pytest.raises(UnsupportedTimeframe, match="3m"):
            await rest.bars("XBTUSDTM", symbol="BTC/USDT:USDT", timeframe="3m", limit=1)


async def test_a_book_without_a_key_is_the_best_100_levels():
    answers: Answers = {
        "/api/v1/market/orderbook/level2_100": BOOK, "/api/v1/market/orderbook/level2_20": BOOK | {"sequence": "8"},
    }  # fmt: skip
    async with venue(answers) as (rest, requests):
        image = await rest.book("BTC-USDT", symbol="BTC/USDT", limit=100)
        assert (image.symbol, image.update_id, image.bids, image.asks) == (
            "BTC/USDT", 7, ((61800.2, 2.909),), ((61800.3, 1.0),),
        )  # fmt: skip
        assert (image.ts_init, image.ts_event, image.from_stream) == (NOW, 1723161256298_000_000, False)
        assert (await rest.book("BTC-USDT", symbol="BTC/USDT", limit=20)).update_id == 8
    assert "KC-API-KEY" not in requests[0].headers


async def test_with_a_key_the_whole_book_is_asked_for_and_signed():
    path = "/api/v3/market/orderbook/level2"
    async with venue({path: BOOK}, credentials=KEY) as (rest, requests):
        assert (await rest.book("BTC-USDT", symbol="BTC/USDT", limit=100)).update_id == 7
    headers = requests[0].headers

    def sign(text: str) -> str:
        return base64.b64encode(hmac.new(b"secret", text.encode(), hashlib.sha256).digest()).decode()

    timestamp = str(NOW // 1_000_000)
    assert headers["KC-API-KEY"] == "key"
    assert headers["KC-API-KEY-VERSION"] == "2"
    assert headers["KC-API-TIMESTAMP"] == timestamp
    assert headers["KC-API-PASSPHRASE"] == sign("phrase")
    assert headers["KC-API-SIGN"] == sign(f"{timestamp}GET{path}?symbol=BTC-USDT")


async def test_a_revoked_key_is_named_with_what_to_do_and_never_shown():
    path = "/api/v3/market/orderbook/level2"

    def answer(_: web.Request) -> web.Response:
        return refused("400003", "KC-API-KEY not exists", status=401)

    async with venue({path: answer}, credentials=KEY) as (rest, _):
        with pytest.raises(NotAllowed, match=r"400003 KC-API-KEY not exists.*remove the key") as caught:
            await rest.book("BTC-USDT", symbol="BTC/USDT", limit=100)
    assert "secret" not in str(caught.value)


async def test_prints_are_oldest_first():
    row = {"sequence": "2", "side": "sell", "size": "0.5", "price": "61800.3", "time": 1723161256298000000}
    older = row | {"sequence": "1", "side": "buy"}
    async with venue({"/api/v1/market/histories": [row, older]}) as (rest, _):
        first, second = await rest.trades("BTC-USDT", symbol="BTC/USDT", limit=100)
        assert [print_.trade_id for print_ in await rest.trades("BTC-USDT", symbol="BTC/USDT", limit=1)] == [2]
    assert (first.trade_id, first.buyer_is_maker) == (1, False)
    assert (second.price, second.size, second.buyer_is_maker, second.ts_event) == (
        61800.3,
        0.5,
        True,
        1723161256298000000,
    )


async def test_futures_prints_books_and_tickers_are_in_base_units():
    answers: Answers = {
        "/api/v1/contracts/XBTUSDTM": CONTRACT,
        "/api/v1/trade/history": [
            {"sequence": 3, "side": "buy", "size": 53, "price": "63990.6", "tradeId": "3", "ts": 1786540805418000000}
        ],
        "/api/v1/level2/snapshot": {
            "sequence": 100, "symbol": "XBTUSDTM", "bids": [["63990.5", 2]], "asks": [["63990.6", 1983]],
            "ts": 1604643655040584408,
        },
    }  # fmt: skip
    async with venue(answers, name="kucoin-futures") as (rest, requests):
        (print_,) = await rest.trades("XBTUSDTM", symbol="BTC/USDT:USDT", limit=10)
        image = await rest.book("XBTUSDTM", symbol="BTC/USDT:USDT", limit=20)
        ticker = await rest.ticker("XBTUSDTM", symbol="BTC/USDT:USDT")
    assert (print_.size, print_.trade_id, print_.buyer_is_maker) == (0.053, 3, False)
    assert (image.bids, image.asks, image.ts_event) == (((63990.5, 0.002),), ((63990.6, 1.983),), 1604643655040584408)
    assert (ticker.last, ticker.change, ticker.volume) == (64006.5, -0.0056, 3938.189)
    # Asked for its size once.
    assert [request.path for request in requests].count("/api/v1/contracts/XBTUSDTM") == 2


async def test_the_days_figures():
    stats = {
        "time": 1602832092060, "symbol": "BTC-USDT", "buy": "11328.9", "sell": "11329", "changeRate": "-0.0055",
        "changePrice": "-63.6", "high": "11610", "low": "11200", "vol": "2282.70993217",
        "volValue": "25984946.157790431", "last": "11328.9", "averagePrice": "11360.66065903",
    }  # fmt: skip
    async with venue({"/api/v1/market/stats": stats}) as (rest, _):
        ticker = await rest.ticker("BTC-USDT", symbol="BTC/USDT")
    assert (ticker.last, ticker.change, ticker.high, ticker.low) == (11328.9, -0.0055, 11610.0, 11200.0)
    assert (ticker.volume, ticker.ts_event) == (2282.70993217, 1602832092060_000_000)
    nothing = {"time": 1, "symbol": "NO-PE", "last": None, "high": None, "low": None, "changeRate": None}
    async with venue({"/api/v1/market/stats": nothing}) as (rest, _):
        with pytest.raises(UnknownSymbol, match="NO-PE"):
            await rest.ticker("NO-PE", symbol="NO/PE")


async def test_each_socket_has_a_token_of_its_own_and_the_address_that_the_venue_names():
    adapter = get_adapter("kucoin")
    own = adapter.endpoints("live").websocket_url
    async with venue({"/api/v1/bullet-public": BULLET}) as (rest, requests):
        addresses = [urlsplit(await rest.socket_url(own, route="")) for _ in range(2)]
        local = urlsplit(await rest.socket_url("ws://127.0.0.1:9000/endpoint?via=proxy", route=""))
    assert [request.method for request in requests] == ["POST"] * 3
    first, second = (parse_qs(address.query) for address in addresses)
    assert addresses[0].netloc == "ws-api-spot.kucoin.com"
    assert first["token"] == ["2neAiu=="]
    assert first["connectId"] != second["connectId"]
    # An address of the operator's own takes the place of the venue's.
    assert (local.scheme, local.netloc, local.path) == ("ws", "127.0.0.1:9000", "/endpoint")
    assert parse_qs(local.query)["via"] == ["proxy"]
    assert parse_qs(local.query)["token"] == ["2neAiu=="]


async def test_without_a_server_to_connect_to_the_venue_is_unavailable():
    async with venue({"/api/v1/bullet-public": BULLET | {"instanceServers": []}}) as (rest, _):
        with pytest.raises(VenueUnavailable, match="no server"):
            await rest.socket_url("", route="")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (refused("400100", "symbol not exists"), UnknownSymbol, "symbol not exists"),
        (refused("400100", "This pair is not provided at present"), UnknownSymbol, "not provided"),
        (refused("400100", "Parameter error"), VenueRejected, "400100 Parameter error"),
        (refused("400302", "Our services are not available in your region"), NotAllowed, "region"),
        (refused("500000", "Internal Server Error"), VenueUnavailable, "500000"),
        (refused("404000", "URL Not Found", status=404), VenueRejected, "404000"),
        (web.Response(text="<html>"), VenueUnavailable, "cannot be read"),
        (web.Response(text="blocked", status=403), NotAllowed, "403"),
        (ok({"time": "soon"}), VenueUnavailable, "cannot be read"),
    ],
)
async def test_refusals_have_names(answer: web.Response, error: type[Exception], text: str):
    async with venue({"/api/v1/market/stats": lambda _: answer}) as (rest, _):
        with pytest.raises(error, match=text) as caught:
            await rest.ticker("BTC-USDT", symbol="BTC/USDT")
    assert type(caught.value) is error


@pytest.mark.parametrize("status", [200, 429])
async def test_a_limit_stops_every_request_until_the_venue_says(status: int):
    def answer(_: web.Request) -> web.Response:
        return refused("429000", "Too many requests", status=status, headers={"gw-ratelimit-reset": "25000"})

    async with venue({"/api/v1/market/stats": answer}) as (rest, requests):
        with pytest.raises(RateLimited) as caught:
            await rest.ticker("BTC-USDT", symbol="BTC/USDT")
        assert caught.value.retry_after_s == 25
        with pytest.raises(RateLimited):
            await rest.server_time_ns()
        assert len(requests) == 1


async def test_requests_pause_before_the_pool_is_empty():
    def answer(_: web.Request) -> web.Response:
        return ok(NOW // 1_000_000, headers={"gw-ratelimit-remaining": "12", "gw-ratelimit-reset": "9000"})

    async with venue({"/api/v1/timestamp": answer}) as (rest, requests):
        await rest.server_time_ns()
        with pytest.raises(RateLimited, match="9 s"):
            await rest.server_time_ns()
        assert len(requests) == 1

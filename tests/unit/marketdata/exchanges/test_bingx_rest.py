"""BingX over REST, swaps and spot, from a server that answers as the venue documents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest
from aiohttp import web

from marketdata.exchanges.adapter import (
    NotAllowed,
    RateLimited,
    Rest,
    UnknownSymbol,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.catalog import get_adapter
from tests.unit.marketdata.cast import MINUTE, T0
from tests.unit.marketdata.exchanges.web import serving

# 30 s into a minute.
NOW = T0 + 5000 * MINUTE + MINUTE // 2
NOW_MS = NOW // 1_000_000
BTC = "BTC/USDT:USDT"

CONTRACT = {
    "contractId": "100", "symbol": "BTC-USDT", "size": "0.0001", "quantityPrecision": 4, "pricePrecision": 1,
    "feeRate": 0.0005, "tradeMinLimit": 0, "tradeMinQuantity": 0.0001, "tradeMinUSDT": 2, "currency": "USDT",
    "asset": "BTC", "status": 1, "apiStateOpen": "true", "apiStateClose": "true", "ensureTrigger": True,
}  # fmt: skip
PAIR = {
    "symbol": "GEAR-USDT", "minQty": 735, "maxQty": 2941177, "minNotional": 5, "maxNotional": 20000, "status": 1,
    "tickSize": 0.000001, "stepSize": 1, "apiStateSell": True, "apiStateBuy": True, "timeOnline": 0,
}  # fmt: skip
DAY = {
    "symbol": "BTC-USDT", "priceChange": "-2.4", "priceChangePercent": "-1.69", "lastPrice": "99.0", "lastQty": "1",
    "highPrice": "103.5", "lowPrice": "98.5", "volume": "1464648.00", "quoteVolume": "102928.12",
    "openPrice": "100.0", "openTime": 1, "closeTime": 1720647284976, "bidPrice": "1", "askPrice": "2",
}  # fmt: skip


@asynccontextmanager
async def venue(answers: dict[str, object], *, name: str = "bingx") -> AsyncIterator[tuple[Rest, list[web.Request]]]:
    def answer(request: web.Request) -> web.Response:
        assert request.query["timestamp"] == str(NOW_MS)
        path = request.path.removeprefix("/openApi")
        if path.endswith("/server/time"):
            return web.json_response({"code": 0, "msg": "", "data": {"serverTime": NOW_MS}})
        found = answers.get(path)
        if found is None:
            return web.json_response({"code": 100400, "msg": "this api is not exist", "timestamp": NOW_MS}, status=404)
        if callable(found):
            return found(request)
        return web.json_response({"code": 0, "msg": "", "data": found})

    async with serving(answer) as (url, requests), httpx.AsyncClient() as client:
        yield get_adapter(name).rest(exchange=name, base_url=url, client=client, clock_ns=lambda: NOW), requests


@pytest.mark.parametrize("name", ["bingx", "bingx-spot"])
async def test_server_time_and_socket_address(name: str):
    async with venue({}, name=name) as (rest, _):
        assert await rest.server_time_ns() == NOW_MS * 1_000_000
        assert await rest.socket_url("wss://somewhere/market", route="") == "wss://somewhere/market"


async def test_listings():
    closed = CONTRACT | {"symbol": "OLD-USDC", "currency": "USDC", "apiStateOpen": "false"}
    async with venue({"/swap/v2/quote/contracts": [CONTRACT, closed]}) as (rest, _):
        listing, old = await rest.listings()
    assert (listing.symbol, listing.venue_symbol, listing.base, listing.quote) == (BTC, "BTC-USDT", "BTC", "USDT")
    assert (listing.tick_size, listing.lot_size, listing.contract_size) == (Decimal("0.1"), Decimal("0.0001"), 1)
    assert (listing.min_quantity, listing.min_notional) == (Decimal("0.0001"), 2)
    assert (listing.active, listing.kind) == (True, "perpetual")
    assert (old.symbol, old.active) == ("OLD/USDC:USDC", False)
    async with venue({"/spot/v1/common/symbols": {"symbols": [PAIR]}}, name="bingx-spot") as (rest, _):
        (pair,) = await rest.listings()
    assert (pair.symbol, pair.tick_size, pair.lot_size) == ("GEAR/USDT", Decimal("0.000001"), 1)
    assert (pair.min_quantity, pair.min_notional, pair.active, pair.kind) == (1, 5, True, "spot")


async def test_bars_of_swaps_come_oldest_first_in_pages():
    def answer(request: web.Request) -> web.Response:
        begin, end = int(request.query["startTime"]), min(int(request.query["endTime"]), NOW_MS)
        assert (request.query["interval"], int(request.query["limit"])) == ("1m", 1000)
        rows = [
            {"open": "100.5", "close": "100.0", "high": "101.5", "low": "99.5", "volume": "12.5", "time": at}
            for at in range(begin, end, 60_000)
        ]
        assert len(rows) <= 1000
        return web.json_response({"code": 0, "msg": "", "data": rows[::-1]})

    async with venue({"/swap/v3/quote/klines": answer}) as (rest, requests):
        bars = await rest.bars("BTC-USDT", symbol=BTC, timeframe="1m", limit=2500)
    assert len(bars) == 2500
    assert [bar.ts_open for bar in bars[-2:]] == [NOW // MINUTE * MINUTE - MINUTE, NOW // MINUTE * MINUTE]
    assert [bar.closed for bar in bars[-2:]] == [True, False]
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close, bars[0].volume) == (100.5, 101.5, 99.5, 100.0, 12.5)
    assert len([request for request in requests if "klines" in request.path]) == 3


async def test_bars_of_spot_are_asked_for_in_utc():
    row = [NOW_MS // 60_000 * 60_000, 100.5, 101.5, 99.5, 100.0, 12.5, NOW_MS, 17221.07]
    async with venue({"/spot/v1/market/kline": [row]}, name="bingx-spot") as (rest, requests):
        (bar,) = await rest.bars("BTC-USDT", symbol="BTC/USDT", timeframe="1m", limit=1)
    assert (bar.open, bar.high, bar.low, bar.close, bar.closed) == (100.5, 101.5, 99.5, 100.0, False)
    assert requests[-1].query["timeZone"] == "0"


async def test_a_book_is_best_first_and_in_the_sockets_sizes():
    data = {
        "T": 1743240836255, "bids": [["83760.6", "0.0044"], ["83760.7", "7.0861"]],
        "asks": [["83784.3", "8.3531"], ["83780.1", "18.0617"]],
        "bidsCoin": [["83760.7", "0.0007"]], "asksCoin": [["83780.1", "0.0018"]],
    }  # fmt: skip
    async with venue({"/swap/v2/quote/depth": data}) as (rest, requests):
        image = await rest.book("BTC-USDT", symbol=BTC, limit=30)
    assert image.bids == ((83760.7, 7.0861), (83760.6, 0.0044))
    assert image.asks == ((83780.1, 18.0617), (83784.3, 8.3531))
    assert (image.update_id, image.ts_event, image.from_stream) == (1743240836255, 1743240836255_000_000, False)
    assert requests[0].query["limit"] == "50"


async def test_prints_of_swaps_have_growing_ids_like_those_of_the_socket():
    rows = [
        {"time": 101, "isBuyerMaker": True, "price": "3", "qty": "1", "quoteQty": "3"},
        {"time": 100, "isBuyerMaker": False, "price": "2", "qty": "1", "quoteQty": "2"},
        {"time": 100, "isBuyerMaker": False, "price": "1", "qty": "1", "quoteQty": "1"},
    ]
    async with venue({"/swap/v2/quote/trades": rows}) as (rest, _):
        ticks = await rest.trades("BTC-USDT", symbol=BTC, limit=3)
    assert [(tick.trade_id, tick.price, tick.buyer_is_maker) for tick in ticks] == [
        (100_000, 1.0, False), (100_001, 2.0, False), (101_000, 3.0, True),
    ]  # fmt: skip


async def test_prints_of_spot():
    rows = [
        {"id": 8, "price": 25714.71, "qty": 1.674571, "time": 1655085975589, "buyerMaker": False},
        {"id": 7, "price": 25714.7, "qty": 1, "time": 1655085975588, "buyerMaker": True},
    ]
    async with venue({"/spot/v1/market/trades": rows}, name="bingx-spot") as (rest, _):
        ticks = await rest.trades("BTC-USDT", symbol="BTC/USDT", limit=500)
    assert [(tick.trade_id, tick.buyer_is_maker) for tick in ticks] == [(7, True), (8, False)]


@pytest.mark.parametrize(
    ("name", "path", "data"),
    [
        ("bingx", "/swap/v2/quote/ticker", DAY),
        ("bingx", "/swap/v2/quote/ticker", [DAY]),
        ("bingx-spot", "/spot/v1/ticker/24hr", [DAY | {"lastPrice": 99.0, "priceChangePercent": "-1.69%"}]),
    ],
)
async def test_the_days_figures(name: str, path: str, data: object):
    async with venue({path: data}, name=name) as (rest, _):
        ticker = await rest.ticker("BTC-USDT", symbol=BTC)
    assert (ticker.last, ticker.high, ticker.low, ticker.volume) == (99.0, 103.5, 98.5, 1464648.0)
    assert ticker.change == pytest.approx(-0.01)
    assert ticker.ts_event == 1720647284976_000_000


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (109425, "NOPE-USDT not exist, please verify it", UnknownSymbol),
        (109415, "Trading pair is suspended", VenueRejected),
        (109400, "Invalid parameters", VenueRejected),
        (100413, "Incorrect apiKey", NotAllowed),
        (100419, "your current request IP does not match IP whitelist", NotAllowed),
        (109500, "The current system is busy, please try again later", VenueUnavailable),
    ],
)
async def test_refusals_have_names(code: int, message: str, error: type[VenueError]):
    def answer(_: web.Request) -> web.Response:
        return web.json_response({"code": code, "msg": message, "data": {}})

    async with venue({"/swap/v2/quote/ticker": answer}) as (rest, _):
        with pytest.raises(error, match=str(code)) as caught:
            await rest.ticker("NOPE-USDT", symbol="NOPE/USDT:USDT")
    assert type(caught.value) is error


async def test_answers_that_are_none():
    async with venue({"/swap/v2/quote/ticker": []}) as (rest, _):
        with pytest.raises(UnknownSymbol):
            await rest.ticker("NOPE-USDT", symbol="NOPE/USDT:USDT")
    async with venue({"/swap/v2/quote/depth": {"bids": "none"}}) as (rest, _):
        with pytest.raises(VenueUnavailable):
            await rest.book("BTC-USDT", symbol=BTC, limit=5)


async def test_a_limit_stops_every_request_until_the_venue_says():
    def answer(_: web.Request) -> web.Response:
        message = f"code:100410:The endpoint trigger frequency limit rule, it will be unblocked after {NOW_MS + 7000}"
        return web.json_response({"code": 100410, "msg": message})

    async with venue({"/swap/v2/quote/ticker": answer}) as (rest, requests):
        with pytest.raises(RateLimited) as caught:
            await rest.ticker("BTC-USDT", symbol=BTC)
        assert caught.value.retry_after_s == pytest.approx(7, abs=0.01)
        with pytest.raises(RateLimited):
            await rest.server_time_ns()
        assert len(requests) == 1

"""Binance over REST, spot and USD-M futures, from a server that answers as the venue documents."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest
from aiohttp import ClientSession, WSMsgType, web

from marketdata.exchanges.adapter import (
    NotAllowed,
    RateLimited,
    Rest,
    UnknownSymbol,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.catalog import get_adapter
from tests.unit.marketdata.cast import MINUTE, SECOND, T0
from tests.unit.marketdata.exchanges.web import serving

VENUES = ["binance", "binance-usdm"]
PREFIX = {"binance": "/api/v3/", "binance-usdm": "/fapi/v1/"}
MAX_BARS = 1_000
# 30 s into a minute.
NOW = T0 + 5000 * MINUTE + 30 * SECOND

SPOT_SYMBOL = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "103.2", "stepSize": "0.00000000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "maxNotional": "9000000"},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
    ],
}  # fmt: skip
PERPETUAL = {
    "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
    "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2,
    "quantityPrecision": 3, "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    ],
}  # fmt: skip
PRINT = {"id": 28457, "price": "61800.30", "qty": "0.5", "quoteQty": "1", "time": 1723161256298, "isBuyerMaker": True}
TICKER = {
    "symbol": "BTCUSDT", "priceChange": "-94.99", "priceChangePercent": "-2.500", "weightedAvgPrice": "0.2",
    "lastPrice": "61800.30", "openPrice": "99", "highPrice": "62000.1", "lowPrice": "60000.2", "volume": "8913.3",
    "quoteVolume": "15.3", "openTime": 1499783499040, "closeTime": 1723161256298, "count": 76,
}  # fmt: skip
IMAGE = {"lastUpdateId": 7, "bids": [["61800.20", "2.909"]], "asks": [["61800.30", "1"]]}


def kline(open_ms: int) -> list[object]:
    return [
        open_ms, "100.5", "101.5", "99.5", "100.0", "12.5", open_ms + 59_999, "1250.0", 42, "6.25", "625", "0"
    ]  # fmt: skip


def klines(request: web.Request) -> web.Response:
    """Of all minutes there ever were, up to the forming one."""
    limit = int(request.query["limit"])
    assert limit <= MAX_BARS
    forming = NOW // MINUTE
    first = -(-int(request.query["startTime"]) * 1_000_000 // MINUTE) if "startTime" in request.query else 0
    first = first or forming + 1 - limit
    return web.json_response([kline(minute * 60_000) for minute in range(first, min(first + limit, forming + 1))])


def endpoint(answers: Mapping[str, object]) -> Callable[[web.Request], web.Response]:
    def answer(request: web.Request) -> web.Response:
        name = request.path.removeprefix("/api/v3/").removeprefix("/fapi/v1/")
        if name == "time" and name not in answers:
            return web.json_response({"serverTime": NOW // 1_000_000})
        if name not in answers:
            return web.json_response({"code": -5000, "msg": f"Path {name} is invalid"}, status=404)
        found = answers[name]
        if callable(found):
            return found(request)
        return web.json_response(found)

    return answer


@asynccontextmanager
async def venue(name: str, answers: Mapping[str, object]) -> AsyncIterator[tuple[Rest, list[web.Request]]]:
    async with serving(endpoint(answers)) as (url, requests), httpx.AsyncClient() as client:
        yield (
            get_adapter(name).rest(exchange="x", base_url=url, client=client, clock_ns=lambda: NOW),
            requests,
        )


async def test_spot_listings():
    halted = SPOT_SYMBOL | {
        "symbol": "OLDBTC",
        "baseAsset": "OLD",
        "quoteAsset": "BTC",
        "status": "BREAK",
        "filters": [],
    }
    async with venue("binance", {"exchangeInfo": {"symbols": [SPOT_SYMBOL, halted]}}) as (rest, _):
        bitcoin, old = await rest.listings()
    assert (bitcoin.symbol, bitcoin.venue_symbol, bitcoin.kind, bitcoin.active) == ("BTC/USDT", "BTCUSDT", "spot", True)
    assert (bitcoin.tick_size, bitcoin.lot_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert (bitcoin.min_quantity, bitcoin.max_quantity) == (Decimal("0.00001"), Decimal(9000))
    assert bitcoin.min_notional == 5
    assert (old.symbol, old.active, old.tick_size) == ("OLD/BTC", False, Decimal("0.00000001"))


async def test_perpetuals_are_listed_with_their_funding_interval():
    usdc = PERPETUAL | {"symbol": "ETHUSDC", "baseAsset": "ETH", "quoteAsset": "USDC", "marginAsset": "USDC"}
    ending = PERPETUAL | {"symbol": "OLDUSDT", "baseAsset": "OLD", "status": "SETTLING"}
    quarter = PERPETUAL | {"symbol": "BTCUSDT_260925", "contractType": "CURRENT_QUARTER"}
    answers = {
        "exchangeInfo": {"symbols": [PERPETUAL, usdc, ending, quarter]},
        "fundingInfo": [{"symbol": "ETHUSDC", "fundingIntervalHours": 4, "disclaimer": False}],
    }
    async with venue("binance-usdm", answers) as (rest, _):
        bitcoin, ether, old = await rest.listings()
    assert (bitcoin.symbol, bitcoin.venue_symbol, bitcoin.kind) == ("BTC/USDT:USDT", "BTCUSDT", "perpetual")
    assert (bitcoin.tick_size, bitcoin.lot_size, bitcoin.contract_size) == (
        Decimal("0.1"),
        Decimal("0.001"),
        Decimal(1),
    )
    assert (bitcoin.min_quantity, bitcoin.max_quantity) == (Decimal("0.001"), Decimal(120))
    assert bitcoin.min_notional == 100
    assert (bitcoin.active, bitcoin.funding_interval_h) == (True, 8)
    assert (ether.symbol, ether.funding_interval_h) == ("ETH/USDC:USDC", 4)
    assert (old.symbol, old.active) == ("OLD/USDT:USDT", False)


async def test_a_server_without_funding_intervals_has_the_usual_one():
    async with venue("binance-usdm", {"exchangeInfo": {"symbols": [PERPETUAL]}}) as (rest, _):
        (listing,) = await rest.listings()
    assert listing.funding_interval_h == 8


@pytest.mark.parametrize("name", VENUES)
async def test_bars_and_whether_they_are_closed(name):
    async with venue(name, {"klines": klines}) as (rest, requests):
        bars = await rest.bars("BTCUSDT", symbol="BTC/X", timeframe="1m", limit=3)
    assert [bar.ts_open for bar in bars] == [NOW // MINUTE * MINUTE + back * MINUTE for back in (-2, -1, 0)]
    assert [bar.closed for bar in bars] == [True, True, False]
    first = bars[0]
    assert (first.open, first.high, first.low, first.close, first.volume) == (100.5, 101.5, 99.5, 100.0, 12.5)
    assert (first.taker_buy_volume, first.trades, first.source, first.symbol) == (6.25, 42, "rest", "BTC/X")
    assert first.ts_close == first.ts_open + MINUTE
    assert requests[-1].path == PREFIX[name] + "klines"
    assert dict(requests[-1].query) == {"symbol": "BTCUSDT", "interval": "1m", "limit": "3"}


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("start_ns", [None, T0 + 7 * SECOND])
async def test_more_bars_than_one_answer_holds_are_asked_for_in_pages(name, start_ns):
    async with venue(name, {"klines": klines}) as (rest, requests):
        bars = await rest.bars("BTCUSDT", symbol="BTC/X", timeframe="1m", limit=3_200, start_ns=start_ns)
    forming = NOW // MINUTE * MINUTE
    first = T0 + MINUTE if start_ns else forming - 3_199 * MINUTE
    assert [bar.ts_open for bar in bars] == [first + number * MINUTE for number in range(3_200)]
    assert bars[-1].closed is bool(start_ns)
    pages = [request for request in requests if request.path.endswith("klines")]
    assert len(pages) == -(-3_200 // MAX_BARS)


@pytest.mark.parametrize("name", VENUES)
async def test_a_server_that_gives_fewer_bars_than_asked_for_is_asked_again(name):
    def sparing(request: web.Request) -> web.Response:
        return klines(
            request.clone(rel_url=request.rel_url.update_query(limit=str(min(400, int(request.query["limit"])))))
        )

    async with venue(name, {"klines": sparing}) as (rest, _):
        bars = await rest.bars("BTCUSDT", symbol="BTC/X", timeframe="1m", limit=1_200)
    assert [bar.ts_open for bar in bars] == [(NOW // MINUTE - back) * MINUTE for back in reversed(range(1_200))]


@pytest.mark.parametrize("name", VENUES)
async def test_of_a_market_that_has_ended_there_are_the_bars_that_it_had(name):
    def ended(request: web.Request) -> web.Response:
        first = int(request.query["startTime"])
        return web.json_response([kline(first + number * 60_000) for number in range(3)] if first < last_ms else [])

    last_ms = (T0 + MINUTE) // 1_000_000
    async with venue(name, {"klines": ended}) as (rest, _):
        bars = await rest.bars("BTCUSDT", symbol="BTC/X", timeframe="1m", limit=100, start_ns=T0)
    assert [bar.ts_open for bar in bars] == [T0, T0 + MINUTE, T0 + 2 * MINUTE]


@pytest.mark.parametrize("name", VENUES)
async def test_pages_end_where_the_bars_end(name):
    async with venue(name, {"klines": klines}) as (rest, requests):
        bars = await rest.bars("BTCUSDT", symbol="BTC/X", timeframe="1m", limit=9_999, start_ns=NOW - 5 * MINUTE)
    assert len(bars) == 5
    assert len([request for request in requests if request.path.endswith("klines")]) == 1


@pytest.mark.parametrize(
    ("name", "asked", "sent"),
    [("binance", 20, 20), ("binance", 300, 300), ("binance-usdm", 20, 20), ("binance-usdm", 300, 500),
     ("binance-usdm", 5_000, 1_000)],
)  # fmt: skip
async def test_book(name, asked, sent):
    answer = IMAGE | ({"E": 1, "T": 1723161256298} if name == "binance-usdm" else {})
    async with venue(name, {"depth": answer}) as (rest, requests):
        image = await rest.book("BTCUSDT", symbol="BTC/X", limit=asked)
    assert (image.bids, image.asks) == (((61800.2, 2.909),), ((61800.3, 1.0),))
    assert (image.symbol, image.update_id, image.ts_init) == ("BTC/X", 7, NOW)
    assert image.ts_event == (1723161256298_000000 if name == "binance-usdm" else 0)
    assert requests[-1].query["limit"] == str(sent)


@pytest.mark.parametrize("name", VENUES)
async def test_trades_ticker_and_time(name):
    async with venue(name, {"trades": [PRINT], "ticker/24hr": TICKER}) as (rest, requests):
        (tick,) = await rest.trades("BTCUSDT", symbol="BTC/X", limit=5_000)
        assert requests[-1].query["limit"] == "1000"
        summary = await rest.ticker("BTCUSDT", symbol="BTC/X")
        assert await rest.server_time_ns() == NOW
    assert (tick.price, tick.size, tick.buyer_is_maker, tick.trade_id) == (61800.3, 0.5, True, 28457)
    assert (tick.ts_event, tick.ts_init) == (1723161256298_000000, NOW)
    assert (summary.last, summary.change, summary.high, summary.low) == (61800.3, -0.025, 62000.1, 60000.2)
    assert (summary.volume, summary.quote_volume, summary.ts_event) == (8913.3, 15.3, 1723161256298_000000)


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"code":-1121,"msg":"Invalid symbol."}', UnknownSymbol),
        (400, '{"code":-1122,"msg":"Invalid symbol status."}', UnknownSymbol),
        (400, '{"code":-1102,"msg":"Mandatory parameter."}', VenueRejected),
        (403, "<html>WAF</html>", NotAllowed),
        (451, '{"code":0,"msg":"Service unavailable from a restricted location"}', NotAllowed),
        (418, "", RateLimited),
        (429, "", RateLimited),
        (503, "Service unavailable", VenueUnavailable),
        (200, "<html>", VenueUnavailable),
        (200, b"\xff\xfe", VenueUnavailable),
        (200, '{"lastUpdateId":1,"bids":[["NaN","1"]],"asks":[]}', VenueUnavailable),
    ],
)
async def test_refusals_have_names(name, status, body, error):
    answer = web.Response(status=status, body=body, headers={"Retry-After": "7"})
    async with venue(name, {"depth": lambda _: answer}) as (rest, _):
        with pytest.raises(error) as caught:
            await rest.book("BTCUSDT", symbol="BTC/X", limit=5)
    assert caught.type is error
    if error is RateLimited:
        assert caught.value.retry_after_s == 7


@pytest.mark.parametrize(("name", "weight"), [("binance", 4_801), ("binance-usdm", 1_901)])
async def test_nothing_is_sent_until_the_next_minute_once_the_weight_is_used(name, weight):
    def answer(_: web.Request) -> web.Response:
        return web.json_response([PRINT], headers={"X-MBX-USED-WEIGHT-1M": str(weight)})

    async with venue(name, {"trades": answer}) as (rest, requests):
        await rest.trades("BTCUSDT", symbol="BTC/X", limit=1)
        with pytest.raises(RateLimited) as caught:
            await rest.trades("BTCUSDT", symbol="BTC/X", limit=1)
    assert 0 < caught.value.retry_after_s <= 30
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("name", "base", "route", "url"),
    [
        ("binance", "wss://stream.binance.com:9443", "", "wss://stream.binance.com:9443/stream"),
        ("binance", "ws://127.0.0.1:80/", "", "ws://127.0.0.1:80/stream"),
        ("binance", "ws://127.0.0.1:80/ws", "", "ws://127.0.0.1:80/ws"),
        ("binance-usdm", "wss://fstream.binance.com", "public", "wss://fstream.binance.com/public/stream"),
        ("binance-usdm", "wss://fstream.binance.com/", "market", "wss://fstream.binance.com/market/stream"),
        ("binance-usdm", "ws://127.0.0.1:80/proxy", "market", "ws://127.0.0.1:80/proxy/market/stream"),
        ("binance-usdm", "ws://127.0.0.1:80/stream", "market", "ws://127.0.0.1:80/stream"),
    ],
)
async def test_addresses_of_sockets(name, base, route, url):
    async with httpx.AsyncClient() as client:
        rest = get_adapter(name).rest(exchange="x", base_url="http://127.0.0.1:9", client=client, clock_ns=lambda: 0)
        assert await rest.socket_url(base, route=route) == url


async def test_each_route_of_futures_carries_its_own_streams():
    """A server that, as the venue, is silent about the streams of the other route."""
    heard: dict[str, list[str]] = {}

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        asked = await response.receive_json(timeout=5)
        heard[request.path] = asked["params"]
        await response.send_json({"result": None, "id": asked["id"]})
        await response.close()
        return response

    adapter = get_adapter("binance-usdm")
    async with serving(socket) as (url, _), httpx.AsyncClient() as client, ClientSession() as session:
        rest = adapter.rest(exchange="x", base_url=url, client=client, clock_ns=lambda: 0)
        for route in ("public", "market"):
            streams = [stream for stream in adapter.streams("BTCUSDT") if stream.route == route]
            async with session.ws_connect(await rest.socket_url(url, route=route)) as connection:
                await connection.send_str(adapter.subscribe(streams, request_id=3).decode())
                message = await connection.receive(timeout=5)
                assert message.type is WSMsgType.TEXT
    assert heard == {
        "/public/stream": ["btcusdt@depth@100ms", "btcusdt@bookTicker"],
        "/market/stream": ["btcusdt@aggTrade", "btcusdt@markPrice@1s", "btcusdt@forceOrder", "btcusdt@ticker"],
    }


@pytest.mark.parametrize("name", VENUES)
def test_environments(name):
    adapter = get_adapter(name)
    assert adapter.environments == ("live", "testnet")
    live, testnet = (adapter.endpoints(environment) for environment in adapter.environments)
    assert live.rest_url != testnet.rest_url
    assert live.websocket_url != testnet.websocket_url
    with pytest.raises(ValueError, match="no environment 'sandbox'"):
        adapter.endpoints("sandbox")


@pytest.mark.parametrize("name", VENUES)
def test_requests(name):
    adapter = get_adapter(name)
    streams = adapter.streams("BTCUSDT")[:2]
    expected = b'"params":["btcusdt@depth@100ms","btcusdt@bookTicker"],"id":9}'
    assert adapter.subscribe(streams, request_id=9) == b'{"method":"SUBSCRIBE",' + expected
    assert adapter.unsubscribe(streams, request_id=9) == b'{"method":"UNSUBSCRIBE",' + expected

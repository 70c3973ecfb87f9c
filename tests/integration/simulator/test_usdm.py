"""The perpetuals: REST and sockets as Binance's USD-M futures have them, read by our adapter."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
import websockets

from marketdata.events import BookDelta, Event, Funding, Premium, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import Listing
from marketdata.exchanges.binance_usdm.rest import BinanceUsdmRest
from marketdata.exchanges.binance_usdm.venue import BinanceUsdmAdapter
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

SYMBOL, VENUE_SYMBOL = "BTC/USDT:USDT", "BTCUSDT"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,DOGE/USDT", "--history-days", "1") as running:
        yield running


@pytest.fixture
async def rest(exchange: Simulator) -> AsyncIterator[BinanceUsdmRest]:
    async with httpx.AsyncClient() as client:
        yield BinanceUsdmAdapter().rest(
            exchange="binance-usdm", base_url=exchange.rest_url, client=client, clock_ns=time.time_ns
        )


def ask(exchange: Simulator, method: str, path: str, **options: Any) -> Any:
    headers = {"X-MBX-APIKEY": exchange.key}
    return httpx.request(method, f"{exchange.rest_url}{path}", headers=headers, **options).raise_for_status().json()


async def heard(exchange: Simulator, rest: BinanceUsdmRest, route: str, *kinds: type, at_least: int = 3) -> list[Event]:
    """What comes on a route when everything is asked for, until there are enough of each kind."""
    adapter, listings = BinanceUsdmAdapter(), {row.symbol: row for row in await rest.listings()}
    parser = adapter.parser(
        exchange="binance-usdm", symbols={row.venue_symbol: row.symbol for row in listings.values()}, listings=listings
    )
    events: list[Event] = []
    async with websockets.connect(await rest.socket_url(exchange.websocket_url, route=route)) as client:
        await client.send(adapter.subscribe(adapter.streams(VENUE_SYMBOL), request_id=1).decode())
        async with asyncio.timeout(PATIENCE_S):
            while any(sum(isinstance(event, kind) for event in events) < at_least for kind in kinds):
                events += parser.parse(await client.recv(decode=False), ts_init=time.time_ns())
    return events


async def test_listings_are_perpetuals_with_their_own_rules(rest: BinanceUsdmRest) -> None:
    listings: dict[str, Listing] = {row.symbol: row for row in await rest.listings()}
    assert list(listings) == [SYMBOL, "DOGE/USDT:USDT"]
    bitcoin = listings[SYMBOL]
    assert (bitcoin.kind, bitcoin.active, str(bitcoin.tick_size)) == ("perpetual", True, "0.10000000")
    assert listings["DOGE/USDT:USDT"].funding_interval_h == 4


async def test_order_books_and_quotes_come_on_the_public_route_only(exchange: Simulator, rest: BinanceUsdmRest) -> None:
    events = await heard(exchange, rest, "public", BookDelta, QuoteTick)
    assert not any(isinstance(event, TradeTick | Premium | Ticker) for event in events)
    deltas = [event for event in events if isinstance(event, BookDelta)]
    assert all(later.first_update_id == earlier.last_update_id + 1 for earlier, later in pairwise(deltas))
    image = await rest.book(VENUE_SYMBOL, symbol=SYMBOL, limit=1000)
    assert image.update_id >= deltas[0].first_update_id - 1
    assert len(image.bids) > 100


async def test_everything_else_comes_on_the_market_route(exchange: Simulator, rest: BinanceUsdmRest) -> None:
    events = await heard(exchange, rest, "market", TradeTick, Premium, Funding, Ticker, at_least=2)
    assert not any(isinstance(event, BookDelta | QuoteTick) for event in events)
    trades = [event.trade_id for event in events if isinstance(event, TradeTick)]
    assert trades == list(range(trades[0], trades[0] + len(trades)))
    premium = next(event for event in events if isinstance(event, Premium))
    told = ask(exchange, "GET", "/fapi/v1/premiumIndex?symbol=BTCUSDT")
    assert premium.mark == pytest.approx(float(told["markPrice"]), rel=0.01)
    price = next(event.price for event in events if isinstance(event, TradeTick))
    assert premium.index == pytest.approx(price, rel=0.01)


async def test_bars_trades_and_the_day_agree(rest: BinanceUsdmRest) -> None:
    trades = await rest.trades(VENUE_SYMBOL, symbol=SYMBOL, limit=100)
    (bar,) = await rest.bars(VENUE_SYMBOL, symbol=SYMBOL, timeframe="1h", limit=1)
    day = await rest.ticker(VENUE_SYMBOL, symbol=SYMBOL)
    assert len(trades) == 100
    assert day.low <= bar.low <= bar.close <= bar.high <= day.high


async def test_faults_reach_it_too(exchange: Simulator) -> None:
    url = f"{exchange.websocket_url}/public/stream?streams=btcusdt@depth@100ms"
    async with websockets.connect(url) as client, asyncio.timeout(20):
        last = json.loads(await client.recv())["data"]["u"]
        wish = {"name": "skip_depth", "symbol": VENUE_SYMBOL}
        await asyncio.to_thread(ask, exchange, "POST", "/sim/faults", json=wish)
        while True:
            frame = json.loads(await client.recv())["data"]
            if frame["pu"] != last:
                break
            last = frame["u"]
    assert frame["pu"] > last


async def test_a_listen_key_expires_here_as_well(exchange: Simulator) -> None:
    key = ask(exchange, "POST", "/fapi/v1/listenKey")["listenKey"]
    assert ask(exchange, "PUT", "/fapi/v1/listenKey") == {}
    async with websockets.connect(f"{exchange.websocket_url}/private/ws/{key}") as client:
        ask(exchange, "POST", "/sim/faults", json={"name": "expire_listen_key"})
        expired = json.loads(await asyncio.wait_for(client.recv(), PATIENCE_S))
    assert (expired["e"], expired["listenKey"]) == ("listenKeyExpired", key)
    assert isinstance(expired["E"], int)

"""What ccxt does wrong when left alone, by its own code, and that our settings avoid it."""

import asyncio
from typing import Any

import ccxt.pro
import pytest

from marketdata.ccxtpro.child import Child
from marketdata.ccxtpro.continuity import BookCheck
from marketdata.ccxtpro.exchange import NoSuchEnvironment, book_depth, make_exchange
from marketdata.ccxtpro.wire import Note, Start
from tests.patience import PATIENCE_S
from tests.unit.marketdata.ccxtpro.scripted import SYMBOL, ScriptedExchange


def with_market(exchange: Any, market_id: str) -> Any:
    market = {
        "id": market_id, "lowercaseId": market_id.lower(), "symbol": SYMBOL, "base": "BTC", "quote": "USDT",
        "baseId": "BTC", "quoteId": "USDT", "type": "spot", "spot": True, "contract": False, "active": True,
    }  # fmt: skip
    exchange.set_markets([exchange.safe_market_structure(market)])
    exchange.open()
    return exchange


def binance_update(first: int, last: int, *, bid: str) -> dict[str, Any]:
    return {"e": "depthUpdate", "E": last, "s": "BTCUSDT", "U": first, "u": last, "b": [[bid, "1"]], "a": []}


async def binance_book(options: dict[str, Any]) -> tuple[Any, Any, "asyncio.Future[Any]"]:
    exchange = with_market(make_exchange("binance", options=options), "BTCUSDT")
    client = exchange.client("wss://stream.binance.com:9443/ws/0")
    exchange.orderbooks[SYMBOL] = exchange.order_book({"nonce": 10, "bids": [[99, 1]], "asks": [[101, 1]]})
    client.subscriptions["orderbook::" + SYMBOL] = {}
    future = client.future("orderbook::" + SYMBOL)
    exchange.handle_message(client, binance_update(11, 12, bid="99.1"))
    assert (await future)["nonce"] == 12
    return exchange, client, client.future("orderbook::" + SYMBOL)


async def test_binance_without_checksum_stands_still_after_a_hole_and_our_check_sees_it() -> None:
    exchange, client, future = await binance_book({"watchOrderBook": {"checksum": False}})
    check = BookCheck()
    shown = exchange.orderbooks[SYMBOL]
    check.look(((99.1, 1.0),), ((101.0, 1.0),), nonce=shown["nonce"], time_ms=shown["timestamp"], now_s=0)
    for number in range(14, 200):
        exchange.handle_message(client, binance_update(number, number, bid="99.2"))
        check.traded()
    assert exchange.orderbooks[SYMBOL]["nonce"] == 12
    assert not future.done()
    assert "frozen" in check.frozen_reason(10)
    await exchange.close()


async def test_binance_as_we_set_it_raises_at_a_hole() -> None:
    exchange, client, future = await binance_book({})
    exchange.handle_message(client, binance_update(14, 15, bid="99.2"))
    with pytest.raises(ccxt.ChecksumError):
        await future
    await exchange.close()


async def test_kucoin_accepts_a_hole_so_whole_books_are_asked_for() -> None:
    exchange = with_market(make_exchange("kucoin"), "BTC-USDT")
    client = exchange.client("wss://ws-api-spot.kucoin.com/")
    exchange.orderbooks[SYMBOL] = exchange.order_book({"nonce": 10, "bids": [[99, 1]], "asks": [[101, 1]]})
    data = {
        "sequenceStart": 500, "sequenceEnd": 501, "symbol": "BTC-USDT", "time": 1,
        "changes": {"asks": [], "bids": [["99.5", "1", "501"]]},
    }  # fmt: skip
    exchange.handle_order_book(client, {"topic": "/market/level2:BTC-USDT", "data": data})
    assert exchange.orderbooks[SYMBOL]["nonce"] == 501
    await exchange.close()

    topics: list[str] = []

    async def negotiate(*arguments: Any, **more: Any) -> str:
        return "wss://nowhere"

    async def subscribe(url: str, hashes: list[str], topic: str, *arguments: Any, **more: Any) -> Any:
        topics.append(topic)
        return exchange.order_book({})

    exchange.negotiate, exchange.subscribe_multiple = negotiate, subscribe
    await exchange.watch_order_book(SYMBOL, book_depth("kucoin"))
    assert topics == ["/spotMarket/level2Depth50:BTC-USDT"]
    assert book_depth("kucoinfutures") == 50
    assert book_depth("okx") is None


def kraken_snapshot() -> dict[str, Any]:
    levels = [{"price": 100.0 + place, "qty": 1.5} for place in range(10)]
    return {"type": "snapshot", "data": [{"symbol": SYMBOL, "asks": levels, "bids": levels, "checksum": 1}]}


async def test_krakens_checksum_crashes_in_ccxt_so_it_is_off() -> None:
    crashing = with_market(make_exchange("kraken", options={"watchOrderBook": {"checksum": True}}), "XBT/USDT")
    client = crashing.client("wss://ws.kraken.com/v2")
    with pytest.raises(AttributeError):
        crashing.handle_order_book(client, kraken_snapshot())
    await crashing.close()
    ours = with_market(make_exchange("kraken"), "XBT/USDT")
    ours.handle_order_book(ours.client("wss://ws.kraken.com/v2"), kraken_snapshot())
    assert ours.orderbooks[SYMBOL]["asks"][0][0] == 100.0
    await ours.close()


class Closing:
    """A ccxt client whose socket can be closed."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def close(self) -> None:
        self.closed.set()


async def test_an_error_in_a_callback_of_ccxt_gets_new_sockets() -> None:
    """ccxt's loop of reading ends with it, while the socket stays open and silent."""
    exchange: Any = ScriptedExchange()
    client = Closing()
    exchange.clients = {"wss://one": client}
    child = Child(Start(exchange_id="scripted", exchange="mine"), exchange, clock_ns=lambda: 0)
    loop = asyncio.get_running_loop()
    try:
        loop.call_soon(int, "not a number")
        await asyncio.wait_for(client.closed.wait(), PATIENCE_S)
        assert exchange.clients == {}
        (note,) = await child.outbox.take()
        assert isinstance(note, Note)
        assert "ValueError" in note.message
    finally:
        loop.set_exception_handler(None)


def test_only_binance_can_be_simulated() -> None:
    with pytest.raises(NoSuchEnvironment, match="ccxt:binance can use it, okx cannot"):
        make_exchange("okx", rest_url="http://127.0.0.1:1")


def test_keys_and_the_testnet_reach_ccxt() -> None:
    exchange = make_exchange(
        "okx", environment="testnet", credentials={"api_key": "k", "api_secret": "s", "passphrase": "p"}
    )
    assert (exchange.apiKey, exchange.secret, exchange.password) == ("k", "s", "p")
    assert exchange.isSandboxModeEnabled
    with pytest.raises(NoSuchEnvironment, match="kraken has no testnet"):
        make_exchange("kraken", environment="testnet")

"""The scripting API against the simulated exchange."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from marketdata.streaming.client import SIMULATOR_VARIABLE
from marketdata.streams import (
    Alert,
    StreamDataCollector,
    StreamRefused,
    StreamStopped,
    UnknownExchange,
    WebSocketClient,
    WebSocketManager,
)
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator

SYMBOL = "BTC/USDT"


@pytest.fixture(autouse=True)
def simulated(market: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIMULATOR_VARIABLE, market.rest_url)


@pytest.fixture
async def client(market: Simulator) -> AsyncIterator[WebSocketClient]:
    client = WebSocketClient("binance", {"apiKey": market.key, "secret": market.secret})
    yield client
    await client.close()


def switch_fault(market: Simulator, name: str, **fields: Any) -> None:
    httpx.post(f"{market.rest_url}/sim/faults", json={"name": name, **fields}).raise_for_status()


async def test_one_update_of_each_kind(client: WebSocketClient) -> None:
    heard: list[tuple[Any, ...]] = []

    async def slowly(*arguments: Any) -> None:
        heard.append(arguments)

    candles = await client.watch_ohlcv(SYMBOL, "1m", slowly)
    assert candles[-1][3] <= candles[-1][4] <= candles[-1][2]
    assert heard.pop() == (SYMBOL, "1m", candles)
    ticker = await client.watch_ticker(SYMBOL, lambda *arguments: heard.append(arguments))
    assert heard.pop() == (SYMBOL, ticker)
    book = await client.watch_order_book(SYMBOL)
    assert book["bids"][0][0] < book["asks"][0][0]
    trades = await client.watch_trades(SYMBOL)
    assert trades[-1]["symbol"] == SYMBOL


async def test_loops_count_and_stop(client: WebSocketClient) -> None:
    heard: list[Any] = []
    await client.watch_ticker_loop(SYMBOL, lambda symbol, ticker: heard.append(ticker), max_iterations=3)
    assert len(heard) == 3
    await client.watch_ohlcv_loop(SYMBOL, "1m", lambda symbol, timeframe, candles: heard.append(candles), 2)
    assert len(heard) == 5
    endless = asyncio.create_task(client.watch_trades_loop(SYMBOL))
    await client.watch_trades(SYMBOL)
    client.stop()
    await asyncio.wait_for(endless, PATIENCE_S)
    assert await client.watch_ticker(SYMBOL)


async def test_stop_ends_what_waits(client: WebSocketClient, market: Simulator) -> None:
    await client.watch_ticker(SYMBOL)
    switch_fault(market, "freeze_data", seconds=3)
    waiting = asyncio.create_task(client.watch_order_book("ETH/USDT"))
    await asyncio.sleep(0)
    client.stop()
    with pytest.raises(StreamStopped):
        await asyncio.wait_for(waiting, PATIENCE_S)


async def test_a_failing_callback_does_not_end_the_stream(client: WebSocketClient) -> None:
    calls = []

    def fail(symbol: str, ticker: Any) -> None:
        calls.append(symbol)
        raise ZeroDivisionError("a mistake of the script's author")

    await client.watch_ticker_loop(SYMBOL, fail, max_iterations=2)
    assert len(calls) == 2


async def test_lost_sockets_are_made_again(client: WebSocketClient, market: Simulator) -> None:
    alerts: list[Alert] = []
    client.on_alert = alerts.append
    await client.watch_order_book(SYMBOL)
    switch_fault(market, "drop_sockets")
    async with asyncio.timeout(PATIENCE_S):
        while [alert.state for alert in alerts] != ["reconnecting", "live"]:
            await client.watch_order_book(SYMBOL)
    assert client.streams["order book", SYMBOL].reconnects == 1


async def test_silence_is_stale_and_gets_a_new_socket(client: WebSocketClient, market: Simulator) -> None:
    alerts: list[Alert] = []
    client.on_alert = alerts.append
    client.stale_after_s = 1.0
    await client.watch_order_book(SYMBOL)
    switch_fault(market, "freeze_data", seconds=3)
    async with asyncio.timeout(PATIENCE_S):
        while "live" not in [alert.state for alert in alerts]:
            await client.watch_order_book(SYMBOL)
    assert alerts[0].state == "stale"
    assert client.streams["order book", SYMBOL].reconnects >= 1


async def test_the_accounts_own_streams(client: WebSocketClient, market: Simulator) -> None:
    orders = asyncio.create_task(client.watch_orders(SYMBOL))
    balance = asyncio.create_task(client.watch_balance())
    exchange = client._open()
    await exchange.load_markets()
    await exchange.authenticate({"type": "spot"})
    placed = await exchange.create_order(SYMBOL, "market", "buy", 0.001)
    seen = await asyncio.wait_for(orders, PATIENCE_S)
    assert seen[-1]["id"] == placed["id"]
    assert (await asyncio.wait_for(balance, PATIENCE_S))["BTC"]["total"] > 0


async def test_what_the_exchange_does_not_have_is_a_clear_error(client: WebSocketClient) -> None:
    with pytest.raises(StreamRefused, match=r"NOPE/USDT.*Check the symbol's spelling"):
        await client.watch_ticker("NOPE/USDT")
    with pytest.raises(UnknownExchange, match="Did you mean kraken"):
        WebSocketClient("krakn")
    keyless = WebSocketClient("binance")
    try:
        with pytest.raises(StreamRefused, match="Check the key"):
            await keyless.watch_balance()
    finally:
        await keyless.close()


async def test_manager_collects_from_many_streams(market: Simulator) -> None:
    manager, collector = WebSocketManager(["binance"]), StreamDataCollector()
    try:
        both = {"binance": [SYMBOL, "ETH/USDT"]}
        await manager.stream_tickers(both, collector.ticker_callback)
        complete = asyncio.Event()

        async def collect(*update: Any) -> None:
            await collector.ohlcv_callback(*update)
            if all(collector.get_latest_ticker("binance", symbol) for symbol in both["binance"]):
                complete.set()

        await manager.stream_ohlcv({"binance": [SYMBOL]}, "1m", collect)
        assert manager.get_stream_status()["total_streams"] == 3
        running = asyncio.create_task(manager.run_streams())
        await asyncio.wait_for(complete.wait(), PATIENCE_S)
        assert collector.get_latest_ohlcv("binance", SYMBOL, "1m")
        status = manager.get_stream_status()
        assert status["active_streams"] == 3
        assert {stream["state"] for stream in status["streams"]} == {"live"}
        manager.stop()
        await asyncio.wait_for(running, PATIENCE_S)
        assert manager.get_stream_status()["active_streams"] == 0
    finally:
        await manager.close()


async def test_manager_runs_for_a_while_and_one_refused_symbol_harms_no_other(market: Simulator) -> None:
    manager, collector = WebSocketManager({"binance": None}), StreamDataCollector()
    try:
        await manager.stream_tickers({"binance": [SYMBOL, "NOPE/USDT"]}, collector.ticker_callback)
        await asyncio.wait_for(manager.run_streams(duration=6), PATIENCE_S)
        status = manager.get_stream_status()
        assert (status["total_streams"], status["active_streams"]) == (2, 0)
        states = {stream["symbol"]: stream["state"] for stream in status["streams"]}
        assert states == {SYMBOL: "stopped", "NOPE/USDT": "refused"}
        assert collector.get_latest_ticker("binance", SYMBOL)
    finally:
        await manager.close()

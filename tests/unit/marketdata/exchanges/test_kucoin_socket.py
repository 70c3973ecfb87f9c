"""KuCoin over a real socket: one message for many symbols, of which one that is refused does not cost the others."""

import asyncio
import json
import random
from dataclasses import replace

from aiohttp import WSMsgType, web

from marketdata.connection import ConnectBudget, Connection, ConnectionSettings
from marketdata.events import QuoteTick
from marketdata.exchanges.catalog import get_adapter
from tests.patience import PATIENCE_S
from tests.unit.marketdata.exchanges.kucoin_frames import LEVEL1
from tests.unit.marketdata.exchanges.venue_socket import pool_at
from tests.unit.marketdata.exchanges.web import serving

SYMBOLS = {"BTC-USDT": "BTC/USDT", "ETH-USDT": "ETH/USDT", "GONE-USDT": "GONE/USDT"}


async def test_the_good_symbols_of_a_refused_request_stream():
    topics: list[str] = []

    def answer(_: int, request: dict) -> list[bytes]:
        if request["type"] == "ping":
            return [b'{"id":"ping","type":"pong"}']
        topics.append(request["topic"])
        channel, _, names = request["topic"].partition(":")
        if "GONE-USDT" in names:
            detail = f"topic {channel}:GONE-USDT is not found"
            return [json.dumps({"id": request["id"], "type": "error", "code": 404, "data": detail}).encode()]
        frames = [json.dumps({"id": request["id"], "type": "ack"}).encode()]
        if channel == "/spotMarket/level1":
            frames += [LEVEL1.replace(b"BTC-USDT", name.encode()) for name in names.split(",")]
        return frames

    async with pool_at(get_adapter("kucoin"), SYMBOLS, answer) as (pool, heard):
        for venue_symbol, symbol in SYMBOLS.items():
            pool.add(symbol, venue_symbol)
        await heard.until(lambda: len(heard.events) >= 2 and len(heard.refused) >= 4)
    assert {event.symbol for event in heard.events if isinstance(event, QuoteTick)} == {"BTC/USDT", "ETH/USDT"}
    assert {symbol for symbol, _ in heard.refused} == {"GONE/USDT"}
    assert "404 topic" in heard.refused[0][1]
    assert "/market/level2:BTC-USDT,ETH-USDT,GONE-USDT" in topics
    assert heard.malformed == []


async def test_a_venue_that_answers_its_own_pings_only_keeps_the_socket():
    beats = asyncio.Queue()

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(autoping=False)
        await response.prepare(request)
        async for message in response:
            assert message.type is WSMsgType.TEXT
            beats.put_nowait(json.loads(message.data)["type"])
        return response

    async def pace() -> None:
        return

    def nothing(*_: object) -> None:
        return

    async with serving(socket) as (url, requests):

        async def address() -> str:
            return url.replace("http", "ws", 1)

        usual = get_adapter("kucoin").heartbeat
        assert usual is not None
        heartbeat = replace(usual, interval_s=0.05)
        connection = Connection(
            ConnectionSettings(ping_interval_s=0.05, pong_timeout_s=0.05, heartbeat=heartbeat),
            address=address,
            on_frame=nothing,
            on_up=nothing,
            on_down=nothing,
            on_not_allowed=nothing,
            pace=pace,
            budget=ConnectBudget(100),
            rng=random.Random(1),
        )
        running = asyncio.create_task(connection.run())
        async with asyncio.timeout(PATIENCE_S):
            assert [await beats.get() for _ in range(8)] == ["ping"] * 8
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert len(requests) == 1

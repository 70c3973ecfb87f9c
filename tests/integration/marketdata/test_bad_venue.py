"""A venue that sends nonsense, whose REST is away: over a real socket, nothing of it gets through."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.server import ServerConnection, serve

from marketdata.events import FeedState, QuoteTick, TradeTick
from marketdata.models import Exchange, FeedEvent, Instrument
from tests.integration.marketdata.cast import afollow, eventually, listening, running_feed

pytestmark = pytest.mark.usefixtures("transactional_db", "redis_flush")


def quote(number: int, bid: object, ask: object) -> str:
    data = {"u": number, "s": "BTCUSDT", "b": str(bid), "B": "1", "a": str(ask), "A": "1"}
    return json.dumps({"stream": "btcusdt@bookTicker", "data": data}, separators=(",", ":"))


def trade(number: int, price: object) -> str:
    data = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": number, "p": str(price), "q": "1", "T": 1, "m": True}
    return json.dumps({"stream": "btcusdt@trade", "data": data}, separators=(",", ":"))


GOOD = quote(1, 99, 101)
BAD = [
    "{",
    "not json",
    GOOD[:50],
    "[" * 1000,
    quote(2, 101, 99),
    quote(3, 0, 101),
    quote(4, -1, 101),
    quote(5, "nan", 101),
    quote(6, 990, 1010),
    trade(1, 0),
    trade(2, "1e999"),
    trade(3, 5000),
    json.dumps({"stream": "x@y", "data": {"e": "unheardOf"}}),
    GOOD.replace("BTCUSDT", "ETHUSDT"),
]


@asynccontextmanager
async def venue_sending(frames: list[str]) -> AsyncIterator[None]:
    """A server that sends the frames after the subscription, then a last good quote every 100 ms."""

    async def handle(socket: ServerConnection) -> None:
        await socket.recv()
        for frame in frames:
            await socket.send(frame)
        for number in range(100, 10_000):
            await socket.send(quote(number, 99.5, 101))
            await asyncio.sleep(0.1)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        exchange = await Exchange.objects.acreate(
            code="simulated",
            name="Bad",
            adapter="binance",
            # Nothing listens on the discard port.
            rest_url="http://127.0.0.1:9",
            websocket_url=f"ws://127.0.0.1:{port}",
        )
        await Instrument.objects.acreate(
            exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT",
            tick_size="0.01", lot_size="0.00001", min_quantity="0.00001", max_quantity="9000", min_notional="5",
        )  # fmt: skip
        await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
        yield


async def test_nonsense_is_rejected_counted_and_told():
    async with venue_sending([GOOD, *BAD]), listening() as listener, running_feed() as service:
        await listener.until(lambda event: isinstance(event, QuoteTick) and event.bid == 99.5)
        prices = [event for event in listener.events if isinstance(event, QuoteTick | TradeTick)]
        assert [(event.bid, event.ask) for event in prices] == [(99, 101), (99.5, 101)]
        reasons = {event.reason for event in listener.events if isinstance(event, FeedState)}
        assert any("crossed" in reason for reason in reasons)
        counts = service.feed.followed["BTC/USDT"].stream.counts
        rejected = {name: count for name, count in counts.items() if name.startswith("rejected.")}
        assert rejected == {
            "rejected.crossed": 1,
            "rejected.zero": 2,
            "rejected.spike": 2,
        }
        assert service.feed.counts["malformed"] == 9
        told = await eventually(
            lambda: list(FeedEvent.objects.filter(kind="rejected").values_list("message", flat=True))
        )
        assert any("ticks rejected" in message or "malformed frame" in message for message in told)


async def test_without_rest_the_book_never_becomes_valid_and_it_says_so():
    async with venue_sending([GOOD]), listening() as listener, running_feed() as service:
        await listener.until(lambda event: isinstance(event, QuoteTick) and event.bid == 99.5)
        stream = service.feed.followed["BTC/USDT"].stream
        assert (stream.state, stream.reason) == ("resyncing", "waiting for the order book")


async def test_a_venue_that_is_away_is_failed_after_five_failures_and_retried():
    exchange = await Exchange.objects.acreate(
        code="simulated", name="Away", adapter="binance", rest_url="http://127.0.0.1:9",
        websocket_url="ws://127.0.0.1:9", reconnect_max_s=0.05, failed_after=5,
    )  # fmt: skip
    await Instrument.objects.acreate(
        exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT",
        tick_size="0.01", lot_size="0.00001", min_quantity="0.00001", max_quantity="9000", min_notional="5",
    )  # fmt: skip
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    async with running_feed() as service:
        row = await eventually(lambda: exchange.feeds.filter(state="failed").first())
        assert "failures in a row, still trying" in row.reason
        assert "cannot connect" in row.reason
        failures = service.feed.followed["BTC/USDT"].health.failures
        await eventually(lambda: service.feed.followed["BTC/USDT"].health.failures > failures)
    kinds = await sync_to_async(lambda: list(FeedEvent.objects.values_list("kind", flat=True)))()
    assert kinds.count("failed") == 1

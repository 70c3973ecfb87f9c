"""What a private stream may say, from a small server that says it: nothing ends the listening, nothing is lost unsaid."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt.binance_stream import BinanceStream
from bots.brokers.venue import VenueBalance, VenueTrade
from tests.integration.brokers.cast import Ear, until

REPORT: dict[str, Any] = {
    "e": "executionReport", "E": 1, "s": "BTCUSDT", "c": "alice-1", "S": "BUY", "o": "LIMIT", "f": "GTC",
    "q": "1.00000000", "p": "100.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "TRADE",
    "X": "FILLED", "r": "NONE", "i": 5, "l": "1.00000000", "z": "1.00000000", "L": "100.00000000", "n": "0.00100000",
    "N": "BTC", "T": 2, "t": 9, "w": False, "m": True, "M": True, "O": 1, "Z": "100.00000000", "Y": "100.00000000",
}  # fmt: skip
GOOD = json.dumps({"subscriptionId": 0, "event": REPORT})
ACKNOWLEDGED = json.dumps({"id": "listen", "status": 200, "result": {"subscriptionId": 0}})


def report(**changes: object) -> str:
    return json.dumps({"subscriptionId": 0, "event": REPORT | changes})


@asynccontextmanager
async def speaking(*scripts: Sequence[str | bytes]) -> AsyncIterator[tuple[BinanceStream, Ear, list[dict[str, Any]]]]:
    """A server that says one script a connection, the last for every further one, and a stream that listens to it."""
    asked: list[dict[str, Any]] = []

    async def speak(client: ServerConnection) -> None:
        asked.append(json.loads(await client.recv()))
        for frame in scripts[min(len(asked), len(scripts)) - 1]:
            await client.send(frame)
        await client.wait_closed()

    async def balances() -> list[VenueBalance]:
        return []

    async with serve(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        stream = BinanceStream(
            f"ws://127.0.0.1:{port}",
            api_key="key",
            secret="secret",
            budget=LocalBudget(()),
            now_ms=lambda: 1_000 + len(asked),
            symbol_of=lambda symbol: {"BTCUSDT": "BTC/USDT"}[symbol],
            ask_balances=balances,
        )
        ear = Ear()
        task = asyncio.create_task(stream.listen(ear))
        try:
            yield stream, ear, asked
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_good_stream_is_heard() -> None:
    async with speaking([ACKNOWLEDGED, GOOD]) as (stream, ear, asked):
        await until(lambda: len(ear.seen) == 2)
        trade, _ = ear.seen
        assert isinstance(trade, VenueTrade)
        assert (trade.fill.trade_id, trade.fill.is_maker, trade.client_order_id) == ("9", True, "alice-1")
        assert stream.synced_since_ms == 1_001
        assert asked[0]["method"] == "userDataStream.subscribe.signature"


@pytest.mark.parametrize(
    "bad",
    [
        GOOD[:40],
        "<html>Request blocked</html>",
        b"\xff\xfe\x00",
        "[]",
        "null",
        "7",
        json.dumps({"subscriptionId": 0, "event": None}),
        json.dumps({"subscriptionId": 0, "event": {}}),
        json.dumps({"e": "executionReport"}),
        report(X="MELTED"),
        report(S="HOLD"),
        report(s="NOSUCH"),
        report(q="NaN"),
        report(L="Infinity"),
        report(L="0"),
        report(l="-1"),
        report(z=None),
        report(T="soon"),
        report(i=None),
        report(q="one"),
        json.dumps({"e": "outboundAccountPosition", "B": [{"a": "BTC", "f": "-1", "l": "0"}]}),
        json.dumps({"e": "outboundAccountPosition"}),
        json.dumps({"e": "eventStreamTerminated", "E": 1}),
        json.dumps({"event": {"e": "serverShutdown", "E": 1}}),
        json.dumps({"e": "listenKeyExpired", "E": "1", "listenKey": "x"}),
        "x" * 5_000_000,
    ],
    ids=lambda frame: str(frame)[:30],
)
async def test_after_what_cannot_be_read_the_stream_begins_anew(bad: str | bytes) -> None:
    async with speaking([ACKNOWLEDGED, bad], [ACKNOWLEDGED, GOOD]) as (stream, ear, asked):
        await until(lambda: len(ear.seen) == 2)
        assert len(asked) == 2
        assert stream.synced_since_ms == 1_002


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"id": "listen", "status": 400, "error": {"code": -1021, "msg": "Timestamp"}}),
        json.dumps({"id": "listen", "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}),
        json.dumps({"id": "listen", "status": 503, "error": None}),
    ],
)
async def test_a_refused_subscription_is_asked_for_again_and_is_not_synced(answer: str) -> None:
    async with speaking([answer], [answer], [ACKNOWLEDGED, GOOD]) as (stream, ear, asked):
        await until(lambda: asked)
        assert stream.synced_since_ms is None
        await until(lambda: len(ear.seen) == 2)
        assert len(asked) == 3


async def test_events_of_other_kinds_are_let_pass() -> None:
    other = json.dumps({"subscriptionId": 0, "event": {"e": "listStatus", "E": 1}})
    async with speaking([ACKNOWLEDGED, other, GOOD]) as (_, ear, asked):
        await until(lambda: len(ear.seen) == 2)
        assert len(asked) == 1


async def test_fills_that_come_before_the_acknowledgement_are_heard() -> None:
    async with speaking([GOOD, ACKNOWLEDGED]) as (stream, ear, _):
        await until(lambda: len(ear.seen) == 2)
        await until(lambda: stream.synced_since_ms is not None)


async def test_the_report_of_a_cancellation_names_the_order_that_was_cancelled() -> None:
    order_id = "0123456789abcdef0123456789abcdef"
    cancelled = report(x="CANCELED", X="CANCELED", c="request-1", C=order_id, z="0", Z="0", l="0", L="0", t=-1)
    async with speaking([ACKNOWLEDGED, cancelled]) as (_, ear, _asked):
        await until(lambda: ear.seen)
        (order,) = ear.seen
        assert getattr(order, "client_order_id", "") == order_id

"""Browsers: one update to a hundred sockets, beside encoding it once and sending it to each in a bare loop."""

import asyncio
import time
from typing import Any

import msgspec

from bots.dashboard.backpressure import Gate
from bots.dashboard.events import StreamEvent
from bots.dashboard.outbox import Outbox
from bots.dashboard.sockets import BrowserSocket
from tests.benchmarks.rows import Row, percentile

SOCKETS = 100
UPDATES = 200
PRICE: dict[str, Any] = {
    "type": "price_update", "exchange": "simulated", "symbol": "BTC/USDT", "price": 61102.7, "bid": 61102.5,
    "ask": 61102.9, "volume": 1234.5, "timestamp": "2026-01-01T00:00:00.000Z",
}  # fmt: skip
encode = msgspec.json.Encoder().encode


class Wire:
    """What a connection does with a message: takes it."""

    def __init__(self) -> None:
        self.messages = 0
        self.characters = 0
        self.full = asyncio.Event()
        self.wanted = 0

    async def send(self, text: str) -> None:
        self.messages += 1
        self.characters += len(text)
        if self.messages == self.wanted:
            self.full.set()

    async def close(self, code: int) -> None:
        raise AssertionError(f"a browser was closed with {code}")


async def fan_out(wire: Wire, sockets: list[BrowserSocket], number: int) -> None:
    """As the hub does: encode once, hand to every socket; each socket's own task writes."""
    wire.messages, wire.wanted = 0, len(sockets)
    wire.full.clear()
    event = StreamEvent(stream_id=(number, 0), kind="alert", text=encode(PRICE).decode())
    for socket in sockets:
        socket.deliver(event, to_all=False)
    await wire.full.wait()


async def bare(wire: Wire, number: int) -> None:
    text = encode(PRICE).decode()
    for _ in range(number):
        await wire.send(text)


async def measure() -> tuple[list[float], list[float]]:
    wire = Wire()
    sockets = [
        BrowserSocket(
            user_id=1, session_key="", all_topics=True, gate=Gate(), send=wire.send, close=wire.close
        )
        for _ in range(SOCKETS)
    ]  # fmt: skip
    for socket in sockets:
        socket.go_live()
    ours, floor = [], []
    for number in range(1, UPDATES + 1):
        start = time.perf_counter()
        await fan_out(wire, sockets, number)
        ours.append((time.perf_counter() - start) * 1e6)
        start = time.perf_counter()
        await bare(wire, SOCKETS)
        floor.append((time.perf_counter() - start) * 1e6)
    for socket in sockets:
        await socket.stop()
    return ours, floor


def conflate() -> tuple[float, float]:
    """Nanoseconds to put a price in front of a slow browser, beside writing it into a dict."""
    outbox, latest, text = Outbox(), {}, encode(PRICE).decode()
    start = time.perf_counter()
    for _ in range(100_000):
        outbox.put_latest("prices:simulated:BTC/USDT", text)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(100_000):
        latest["prices:simulated:BTC/USDT"] = text
    return ours * 1e4, (time.perf_counter() - start) * 1e4


def run() -> dict[str, Row]:
    ours, floor = asyncio.run(measure())
    conflated, plain = conflate()
    return {
        "web.fan_out_100_p50": Row(value=percentile(ours, 50), unit="µs", floor=percentile(floor, 50), budget=2000),
        "web.fan_out_100_p99": Row(value=percentile(ours, 99), unit="µs", floor=percentile(floor, 99), budget=10_000),
        "web.conflate": Row(value=conflated, unit="ns", floor=plain, budget=1000),
    }

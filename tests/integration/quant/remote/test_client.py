"""The client against servers that are slow, dead or lying: no answer, with the reason, in bounded time."""

import asyncio
import random
import socket
import time
from datetime import UTC, datetime

import pytest
from aiohttp import web

from quant.reading import Component
from quant.remote.breaker import Breaker, Circuit
from quant.remote.client import QuantClient
from quant.remote.transport import Terms
from tests.integration.quant.remote.servers import (
    GOOD,
    bomb,
    cut_short,
    dripping,
    endless,
    fails_at_first,
    hangs_up,
    never,
    says,
    serve,
    signals,
)
from tests.patience import PATIENCE_S
from tests.unit.quant.remote.cast import bars, walk

BARS = bars(walk(60))
QUICK = Terms(timeout_ms=300, attempts=1)


async def ask(url: str, *, terms: Terms = QUICK, breaker: Breaker | None = None):
    client = QuantClient(url, terms=terms, breaker=breaker, rng=random.Random(1))
    try:
        return await client.signals("BTC/USDT", BARS, time.time_ns()), client.health
    finally:
        await client.close()


async def test_an_answer_becomes_readings():
    async with serve(says(signals())) as (url, server):
        said, health = await ask(url, terms=Terms(token="abc"))
    assert said.values == {
        Component.SPEED: 0.5,
        Component.MICROSTRUCTURE: -0.25,
        Component.OPTIONS_FLOW: 0.0,
        Component.SENTIMENT: 1.0,
        Component.VOLATILITY: -1.0,
    }
    assert (said.combined, said.symbol) == (0.1, "BTC/USDT")
    reading = said.readings()[Component.SPEED]
    assert (reading.value, reading.quality, reading.as_of) == (0.5, 1.0, said.received_ns)
    assert (health.circuit, health.reason, health.calls, health.failures) == ("closed", "", 1, 0)
    assert health.latency_ms == said.latency_ms > 0
    assert server.paths == ["/signals"]
    assert server.headers[0]["Authorization"] == "Token abc"
    asked = server.asked[0]
    assert set(asked) == {"symbol", "candles", "timestamp"}
    assert asked["candles"] == walk(60)
    assert abs(asked["timestamp"] - time.time() * 1000) < 60_000


async def test_connections_are_kept():
    async with serve(says(signals())) as (url, server):
        client = QuantClient(url, terms=QUICK)
        for _ in range(5):
            assert await client.signals("BTC/USDT", BARS, time.time_ns())
        await client.close()
    assert len(server.connections) == 1


async def test_many_symbols_take_turns_and_none_times_out_by_waiting():
    """Ten at a time, so that the last of 120 waits for eleven others: longer than its own time is."""
    now = most = 0

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.3)
        now -= 1
        return web.json_response(signals())

    async with serve(slow) as (url, _):
        client = QuantClient(url, terms=Terms(timeout_ms=3000, attempts=1))
        said = await asyncio.gather(*(client.signals("BTC/USDT", BARS, time.time_ns()) for _ in range(120)))
        health = client.health
        await client.close()
    assert all(one is not None for one in said)
    assert (health.calls, health.failures, health.skipped) == (120, 0, 0)
    assert most <= 10


async def test_who_waits_is_not_sent_to_a_server_that_has_just_been_found_away():
    async with serve(never) as (url, server):
        client = QuantClient(url, terms=QUICK)
        said = await asyncio.gather(*(client.signals("BTC/USDT", BARS, time.time_ns()) for _ in range(120)))
        health = client.health
        await client.close()
    assert set(said) == {None}
    assert len(server.asked) < 40
    assert health.skipped == 120 - health.calls > 80


@pytest.mark.parametrize(
    "answer",
    [
        signals(symbol="BTC-USDT", extra={"a": [1]}),
        signals(timestamp=time.time()),
        signals(timestamp=datetime.now(UTC).isoformat()),
        signals(timestamp=datetime.now(UTC).replace(tzinfo=None).isoformat()),
        signals(timestamp=None),
        {"signals": {"combined": 1, "regime": "trend"}},
        {"signals": {}},
    ],
)
async def test_what_an_older_server_says_is_understood(answer):
    async with serve(says(answer)) as (url, _):
        assert (await ask(url))[0] is not None


LIES = {
    "nan": (says('{"signals":{"speed":NaN}}'), "malformed"),
    "infinity": (says('{"signals":{"speed":1e999}}'), "out of range"),
    "far too much": (says(signals(signals=GOOD | {"oi": 1e9})), "oi is 1e+09"),
    "a little too much": (says(signals(signals=GOOD | {"combined": -1.0000001})), "combined is"),
    "text for a number": (says(signals(signals=GOOD | {"oi": "0.5"})), "got `str`"),
    "truth for a number": (says(signals(signals=GOOD | {"oi": True})), "got `bool`"),
    "no signals": (says({"timestamp": 1}), "signals"),
    "a list": (says([1, 2]), "got `array`"),
    "nothing": (says(b""), "truncated"),
    "half a document": (says('{"signals":{"speed":0.5'), "truncated"),
    "depth": (says(b'{"a":' + b"[" * 60_000), "recursion"),
    "bytes": (says(b'{"symbol":"\xff"}'), "utf-8"),
    "another symbol": (says(signals(symbol="ETH/USDT")), "about 'ETH/USDT'"),
    "another day": (says(signals(timestamp=1_600_000_000_000)), "more than 300 s"),
    "another day in words": (says(signals(timestamp="0001-01-01T00:00:00Z")), "more than 300 s"),
    "a time that is none": (says(signals(timestamp="soon")), "no time"),
    "html": (says("<html>it works</html>", kind="text/html"), "content type 'text/html'"),
    "html called json": (says("<html>it works</html>"), "malformed"),
    "a redirect": (says("", status=302, Location="http://169.254.169.254/"), "status 302"),
    "not found": (says("{}", status=404), "status 404"),
    "no content": (says(b"", status=204), "status 204"),
    "a fault": (says("{}", status=500), "status 500"),
    "a bomb": (bomb, "compressed"),
    "too much, announced": (says(b" " * 100_000), "100000 bytes"),
    "too much, without end": (endless, "more than 65536 bytes"),
    "drop by drop": (dripping, "within 300 ms"),
    "silence": (never, "within 300 ms"),
    "hanging up": (hangs_up, "RemoteProtocolError"),
    "cut short": (cut_short, "RemoteProtocolError"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_lies_are_no_answer_and_the_reason_is_known(lie):
    handler, reason = LIES[lie]
    async with serve(handler) as (url, server):
        said, health = await ask(url)
    assert said is None
    assert reason in health.reason
    assert (health.failures, health.answered_ns) == (1, None)
    assert len(server.asked) == 1


async def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        said, health = await ask(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert said is None
    assert "ConnectError" in health.reason


@pytest.mark.parametrize("url", ["http://nobody.invalid", "http://[::1", "http://exa mple", "http://\udcff"])
async def test_addresses_that_lead_nowhere_are_a_reason_too(url):
    try:
        said, health = await ask(url)
    except ValueError:
        # urllib itself refuses to read it: the settings do, before a client is made.
        return
    assert said is None
    assert health.reason


async def test_what_may_pass_is_asked_again_and_what_will_not_is_not():
    terms = Terms(timeout_ms=500, attempts=3)
    async with serve(fails_at_first(2, says(signals()))) as (url, server):
        said, health = await ask(url, terms=terms)
        assert said is not None
        assert (len(server.asked), health.failures) == (3, 0)
    async with serve(fails_at_first(3, says(signals()))) as (url, server):
        assert (await ask(url, terms=terms))[0] is None
        assert len(server.asked) == 3
    async with serve(says("{}", status=400)) as (url, server):
        assert (await ask(url, terms=terms))[0] is None
        assert len(server.asked) == 1


async def test_a_call_ends_within_its_bound():
    terms = Terms(timeout_ms=100, attempts=3)
    async with serve(never) as (url, server):
        assert (await asyncio.wait_for(ask(url, terms=terms), PATIENCE_S))[0] is None
        assert len(server.asked) == 3


async def test_after_failures_it_is_left_alone_then_tried_once():
    now_ns = 0
    async with serve(fails_at_first(2, says(signals()))) as (url, server):
        client = QuantClient(url, terms=QUICK, breaker=Breaker(failures=2, open_s=10), clock=lambda: now_ns)
        for _ in range(4):
            assert await client.signals("BTC/USDT", BARS, time.time_ns()) is None
        health = client.health
        assert (len(server.asked), health.circuit, health.skipped, health.in_a_row) == (2, "open", 2, 2)
        now_ns = 10_000_000_000
        assert client.health.circuit == "half_open"
        both = await asyncio.gather(*(client.signals("BTC/USDT", BARS, time.time_ns()) for _ in range(2)))
        assert [said is None for said in both] == [False, True]
        assert (len(server.asked), client.health.circuit, client.health.reason) == (3, "closed", "")
        await client.close()


async def test_cancelled_it_leaves_the_probe_to_the_next():
    breaker = Breaker(failures=1, open_s=0)
    async with serve(never) as (url, server):
        client = QuantClient(url, terms=Terms(timeout_ms=5000, attempts=1), breaker=breaker)
        breaker.failed(0, Circuit.CLOSED)
        task = asyncio.create_task(client.signals("BTC/USDT", BARS, time.time_ns()))
        await server.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.handler = says(signals())
        assert await client.signals("BTC/USDT", BARS, time.time_ns()) is not None
        await client.close()


async def test_a_closed_client_gives_no_answer():
    client = QuantClient("http://127.0.0.1:9", terms=QUICK)
    await client.close()
    assert await client.signals("BTC/USDT", BARS, time.time_ns()) is None
    assert "closed" in client.health.reason


async def test_secrets_in_the_address_are_not_told():
    async with serve(says(signals())) as (url, server):
        said, health = await ask(url.replace("://", "://user:secret@"))
    assert said is not None
    assert "secret" not in health.address
    assert server.headers[0]["Authorization"].startswith("Basic ")


async def test_fifty_symbols_and_a_dead_server_hold_up_no_tick():
    """While fifty calls wait, the loop goes on turning."""
    async with serve(never) as (url, _):
        client = QuantClient(url, terms=Terms(timeout_ms=400, attempts=2), breaker=Breaker(failures=1000))
        calls = asyncio.gather(*(client.signals(f"S{i}/USDT", BARS, time.time_ns()) for i in range(50)))
        turns = 0
        while not calls.done():
            await asyncio.sleep(0)
            turns += 1
        assert await calls == [None] * 50
        await client.close()
    assert turns > 1000

"""The venue breaks on request: what its clients then see over real sockets."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

ROOT = Path(__file__).resolve().parents[3]
DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=100"


@pytest.fixture(scope="module")
def broken_exchange() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1") as running:
        yield running


@pytest.fixture
def exchange(broken_exchange: Simulator) -> Iterator[Simulator]:
    yield broken_exchange
    for row in httpx.get(f"{broken_exchange.rest_url}/sim/faults").json():
        if row["on"]:
            switch(broken_exchange, row["name"], on=False)


def switch(exchange: Simulator, name: str, **settings: object) -> None:
    answer = httpx.post(f"{exchange.rest_url}/sim/faults", json={"name": name, **settings})
    assert answer.status_code == 200, answer.text


def get(exchange: Simulator, path: str, **options: Any) -> httpx.Response:
    return httpx.get(f"{exchange.rest_url}{path}", **options)


def used(exchange: Simulator) -> dict[str, Any]:
    counters: dict[str, Any] = get(exchange, "/sim/limits").json()["used"]
    return counters


def forgotten(exchange: Simulator) -> dict[str, Any]:
    """What is counted after everything was forgotten."""
    counters: dict[str, Any] = httpx.delete(f"{exchange.rest_url}/sim/limits").json()["used"]
    return counters


@asynccontextmanager
async def listening(exchange: Simulator, *streams: str, **options: Any) -> AsyncIterator[websockets.ClientConnection]:
    url = f"{exchange.websocket_url}/stream?streams={'/'.join(streams)}"
    async with websockets.connect(url, max_size=None, compression=None, **options) as client:
        yield client


async def received(client: websockets.ClientConnection, wanted: str) -> dict[str, Any]:
    """The next message with this word in it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = await client.recv()
            if wanted in str(message):
                return dict(json.loads(message))


async def read_on(client: websockets.ClientConnection, *, silence_s: float = 10) -> None:
    """Read until it ends, with the error that ends it."""
    while True:
        await asyncio.wait_for(client.recv(), silence_s)


async def until_closed(client: websockets.ClientConnection) -> int:
    with pytest.raises(websockets.ConnectionClosed):
        await read_on(client)
    return client.close_code or 0


class TestOperator:
    def test_every_fault_is_listed_with_its_words_and_settings(self, exchange: Simulator) -> None:
        rows = {row["name"]: row for row in get(exchange, "/sim/faults").json()}
        assert rows["burst"]["settings"] == {"symbol": "", "channel": "bookTicker", "rate": 10_000.0, "seconds": 2.0}
        assert "no checksum" in rows["wrong_level"]["description"]
        assert not any(row["on"] for row in rows.values())

    @pytest.mark.parametrize(
        ("wish", "complaint"),
        [
            ({"name": "earthquake"}, "there is no fault 'earthquake'; there are skip_depth"),
            ({"name": "spike-prices"}, "did you mean spike_price"),
            ({"name": ["delist"]}, "there is no fault"),
            ({"on": True}, "missing required field `name`"),
            ([], "Expected `object`"),
            ({"name": "freeze_data", "seconds": -1}, "freeze_data: seconds=-1 is out of range; allowed is 0.001 to"),
            ({"name": "freeze_data", "seconds": "long"}, "Expected `float`, got `str` - at `$.seconds`"),
            ({"name": "burst", "rate": 0}, "burst: rate=0 is out of range"),
            ({"name": "huge_frame", "bytes": 10**12}, "bytes=1,000,000,000,000 is out of range"),
            ({"name": "drop_sockets", "seconds": 3}, "drop_sockets has no setting seconds"),
            ({"name": "skip_depth", "symbol": "XYZUSDT"}, "XYZUSDT is not listed here: BTCUSDT, ETHUSDT are"),
        ],
    )
    def test_a_senseless_wish_is_refused(self, exchange: Simulator, wish: dict[str, object], complaint: str) -> None:
        answer = httpx.post(f"{exchange.rest_url}/sim/faults", json=wish)
        assert answer.status_code == 400
        assert complaint in answer.json()["error"]

    def test_what_was_refused_is_not_on(self, exchange: Simulator) -> None:
        httpx.post(f"{exchange.rest_url}/sim/faults", json={"name": "maintenance", "seconds": -1})
        assert get(exchange, "/api/v3/ping").status_code == 200

    @pytest.mark.parametrize("program", [("-m", "marketdata.simulator"), ("manage.py", "runexchange")])
    def test_the_command_line_refuses_the_same_with_code_two(self, program: tuple[str, ...]) -> None:
        for wish, complaint in (
            ("freeze_data:seconds=-1", "seconds=-1 is out of range; allowed is 0.001 to 86,400"),
            ("freezedata", "did you mean freeze_data"),
        ):
            done = subprocess.run(
                [sys.executable, *program, "--fault", wish], cwd=ROOT, capture_output=True, text=True, timeout=60
            )
            assert (done.returncode, complaint in done.stderr) == (2, True), done.stderr

    def test_a_fault_may_be_on_from_the_start(self) -> None:
        with running_simulator("--symbols", "BTC/USDT", "--fault", "maintenance:seconds=60") as running:
            answer = get(running, "/api/v3/ping")
            assert (answer.status_code, answer.json()["code"]) == (503, -1016)


class TestRest:
    def test_a_snapshot_may_be_old_once(self, exchange: Simulator) -> None:
        now = get(exchange, DEPTH).json()["lastUpdateId"]
        switch(exchange, "old_snapshot", symbol="BTCUSDT", milliseconds=20_000)
        old = get(exchange, DEPTH).json()
        assert old["lastUpdateId"] < now
        assert len(old["bids"]) == 100
        assert get(exchange, DEPTH).json()["lastUpdateId"] >= now

    def test_everything_may_be_late(self, exchange: Simulator) -> None:
        newest = get(exchange, "/api/v3/trades?symbol=BTCUSDT&limit=1").json()[0]
        switch(exchange, "stale_rest", symbol="BTCUSDT", milliseconds=20_000)
        late = get(exchange, "/api/v3/trades?symbol=BTCUSDT&limit=1").json()[0]
        assert late["time"] <= newest["time"] - 15_000
        day = get(exchange, "/api/v3/ticker/24hr?symbol=BTCUSDT").json()
        assert day["closeTime"] < newest["time"]
        best = get(exchange, "/api/v3/ticker/bookTicker?symbol=BTCUSDT").json()
        assert (best["bidPrice"], best["askPrice"]) == (day["bidPrice"], day["askPrice"])

    def test_an_answer_may_be_slow_or_an_html_page(self, exchange: Simulator) -> None:
        switch(exchange, "slow_answer", channel="depth", milliseconds=60_000, seconds=60)
        with pytest.raises(httpx.ReadTimeout):
            get(exchange, DEPTH, timeout=0.3)
        assert get(exchange, "/api/v3/ping", timeout=5).status_code == 200
        switch(exchange, "garbage", channel="time", count=1)
        assert get(exchange, "/api/v3/time").text.startswith("<html>")
        assert "serverTime" in get(exchange, "/api/v3/time").json()

    def test_who_goes_on_after_a_429_is_banned(self, exchange: Simulator) -> None:
        switch(exchange, "too_many_requests", milliseconds=30_000, seconds=60)
        first, second, third = (get(exchange, "/api/v3/ping") for _ in range(3))
        assert (first.status_code, first.headers["retry-after"]) == (429, "30")
        assert (second.status_code, third.status_code) == (418, 418)
        assert 50 <= int(third.headers["retry-after"]) <= 60
        assert (used(exchange)["rest_429"], used(exchange)["rest_418"]) == (1, 2)

    def test_a_tick_size_changes_and_a_symbol_goes(self, exchange: Simulator) -> None:
        switch(exchange, "listing_change", symbol="BTCUSDT", factor=100)
        (row,) = get(exchange, "/api/v3/exchangeInfo?symbol=BTCUSDT").json()["symbols"]
        assert row["filters"][0]["tickSize"] == "1.00000000"
        switch(exchange, "delist", symbol="BTCUSDT")
        assert [row["symbol"] for row in get(exchange, "/api/v3/exchangeInfo").json()["symbols"]] == ["ETHUSDT"]
        assert get(exchange, DEPTH).json()["code"] == -1121


class TestSockets:
    async def test_a_shutdown_is_announced_and_new_sockets_are_spared(self, exchange: Simulator) -> None:
        async with listening(exchange, "btcusdt@depth@100ms") as old:
            await asyncio.to_thread(switch, exchange, "server_shutdown", milliseconds=500)
            assert (await received(old, "serverShutdown"))["E"] > 0
            async with listening(exchange, "btcusdt@depth@100ms") as new:
                assert await until_closed(old) == 1001
                await received(new, "depthUpdate")

    async def test_sockets_live_as_long_as_is_wanted(self, exchange: Simulator) -> None:
        async with listening(exchange, "btcusdt@bookTicker") as client:
            await asyncio.to_thread(switch, exchange, "lifetime", milliseconds=300)
            assert await until_closed(client) == 1001

    async def test_a_half_open_socket_is_silent_for_ever(self, exchange: Simulator) -> None:
        async with listening(exchange, "btcusdt@bookTicker", ping_interval=None, close_timeout=0.1) as client:
            await client.recv()
            await asyncio.to_thread(switch, exchange, "half_open", seconds=60)
            with pytest.raises(TimeoutError):
                await read_on(client, silence_s=0.5)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(await client.ping(), 0.3)
            with pytest.raises(TimeoutError):
                async with listening(exchange, "btcusdt@bookTicker", open_timeout=0.3):
                    pass
            await asyncio.to_thread(switch, exchange, "half_open", on=False)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.recv(), 0.3)
        async with listening(exchange, "btcusdt@bookTicker") as client:
            await client.recv()

    async def test_new_sockets_may_be_refused(self, exchange: Simulator) -> None:
        await asyncio.to_thread(switch, exchange, "refuse_connections", status=403)
        with pytest.raises(websockets.InvalidStatus) as refusal:
            async with listening(exchange, "btcusdt@trade"):
                pass
        assert refusal.value.response.status_code == 403

    async def test_too_many_connections_are_refused(self) -> None:
        with running_simulator("--symbols", "BTC/USDT", "--connections-per-5min", "2") as running:
            for _ in range(2):
                async with listening(running, "btcusdt@trade"):
                    pass
            with pytest.raises(websockets.InvalidStatus) as refusal:
                async with listening(running, "btcusdt@trade"):
                    pass
            assert refusal.value.response.status_code == 429
            assert (used(running)["connections"], used(running)["connections_refused"]) == (3, 1)
            assert forgotten(running)["connections"] == 0
            async with listening(running, "btcusdt@trade"):
                pass

    async def test_pongs_may_be_missing_or_late(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/ws", ping_interval=None) as client:
            await asyncio.to_thread(switch, exchange, "no_pong")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(await client.ping(), 0.3)
            await asyncio.to_thread(switch, exchange, "no_pong", on=False)
            await asyncio.to_thread(switch, exchange, "slow_pong", milliseconds=400)
            # Timers count in milliseconds, and may be one early.
            assert await asyncio.wait_for(await client.ping(), PATIENCE_S) >= 0.398

    async def test_who_answers_a_ping_stays(self, exchange: Simulator) -> None:
        before = await asyncio.to_thread(used, exchange)
        async with listening(exchange, "btcusdt@bookTicker") as client:
            await asyncio.to_thread(switch, exchange, "ping_now", milliseconds=200)
            async with asyncio.timeout(PATIENCE_S):
                while (await asyncio.to_thread(used, exchange))["pongs"] == before["pongs"]:
                    await client.recv()
        assert used(exchange)["cut_for_silence"] == before["cut_for_silence"]

    async def test_a_subscription_may_be_unanswered_or_refused(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/stream") as client:
            await asyncio.to_thread(switch, exchange, "silent_subscribe", count=1)
            await client.send('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":1}')
            assert "stream" in json.loads(await client.recv())
            await asyncio.to_thread(switch, exchange, "refuse_symbol", symbol="ETHUSDT")
            names = '["ethusdt@trade","btcusdt@depth@100ms"]'
            await client.send(f'{{"method":"SUBSCRIBE","params":{names},"id":2}}')
            refused = await received(client, '"id":2')
            assert refused["error"]["msg"] == "Invalid request: invalid symbol in ethusdt@trade"
            await received(client, "depthUpdate")

    async def test_a_huge_frame_is_as_huge_as_wanted(self, exchange: Simulator) -> None:
        async with listening(exchange, "btcusdt@trade") as client:
            await asyncio.to_thread(switch, exchange, "huge_frame", bytes=20_000_000)
            async with asyncio.timeout(PATIENCE_S):
                while len(await client.recv()) != 20_000_000:
                    pass

    async def test_a_burst_has_every_frame_it_promises(self, exchange: Simulator) -> None:
        async with listening(exchange, "btcusdt@trade") as client:
            first = (await received(client, "trade"))["data"]["t"]
            await asyncio.to_thread(
                switch, exchange, "burst", symbol="BTCUSDT", channel="trade", rate=20_000, seconds=0.5
            )
            ids = [first]
            async with asyncio.timeout(PATIENCE_S):
                while len(ids) < 10_000:
                    ids.append(json.loads(await client.recv())["data"]["t"])
            assert ids == list(range(first, first + len(ids)))

    async def test_nothing_moves_while_the_markets_stand_still(self, exchange: Simulator) -> None:
        async with listening(exchange, "btcusdt@depth@100ms") as client:
            await received(client, "depthUpdate")
            await asyncio.to_thread(switch, exchange, "stand_still", seconds=60)
            with pytest.raises(TimeoutError):
                await read_on(client, silence_s=0.5)
            update_id = get(exchange, DEPTH).json()["lastUpdateId"]
            await asyncio.to_thread(switch, exchange, "stand_still", on=False)
            assert (await received(client, "depthUpdate"))["data"]["U"] == update_id + 1


class TestListenKey:
    def _send(self, exchange: Simulator, method: str, **params: str) -> httpx.Response:
        url = f"{exchange.rest_url}/api/v3/userDataStream"
        return httpx.request(method, url, params=params, headers={"X-MBX-APIKEY": exchange.key})

    def _deposit(self, exchange: Simulator, account: int) -> None:
        url = f"{exchange.rest_url}/sim/accounts/{account}/deposit"
        httpx.post(url, json={"asset": "BTC", "amount": "1"}).raise_for_status()

    async def test_it_is_heard_until_it_expires(self, exchange: Simulator) -> None:
        key = self._send(exchange, "POST").json()["listenKey"]
        account = next(row for row in get(exchange, "/sim/accounts").json() if row["key"] == exchange.key)
        async with websockets.connect(f"{exchange.websocket_url}/ws/{key}") as client:
            self._deposit(exchange, account["id"])
            assert (await received(client, "balanceUpdate"))["e"] == "balanceUpdate"
            assert self._send(exchange, "PUT", listenKey=key).status_code == 200
            await asyncio.to_thread(switch, exchange, "expire_listen_key", kind="string")
            expired = await received(client, "listenKeyExpired")
            assert (expired["e"], expired["listenKey"], type(expired["E"])) == ("listenKeyExpired", key, str)
            self._deposit(exchange, account["id"])
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.recv(), 0.3)
        assert self._send(exchange, "PUT", listenKey=key).json()["code"] == -1125

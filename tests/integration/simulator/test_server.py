"""The exchange as a process: it survives kill -9, says clearly why it does not start, and breaks on request."""

import asyncio
import hashlib
import hmac
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator, start_simulator

ONE_MARKET = ("--symbols", "BTC/USDT")


def signed(exchange: Simulator, method: str, path: str, **params: object) -> httpx.Response:
    query = "&".join(f"{name}={value}" for name, value in ({"timestamp": int(time.time() * 1000)} | params).items())
    signature = hmac.new(exchange.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    url = f"{exchange.rest_url}/api/v3/{path}?{query}&signature={signature}"
    return httpx.request(method, url, headers={"X-MBX-APIKEY": exchange.key})


def far_bid(exchange: Simulator) -> str:
    ticker = httpx.get(f"{exchange.rest_url}/api/v3/ticker/bookTicker?symbol=BTCUSDT").json()
    return f"{float(ticker['bidPrice']) * 0.9:.2f}"


def place(exchange: Simulator, **params: object) -> httpx.Response:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    return signed(exchange, "POST", "order", **order | params)


def switch(exchange: Simulator, name: str, **settings: object) -> None:
    answer = httpx.post(f"{exchange.rest_url}/sim/faults", json={"name": name, **settings})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with running_simulator(*ONE_MARKET, "--ping-every-s", "0.2", "--pong-within-s", "0.6") as running:
        yield running


def test_everything_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    with running_simulator(*ONE_MARKET, ledger=tmp_path) as first:
        order = place(first, price=far_bid(first)).json()
        filled = signed(first, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01").json()
        before = signed(first, "GET", "account").json()["balances"]
        bars = httpx.get(f"{first.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=50").json()[:-1]
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
        with running_simulator(*ONE_MARKET, ledger=tmp_path, port=first.port) as second:
            assert (second.key, second.secret) == (first.key, first.secret)
            assert signed(second, "GET", "account").json()["balances"] == before
            open_orders = signed(second, "GET", "openOrders", symbol="BTCUSDT").json()
            assert [row["orderId"] for row in open_orders] == [order["orderId"]]
            trades = signed(second, "GET", "myTrades", symbol="BTCUSDT").json()
            assert {trade["orderId"] for trade in trades} == {filled["orderId"]}
            again = httpx.get(f"{second.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=50").json()
            assert [bar for bar in again if bar[0] <= bars[-1][0]][-len(bars) :] == bars


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly_on_a_signal(number: int) -> None:
    with running_simulator(*ONE_MARKET) as running:
        assert running.stop(number) == 0


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=rf"exit code 2.*port {port} .*--port"):
            start_simulator(*ONE_MARKET, ledger=tmp_path, port=port)


def test_a_bad_capture_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("nonsense\n")
    with pytest.raises(RuntimeError, match=r"exit code 2.*line 1: expected"):
        start_simulator("--replay", str(tmp_path / "bad"), ledger=tmp_path)


def test_counters_are_in_the_headers(exchange: Simulator) -> None:
    first = httpx.get(f"{exchange.rest_url}/api/v3/ping").headers["x-mbx-used-weight-1m"]
    placed = place(exchange, price=far_bid(exchange))
    assert int(placed.headers["x-mbx-used-weight-1m"]) != int(first)
    assert int(placed.headers["x-mbx-order-count-10s"]) >= 1


def test_too_many_requests_are_refused_then_banned() -> None:
    with running_simulator(*ONE_MARKET, "--weight-per-minute", "20") as running:
        codes = []
        # As many as it takes, also where a minute ends between two.
        while len(codes) < 60 and (not codes or codes[-1].status_code != 418):
            codes.append(httpx.get(f"{running.rest_url}/api/v3/exchangeInfo"))
        refused = [answer for answer in codes if answer.status_code == 429]
        assert refused[0].json()["code"] == -1003
        assert int(refused[0].headers["retry-after"]) >= 1
        assert codes[-1].status_code == 418


def test_an_order_whose_answer_is_lost_was_executed(exchange: Simulator) -> None:
    price = far_bid(exchange)
    switch(exchange, "lose_answer")
    with pytest.raises(httpx.TransportError):
        place(exchange, price=price, newClientOrderId="lost-1")
    found = signed(exchange, "GET", "order", symbol="BTCUSDT", origClientOrderId="lost-1")
    assert found.json()["status"] == "NEW"


@pytest.mark.parametrize("executed", [True, False])
def test_an_unknown_status_may_or_may_not_be_executed(exchange: Simulator, executed: bool) -> None:
    price, name = far_bid(exchange), f"unknown-{executed}"
    switch(exchange, "unknown_status", executed=executed)
    answer = place(exchange, price=price, newClientOrderId=name)
    assert (answer.status_code, answer.json()["code"]) == (503, -1006)
    found = signed(exchange, "GET", "order", symbol="BTCUSDT", origClientOrderId=name).json()
    assert found.get("status", found.get("code")) == ("NEW" if executed else -2013)


def test_the_window_is_judged_again_before_matching(exchange: Simulator) -> None:
    price = far_bid(exchange)
    switch(exchange, "slow_matching", milliseconds=400, seconds=5)
    answer = place(exchange, price=price, recvWindow=200, newClientOrderId="slow")
    switch(exchange, "slow_matching", on=False)
    assert answer.json()["code"] == -1021
    assert signed(exchange, "GET", "order", symbol="BTCUSDT", origClientOrderId="slow").json()["code"] == -2013


def test_a_skewed_clock_refuses_signatures(exchange: Simulator) -> None:
    switch(exchange, "clock_skew", milliseconds=-5000, seconds=5)
    assert signed(exchange, "GET", "account").json()["code"] == -1021
    switch(exchange, "clock_skew", on=False)
    assert signed(exchange, "GET", "account").status_code == 200


def test_accounts_are_opened_and_funded(exchange: Simulator) -> None:
    answer = httpx.post(f"{exchange.rest_url}/sim/accounts", json={"name": "bob", "balances": {"USDT": "100"}}).json()
    assert answer["balances"] == {"USDT": {"free": "100.00000000", "locked": "0.00000000"}}
    assert len(answer["key"]) == len(answer["secret"]) == 64
    deposit = f"{exchange.rest_url}/sim/accounts/{answer['id']}/deposit"
    assert httpx.post(deposit, json={"asset": "BTC", "amount": "1.5"}).json()["balances"]["BTC"]["free"] == "1.50000000"
    assert httpx.post(deposit, json={"asset": "BTC", "amount": "-2"}).status_code == 400
    assert httpx.post(deposit, json={"asset": "BTC", "amount": "lots"}).status_code == 400


def test_web_pages_cannot_reach_it(exchange: Simulator) -> None:
    url = f"{exchange.rest_url}/sim/faults"
    assert httpx.post(url, content='{"name":"drop_sockets"}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 403


async def read_until_it_ends(client: websockets.ClientConnection, *, silence_s: float) -> None:
    while True:
        await asyncio.wait_for(client.recv(), silence_s)


class TestSockets:
    async def test_streams_are_subscribed_listed_and_left(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/ws") as client:
            await client.send('{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@bookTicker"],"id":1}')
            assert json.loads(await client.recv()) == {"result": None, "id": 1}
            await client.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._answer(client, 2)
            assert answer["result"] == ["btcusdt@bookTicker", "btcusdt@trade"]
            await client.send('{"method":"SUBSCRIBE","params":["nonsense"],"id":3}')
            assert (await self._answer(client, 3))["error"]["code"] == 2
            await client.send("not json")
            assert (await self._answer(client, None))["error"]["code"] == 3

    @staticmethod
    async def _answer(client: websockets.ClientConnection, number: int | None) -> dict[str, Any]:
        while True:
            message = json.loads(await client.recv())
            if "id" in message and message["id"] == number:
                return dict(message)

    async def test_more_than_five_messages_a_second_are_cut(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/ws") as client:
            for number in range(6):
                await client.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            with pytest.raises(websockets.ConnectionClosed):
                await read_until_it_ends(client, silence_s=5)
            assert client.close_code == 1008

    async def test_who_answers_no_ping_is_cut(self, exchange: Simulator) -> None:
        # A raw socket that completes the handshake and then reads without ever answering a ping.
        reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{exchange.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await reader.read(1024):
                    pass
            except ConnectionResetError:
                pass
        writer.close()

    async def test_dropped_sockets_end_without_a_goodbye(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/stream?streams=btcusdt@bookTicker") as client:
            await client.recv()
            await asyncio.to_thread(switch, exchange, "drop_sockets")
            with pytest.raises(websockets.ConnectionClosed):
                await read_until_it_ends(client, silence_s=5)
            assert client.close_code == 1006

    async def test_a_skipped_depth_frame_leaves_a_hole(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/ws/btcusdt@depth@100ms") as client:
            first = json.loads(await client.recv())
            second = json.loads(await client.recv())
            assert second["U"] == first["u"] + 1
            last = second["u"]
            await asyncio.to_thread(switch, exchange, "skip_depth", symbol="BTCUSDT")
            holes = 0
            for _ in range(20):
                frame = json.loads(await asyncio.wait_for(client.recv(), PATIENCE_S))
                holes += frame["U"] != last + 1
                last = frame["u"]
            assert holes == 1

    async def test_frozen_data_keeps_the_socket(self, exchange: Simulator) -> None:
        async with websockets.connect(f"{exchange.websocket_url}/ws/btcusdt@bookTicker") as client:
            await client.recv()
            await asyncio.to_thread(switch, exchange, "freeze_data", seconds=60)
            with pytest.raises(TimeoutError):
                await read_until_it_ends(client, silence_s=0.5)
            pong = await client.ping()
            await pong
            await asyncio.to_thread(switch, exchange, "freeze_data", on=False)
            assert json.loads(await asyncio.wait_for(client.recv(), PATIENCE_S))["s"] == "BTCUSDT"

    async def test_a_closed_listener_comes_back(self, exchange: Simulator) -> None:
        await asyncio.to_thread(switch, exchange, "close_listener", seconds=0.5)
        async with asyncio.timeout(PATIENCE_S):
            refused = False
            while not refused:
                refused = not await self._answers(exchange)
            while not await self._answers(exchange):
                pass

    @staticmethod
    async def _answers(exchange: Simulator) -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"{exchange.rest_url}/api/v3/ping")).status_code == 200
            except httpx.TransportError:
                return False

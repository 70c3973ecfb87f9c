"""A recorded capture is played byte for byte, with the venue's REST side beside it."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.integration.simulator.test_server import signed
from tests.simulator_fixture import Simulator, running_simulator

SHARED_DATA = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CAPTURE = SHARED_DATA / "captures" / "binance_spot_btcusdt_20240808.gz"
STREAMS = "btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"

pytestmark = pytest.mark.skipif(not CAPTURE.exists(), reason=f"the recorded capture {CAPTURE} is not here")


@pytest.fixture(scope="module")
def recorded() -> list[bytes]:
    with gzip.open(CAPTURE) as file:
        return [line.rstrip(b"\n").split(b" ", 1)[1] for line in file]


@pytest.fixture
def exchange() -> Iterator[Simulator]:
    with running_simulator("--replay", str(CAPTURE), "--speed", "0") as running:
        yield running


def state_of(exchange: Simulator) -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{exchange.rest_url}/sim/replay").json()
    return state


async def receive(exchange: Simulator, count: int) -> list[bytes]:
    frames: list[bytes] = []
    url = f"{exchange.websocket_url}/stream?streams={STREAMS}"
    async with websockets.connect(url, compression=None) as client:
        while len(frames) < count:
            frames.append(await client.recv(decode=False))
    return frames


async def test_every_frame_comes_unchanged_and_in_order(exchange: Simulator, recorded: list[bytes]) -> None:
    frames = [line for line in recorded if line.startswith(b'{"stream"')]
    waiting = state_of(exchange)
    assert (waiting["state"], waiting["frames_total"]) == ("waiting", len(frames))
    assert await receive(exchange, len(frames)) == frames
    finished = state_of(exchange)
    assert finished["state"] == "finished"
    assert finished["frames_sent"] == {"depth@100ms": 3451, "bookTicker": 28040, "trade": 9757}
    _check_time(exchange, finished["last_ts_ms"])
    _check_book(exchange, recorded)
    _check_bars(exchange, frames)


def _check_time(exchange: Simulator, expected_ms: int) -> None:
    assert httpx.get(f"{exchange.rest_url}/api/v3/time").json()["serverTime"] == expected_ms


def _check_book(exchange: Simulator, recorded: list[bytes]) -> None:
    """The book served equals an independent rebuild."""
    snapshot = next(json.loads(line) for line in recorded if line.startswith(b'{"lastUpdateId"'))
    sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
    last = snapshot["lastUpdateId"]
    for event in (json.loads(line)["data"] for line in recorded if line.startswith(b'{"stream":"btcusdt@depth')):
        if event["u"] <= last:
            continue
        assert event["U"] <= last + 1
        last = event["u"]
        for side, levels in sides.items():
            levels.update(event[side])
            for price in [price for price, size in event[side] if float(size) == 0]:
                levels.pop(price, None)
    served = httpx.get(f"{exchange.rest_url}/api/v3/depth?symbol=BTCUSDT&limit=5000").json()
    assert served["lastUpdateId"] == last
    for name, side, falling in (("bids", "b", True), ("asks", "a", False)):
        expected = sorted(sides[side].items(), key=lambda level: float(level[0]), reverse=falling)[:5000]
        assert served[name] == [list(level) for level in expected]


def _check_bars(exchange: Simulator, frames: list[bytes]) -> None:
    trades = [json.loads(line)["data"] for line in frames if line.startswith(b'{"stream":"btcusdt@trade')]
    first_minute = trades[0]["T"] // 60_000 * 60_000
    url = f"{exchange.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000"
    before = httpx.get(f"{url}&endTime={first_minute - 1}").json()
    assert len(before) == 1000
    assert {bar[11] for bar in before} == {"synthetic"}
    assert before[-1][4] == trades[0]["p"]
    played = httpx.get(f"{url}&startTime={first_minute}").json()
    assert {bar[11] for bar in played} == {"0"}
    assert sum(bar[8] for bar in played) == len(trades)
    assert played[-1][4] == trades[-1]["p"]


async def test_orders_meet_the_recorded_book(exchange: Simulator) -> None:
    order = signed(exchange, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01").json()
    assert [fill["price"] for fill in order["fills"]] == ["61837.64000000"]


async def test_a_cut_capture_plays_what_is_there(tmp_path: Path) -> None:
    whole = CAPTURE.read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 20])
    with running_simulator("--replay", str(tmp_path / "cut.gz"), "--speed", "0", ledger=tmp_path) as running:
        state = state_of(running)
        assert 100 < state["cut_at_frame"] == state["frames_total"] < 10_000
        await receive(running, state["frames_total"])

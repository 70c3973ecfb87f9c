"""A session of the simulated exchange over a real socket, recorded and replayed: the same, event for event."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from marketdata.clock import venue_clock
from marketdata.events import Event
from marketdata.exchanges.adapter import Adapter, VenueEvent
from marketdata.exchanges.catalog import get_adapter
from marketdata.recording.lines import MarkKind
from marketdata.recording.recorder import FrameRecorder
from marketdata.replay import Replay
from marketdata.stream import SymbolStream
from tests.integration.marketdata.cast import switch_fault
from tests.simulator_fixture import Simulator
from tests.unit.marketdata.recording.hearing import play

SYMBOLS = {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}


@dataclass(kw_only=True)
class Live:
    """A small feed: what was heard, in order, and what consumers saw."""

    adapter: Adapter
    recorder: FrameRecorder
    heard: list[VenueEvent] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = venue_clock("system")
        self.streams = {
            symbol: SymbolStream(exchange="simulated", symbol=symbol, clock=clock) for symbol in SYMBOLS.values()
        }

    def take(self, events: Any) -> None:
        for event in events:
            self.heard.append(event)
            stream = self.streams.get(getattr(event, "symbol", ""))
            if stream is not None:
                self.told += stream.receive(event)

    async def session(self, market: Simulator, rest: Any, *, socket_name: str, until: Any) -> None:
        """One connection: up, images and history by REST, frames, down."""
        listings = {item.symbol: item for item in await rest.listings()}
        self.recorder.listings(listings.values(), time.time_ns())
        parser = self.adapter.parser(exchange="simulated", symbols=SYMBOLS, listings=listings)
        streams = [stream for name in SYMBOLS for stream in self.adapter.streams(name)]
        reason = "enough"
        async with connect(await rest.socket_url(market.websocket_url, route="")) as socket:
            await socket.send(self.adapter.subscribe(streams, request_id=1).decode())
            now_ns = time.time_ns()
            self.recorder.opened(socket_name, now_ns)
            self.recorder.mark(MarkKind.UP, SYMBOLS.values(), ts_init=now_ns)
            for stream in self.streams.values():
                self.told += stream.connected(now_ns)
            count = 0
            try:
                while not until(count):
                    frame = await socket.recv(decode=False)
                    ts_init = time.time_ns()
                    self.recorder.frame(frame, ts_init, socket_name)
                    self.take(parser.parse(frame, ts_init=ts_init))
                    count += 1
                    if count == 30:
                        for name, symbol in SYMBOLS.items():
                            image = await rest.book(name, symbol=symbol, limit=1000)
                            self.recorder.book_image(image)
                            self.take([image])
                            bars = await rest.bars(name, symbol=symbol, timeframe="1m", limit=10)
                            trades = await rest.trades(name, symbol=symbol, limit=100)
                            self.recorder.history(symbol, bars, trades, time.time_ns())
                            self.told += self.streams[symbol].fill_history(bars, trades)
                    if count == 200 and until(-1):
                        switch_fault(market, "drop_sockets")
            except ConnectionClosed:
                reason = "connection lost"
        now_ns = time.time_ns()
        self.recorder.mark(MarkKind.DOWN, SYMBOLS.values(), ts_init=now_ns, text=reason)
        for stream in self.streams.values():
            self.told += stream.disconnected(now_ns, reason=reason)


async def record(market: Simulator, folder: Path) -> Live:
    """One session that the venue cuts, and one after it, over files of a few kilobytes."""
    problems: list[str] = []
    adapter = get_adapter("binance")
    recorder = FrameRecorder(
        folder, exchange="simulated", adapter_name="binance", clock_ns=time.time_ns, on_problem=problems.append,
        rotate_bytes=20_000, flush_s=0.2,
    )  # fmt: skip
    live = Live(adapter=adapter, recorder=recorder)
    async with httpx.AsyncClient(timeout=10) as client:
        rest = adapter.rest(exchange="simulated", base_url=market.rest_url, client=client, clock_ns=time.time_ns)
        # The first goes on until the venue cuts it.
        await live.session(market, rest, socket_name="main-1", until=lambda count: count == -1)
        await live.session(market, rest, socket_name="main-1", until=lambda count: count == 400)
    recorder.close()
    assert problems == []
    return live


async def test_a_recorded_session_replays_to_the_same_events(market, tmp_path):
    live = await record(market, tmp_path)
    assert len(list(tmp_path.glob("*.gz"))) > 1
    assert len(live.heard) > 500
    heard, source = await play(tmp_path, add=("BTC/USDT", "ETH/USDT"))
    assert source.problem == ""
    assert heard.events == live.heard
    assert [kind for kind in heard.kinds if kind in ("up", "down")] == ["up", "down", "up", "down"]
    session = Replay(tmp_path, adapter=get_adapter("binance"), exchange="simulated", symbols=SYMBOLS, clock="system")
    assert [event for _, event in session] == live.told
    assert any(type(event).__name__ == "BookSnapshot" for event in live.told)
    for symbol, stream in session.streams.items():
        assert stream.counts == live.streams[symbol].counts

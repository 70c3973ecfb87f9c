"""A file that begins in the midst of a stream, or after a loss, can be replayed from there on, books and all."""

import asyncio
import gzip
import random
from collections.abc import Sequence
from pathlib import Path

import httpx

from marketdata.clock import venue_clock
from marketdata.connection import ConnectionSettings
from marketdata.exchanges.adapter import Endpoints
from marketdata.exchanges.catalog import get_adapter
from marketdata.feed.config import FeedConfig
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.outlets import Outlets
from marketdata.feed.source import Health
from marketdata.recording.capture_file import CaptureFile
from marketdata.recording.lines import MarkKind
from marketdata.recording.manifest import load_manifest
from marketdata.recording.playback import Down, Note, Playback, Taken, Up
from marketdata.recording.recorder import FrameRecorder
from marketdata.stream import SymbolStream
from tests.patience import PATIENCE_S
from tests.unit.marketdata.recording.cast import IMAGE, LISTING, T0, Clock, recording

HOUR = 3_600_000_000_000


class Socket:
    """A source that brings what the test gives it, and remembers what was asked for again."""

    def __init__(self, hearer) -> None:
        self.hearer = hearer
        self.asked: list[tuple[str, str]] = []

    def add(self, symbol, venue_symbol) -> None:
        """Nothing: the test says when it is up."""

    def remove(self, symbol) -> None:
        """Nothing."""

    def resubscribe(self, symbol, *, group="") -> None:
        self.asked.append((symbol, group))

    def reconnect(self, symbols) -> None:
        """Nothing."""

    def unasked(self) -> frozenset[str]:
        return frozenset()

    def advance(self, now_s) -> None:
        """Nothing."""

    def health(self, symbol) -> Health:
        return Health()

    async def close(self) -> None:
        """Nothing."""


class Fed:
    """A feed of BTC/USDT that is recorded; its socket is the test's."""

    def __init__(self, recorder: FrameRecorder, clock: Clock, *, adapter: str = "binance") -> None:
        self.recorder, self.clock = recorder, clock
        self.adapter = get_adapter(adapter)
        config = FeedConfig(
            exchange_id=1,
            exchange="simulated",
            environment="simulated",
            clock="stream",
            adapter=self.adapter,
            endpoints=Endpoints(rest_url="http://127.0.0.1:9", websocket_url="ws://127.0.0.1:9"),
            connection=ConnectionSettings(),
            failed_after=5,
        )
        outlets = Outlets(
            publish=lambda symbol, events: None,
            note=lambda kind, message, symbol: None,
            keep_bar=lambda symbol, bar: None,
            keep_liquidation=lambda event: None,
            history_kept=lambda symbol, timeframe: None,
            fail=lambda error: None,
            pace=lambda: asyncio.sleep(0),
            tape=recorder,
        )
        rest = self.adapter.rest(
            exchange="simulated", base_url="http://127.0.0.1:9", client=httpx.AsyncClient(), clock_ns=clock,
            credentials=None,
        )  # fmt: skip
        self.feed = ExchangeFeed(
            config, rest=rest, outlets=outlets, rng=random.Random(1), make_source=self._socket, clock_ns=clock
        )
        self.feed.set_listings([LISTING])
        self.feed.follow({"BTC/USDT"})
        self.parser = self.adapter.parser(
            exchange="simulated", symbols={"BTCUSDT": "BTC/USDT"}, listings={"BTC/USDT": LISTING}
        )
        self.socket.hearer.up(["BTC/USDT"], Health())
        recorder.book_image(IMAGE)
        self.stream.receive(IMAGE)

    def _socket(self, hearer) -> Socket:
        self.socket = Socket(hearer)
        return self.socket

    @property
    def stream(self) -> SymbolStream:
        return self.feed.followed["BTC/USDT"].stream

    def bring(self, number: int) -> None:
        """The book's next change, `number` after its image."""
        self.clock.ns += 1_000_000
        update = IMAGE.update_id + number
        frame = (
            f'{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{self.clock.ns // 10**6},"s":"BTCUSDT",'
            f'"U":{update},"u":{update},"b":[["98.5","{number}"]],"a":[]}}}}'
        ).encode()
        self.socket.hearer.frame(frame, self.clock.ns, "main-1")
        self.socket.hearer.take(self.parser.parse(frame, ts_init=self.clock.ns))


async def eventually(check) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110 a thread's work, which sets no event
            await asyncio.sleep(0.01)


def replayed(path: Path) -> tuple[SymbolStream, Sequence[object]]:
    """The stream at the end of a recording, and all steps."""
    steps = list(Playback(path, adapter=get_adapter("binance"), exchange="simulated", symbols={"BTCUSDT": "BTC/USDT"}))
    stream = SymbolStream(exchange="simulated", symbol="BTC/USDT", clock=venue_clock("stream"))
    for step in steps:
        match step:
            case Up():
                stream.connected(step.ts_init)
            case Down():
                stream.disconnected(step.ts_init, reason=step.reason)
            case Taken():
                for event in step.events:
                    stream.receive(event)
    return stream, steps


async def test_a_later_file_replays_alone(tmp_path):
    clock = Clock()
    with recording(tmp_path, clock_ns=clock, rotate_s=3600) as recorder:
        fed = Fed(recorder, clock)
        for number in range(1, 6):
            fed.bring(number)
        await eventually(lambda: (found := load_manifest(tmp_path)) and found.frames == 5)
        clock.ns += HOUR
        for number in range(6, 9):
            fed.bring(number)
        await eventually(lambda: len(load_manifest(tmp_path).files) == 2)
        fed.feed.advance()
        for number in range(9, 12):
            fed.bring(number)
    names = [file.name for file in load_manifest(tmp_path).files]
    stream, steps = replayed(tmp_path / names[1])
    assert stream.is_connected
    assert stream.book.is_valid
    assert (stream.book.update_id, stream.book.top(9)) == (fed.stream.book.update_id, fed.stream.book.top(9))
    assert any(isinstance(step, Note) and names[0] in step.text for step in steps)
    # And the whole replays as it was: the book told again changes nothing.
    whole, _ = replayed(tmp_path)
    assert (whole.gaps, whole.book.top(9)) == (0, fed.stream.book.top(9))


async def test_a_recording_goes_on_connected_and_with_its_book_after_the_disk_was_full(tmp_path, monkeypatch):
    clock, problems, full = Clock(), [], [False]
    flush = CaptureFile.flush

    def flush_while_there_is_room(file: CaptureFile) -> None:
        if full[0]:
            raise OSError(28, "No space left on device")
        flush(file)

    monkeypatch.setattr(CaptureFile, "flush", flush_while_there_is_room)
    with recording(tmp_path, clock_ns=clock, problems=problems) as recorder:
        fed = Fed(recorder, clock)
        fed.bring(1)
        await eventually(lambda: (found := load_manifest(tmp_path)) and found.frames == 1)
        full[0] = True
        fed.bring(2)
        await eventually(lambda: problems)
        full[0] = False
        clock.ns += 11_000_000_000
        fed.bring(3)
        await eventually(lambda: len(problems) == 2)
        fed.feed.advance()
        for number in range(4, 9):
            fed.bring(number)
    assert "No space left" in problems[0]
    stream, steps = replayed(tmp_path)
    last_down = max(place for place, step in enumerate(steps) if isinstance(step, Down))
    assert any(isinstance(step, Up) for step in steps[last_down:])
    assert stream.is_connected
    assert (stream.book.is_valid, stream.book.top(9)) == (True, fed.stream.book.top(9))


async def test_where_books_begin_with_an_image_of_the_stream_the_venue_is_asked_for_one(tmp_path):
    clock = Clock()
    with recording(tmp_path, clock_ns=clock, rotate_s=1) as recorder:
        fed = Fed(recorder, clock, adapter="kraken")
        fed.feed.advance()
        await eventually(lambda: not recorder._noted and load_manifest(tmp_path))
        fed.feed.advance()
        assert fed.socket.asked == []
        # Not so long that the feed takes the socket for dead.
        clock.ns += 1_000_000_000
        recorder.frame(b'{"channel":"heartbeat"}', clock.ns, "main-1")
        await eventually(lambda: len(load_manifest(tmp_path).files) == 2)
        fed.feed.advance()
        fed.feed.advance()
    assert fed.socket.asked == [("BTC/USDT", fed.adapter.book_group)]


async def test_lines_that_are_lost_again_and_again_have_the_books_told_once_in_a_while(tmp_path):
    clock = Clock()
    with recording(tmp_path, clock_ns=clock) as recorder:
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        await eventually(lambda: not recorder._noted and load_manifest(tmp_path))
        recorder._session.lose(1)
        assert recorder.wants_books(T0)
        assert not recorder.wants_books(T0 + 20_000_000_000)
        recorder._session.lose(1)
        assert recorder.wants_books(T0 + 21_000_000_000)
        recorder._session.lose(1)
        assert not recorder.wants_books(T0 + 22_000_000_000)
        assert recorder.wants_books(T0 + 32_000_000_000)


def test_a_file_begins_no_later_than_what_is_in_it(tmp_path):
    clock = Clock()
    clock.ns = T0 + 900_000_000
    with recording(tmp_path, clock_ns=clock) as recorder:
        recorder.frame(b"{}", T0, "main-1")
    (file,) = load_manifest(tmp_path).files
    with gzip.open(tmp_path / file.name) as lines:
        stamps = [int(line.split(b" ")[0]) for line in lines]
    assert stamps == sorted(stamps)
    assert (file.start_ns, stamps[0]) == (T0, T0)

"""A recording in the place of sockets tells what the sockets told."""

import asyncio
import gzip
from dataclasses import replace

import msgspec
import pytest

from marketdata.events import Bar, FeedState, QuoteTick
from marketdata.exchanges.adapter import BookImage, Reply
from marketdata.exchanges.binance.venue import BinanceAdapter
from marketdata.exchanges.catalog import get_adapter
from marketdata.feed.source import Health
from marketdata.recording.lines import MarkKind, frame_line, mark_line
from marketdata.recording.playback import session_info
from marketdata.replay import Replay
from tests.unit.marketdata.cast import BTC_CAPTURE, minute, needs_captures, trade
from tests.unit.marketdata.recording.cast import IMAGE, LISTING, T0, quote_frame, recording
from tests.unit.marketdata.recording.hearing import play


def ids(heard) -> list[int]:
    return [event.update_id for event in heard.events if isinstance(event, QuoteTick)]


async def test_ups_downs_images_and_history_come_in_their_places(tmp_path):
    bars, trades = [minute(0), minute(1, closed=False)], [trade(100.5, at=T0)]
    later = msgspec.structs.replace(IMAGE, update_id=8, asks=((101.0, 2.0),), ts_init=T0 + 1)
    with recording(tmp_path) as recorder:
        recorder.mark(MarkKind.SUBSCRIBED, ["BTC/USDT"], ts_init=T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT", "ETH/USDT"], ts_init=T0)
        recorder.frame(quote_frame(1), T0, "main-1")
        recorder.book_image(IMAGE)
        recorder.book_image(later)
        recorder.history("BTC/USDT", bars, trades, T0)
        recorder.frame(b"{broken", T0 + 1, "main-1")
        recorder.mark(MarkKind.DOWN, ["BTC/USDT"], ts_init=T0 + 2, text="connection lost")
    told = []
    heard, source = await play(tmp_path, on_history=lambda *history: told.append(history))
    assert heard.kinds == ["up", "take", "take", "take", "malformed", "down", "replay_ended"]
    assert heard.all[0] == ("up", ["BTC/USDT"])
    assert heard.all[2] == ("take", [IMAGE])
    assert heard.events[2] == later
    assert heard.all[5] == ("down", (["BTC/USDT"], "connection lost"))
    assert told == [("BTC/USDT", bars, trades)]
    assert (source.problem, source.frames, source.health("BTC/USDT")) == ("", 2, Health(connects=1))


async def test_what_a_successor_brings_is_held_until_it_takes_over(tmp_path):
    with recording(tmp_path) as recorder:
        recorder.opened("main-1", T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        recorder.frame(quote_frame(1), T0, "main-1")
        recorder.opened("main-2", T0, held=True)
        recorder.frame(quote_frame(2), T0, "main-2")
        recorder.frame(quote_frame(2), T0, "main-1")
        recorder.frame(quote_frame(3), T0, "main-2")
        recorder.mark(MarkKind.HANDOVER, ["BTC/USDT"], ts_init=T0, socket="main-2")
        recorder.frame(quote_frame(4), T0, "main-2")
    heard, _ = await play(tmp_path)
    assert heard.kinds == ["up", "take", "take", "handover", "take", "take", "replay_ended"]
    assert ids(heard) == [1, 2, 2, 3, 4]


async def test_a_successor_of_a_lost_socket_is_heard_once_it_is_up(tmp_path):
    with recording(tmp_path) as recorder:
        recorder.opened("main-1", T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        recorder.opened("main-2", T0, held=True)
        recorder.frame(quote_frame(1), T0, "main-2")
        recorder.mark(MarkKind.DOWN, ["BTC/USDT"], ts_init=T0, text="lost")
        recorder.mark(MarkKind.HANDOVER, ["BTC/USDT"], ts_init=T0, socket="main-2")
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        recorder.frame(quote_frame(2), T0, "main-2")
    heard, _ = await play(tmp_path)
    assert heard.kinds == ["up", "down", "up", "take", "take", "replay_ended"]
    assert ids(heard) == [1, 2]


class CountingAdapter(BinanceAdapter):
    """Binance, whose parsers number themselves and answer every frame."""

    def __init__(self) -> None:
        self.made = 0
        self.used: list[tuple[int, bytes]] = []
        self.seen: list[tuple[dict, dict]] = []

    def parser(self, *, exchange, symbols, listings):
        self.made += 1
        self.seen.append((symbols, listings))
        number, adapter = self.made, self
        inner = super().parser(exchange=exchange, symbols=symbols, listings=listings)

        class Parser:
            parse_image = inner.parse_image

            def parse(self, frame, *, ts_init):
                adapter.used.append((number, frame[-3:-1]))
                return (*inner.parse(frame, ts_init=ts_init), Reply(payload=b"pong"))

        return Parser()


@pytest.mark.parametrize("has_opens", [True, False])
async def test_every_socket_has_its_parser_and_a_new_one_after_a_loss(tmp_path, has_opens):
    adapter = CountingAdapter()
    with recording(tmp_path) as recorder:
        for socket in ("main-1", "public-2") if has_opens else ():
            recorder.opened(socket, T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        for socket in ("main-1", "public-2", "main-1"):
            recorder.frame(quote_frame(1), T0, socket)
        recorder.mark(MarkKind.DOWN, ["BTC/USDT"], ts_init=T0, text="lost")
        if has_opens:
            recorder.opened("main-1", T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        for socket in ("main-1", "public-2"):
            recorder.frame(quote_frame(2), T0, socket)
    session = Replay(tmp_path, adapter=adapter, exchange="simulated", symbols={"BTCUSDT": "BTC/USDT"})
    assert session.counts["Reply"] == 0
    list(session)
    # The first parser reads images.
    numbers = [number - 2 for number, _ in adapter.used]
    assert numbers == ([0, 1, 0, 2, 1] if has_opens else [0, 1, 0, 2, 3])
    assert session.counts["QuoteTick"] == 5


async def test_parsers_know_the_recorded_listings(tmp_path):
    adapter = CountingAdapter()
    with recording(tmp_path) as recorder:
        recorder.listings([LISTING, replace(LISTING, symbol="ETH/USDT", venue_symbol="ETHUSDT")], T0)
        recorder.frame(quote_frame(1), T0, "main-1")
    list(Replay(tmp_path, adapter=adapter, exchange="simulated", symbols={"BTCUSDT": "BTC/USDT"}))
    symbols, listings = adapter.seen[-1]
    assert symbols == {"BTCUSDT": "BTC/USDT", "ETHUSDT": "ETH/USDT"}
    assert listings["BTC/USDT"] == LISTING
    info = session_info(tmp_path)
    assert (info.exchange, info.adapter, info.symbols) == ("simulated", "binance", symbols)


@pytest.mark.parametrize("speed", [1.0, 4.0])
async def test_the_recorded_pace_is_kept_and_multiplied(tmp_path, speed):
    with recording(tmp_path) as recorder:
        for number in range(5):
            recorder.frame(quote_frame(number), T0 + number * 100_000_000, "main-1")
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    heard, _ = await play(tmp_path, speed=speed)
    assert loop.time() - begin_s >= 0.4 / speed - 0.005
    assert ids(heard) == [0, 1, 2, 3, 4]
    assert [event.ts_init for event in heard.events] == [T0 + number * 100_000_000 for number in range(5)]


async def test_a_cut_file_ends_with_a_note(tmp_path):
    with gzip.open(tmp_path / "whole.gz", "wb") as file:
        file.writelines(b"%d %b\n" % (T0 + number, quote_frame(number)) for number in range(2000))
    cut = tmp_path / "cut.gz"
    cut.write_bytes((tmp_path / "whole.gz").read_bytes()[:-500])
    heard, source = await play(cut)
    assert heard.kinds[0] == "up"
    kind, message = heard.all[-1]
    assert (kind, source.problem) == ("replay_ended", "")
    assert f"cut.gz is cut after frame {source.frames}" in message
    assert ids(heard) == list(range(source.frames))


async def test_a_corrupt_line_is_named_with_its_file(tmp_path):
    path = tmp_path / "bad.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"%d %b\n%d #{oops\n" % (T0, quote_frame(1), T0))
    heard, source = await play(path)
    assert heard.kinds == ["up", "take", "replay_failed"]
    assert f"{path}, line 2" in source.problem


async def test_what_the_recorder_lost_makes_everything_begin_anew(tmp_path):
    path = tmp_path / "lost.gz"
    begin = {"exchange": "simulated", "adapter": "binance", "software": "", "up": ["BTC/USDT"]}
    with gzip.open(path, "wb") as file:
        file.write(mark_line(MarkKind.BEGIN, begin, T0))
        file.write(frame_line(quote_frame(1), T0, b""))
        file.write(mark_line(MarkKind.LOST, 17, T0))
        file.write(frame_line(quote_frame(3), T0, b""))
    heard, _ = await play(path)
    assert heard.kinds == ["up", "take", "replay", "down", "up", "take", "replay_ended"]
    assert heard.all[2] == ("replay", "17 lines of the recording are missing")


async def test_another_run_of_the_recorder_begins_with_everything_down(tmp_path):
    for number in (1, 2):
        with recording(tmp_path) as recorder:
            recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
            recorder.frame(quote_frame(number), T0, "main-1")
    heard, _ = await play(tmp_path)
    assert heard.kinds == ["up", "take", "down", "up", "take", "replay_ended"]


async def test_replay_gives_the_states_that_the_marks_mean(tmp_path):
    with recording(tmp_path) as recorder:
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        recorder.frame(quote_frame(1), T0, "main-1")
        recorder.book_image(IMAGE)
        recorder.history("BTC/USDT", [minute(-2), minute(-1), minute(0, closed=False)], [], T0)
        recorder.mark(MarkKind.DOWN, ["BTC/USDT"], ts_init=T0 + 2, text="connection lost")
    session = Replay(tmp_path, adapter=get_adapter("binance"), exchange="simulated", symbols={"BTCUSDT": "BTC/USDT"})
    events = [event for _, event in session]
    states = [(event.state, event.reason) for event in events if isinstance(event, FeedState)]
    assert states[0][0] == "resyncing"
    assert ("live", "") in states
    assert states[-1] == ("disconnected", "connection lost")
    assert not any(isinstance(event, Bar) for event in events)
    assert len(session.streams["BTC/USDT"].bars.closed_minutes) == 2


@needs_captures
async def test_a_capture_of_others_is_heard_as_replay_hears_it():
    heard, source = await play(BTC_CAPTURE, listings={})
    assert source.frames == 41_249
    assert heard.kinds.count("up") == 1
    assert sum(isinstance(event, BookImage) for event in heard.events) == 1
    assert sum(isinstance(event, QuoteTick) for event in heard.events) == 28_040

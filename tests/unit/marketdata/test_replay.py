"""A recording, through what the live feed uses."""

import gzip
from collections import Counter

import pytest

from marketdata.events import Bar, BookSnapshot, FeedState, QuoteTick, TradeTick
from marketdata.exchanges.catalog import get_adapter
from marketdata.replay import CaptureCut, Frame, MalformedCapture, Replay, read_capture, replay_events
from tests.unit.marketdata.cast import BTC_CAPTURE, SYMBOLS, needs_captures


def replay(**options) -> Replay:
    return Replay(BTC_CAPTURE, adapter=get_adapter("binance"), exchange="binance", symbols=SYMBOLS, **options)


@needs_captures
@pytest.mark.parametrize("clock", ["stream", "system"])
def test_every_frame_is_accounted_for_by_type(clock):
    session = replay(clock=clock)
    told = Counter(type(event) for _, event in session)
    assert session.counts == {
        "frames": 41_249,
        "QuoteTick": 28_040,
        "TradeTick": 9_757,
        "BookDelta": 3_451,
        "BookImage": 1,
    }
    assert (told[QuoteTick], told[TradeTick]) == (28_040, 9_757)
    stream = session.streams["BTC/USDT"]
    assert stream.gaps == 0
    assert stream.counts["book.applied"] + stream.counts["book.buffered"] == 3_452
    assert told[BookSnapshot] == stream.counts["book.applied"]
    assert told[FeedState] == 2
    assert stream.state == "live"


@needs_captures
def test_bars_equal_a_plain_grouping_of_the_prints():
    minutes: dict[int, list[TradeTick]] = {}
    bars = []
    for _, event in replay():
        if isinstance(event, TradeTick):
            minutes.setdefault(event.ts_event // 60_000_000_000, []).append(event)
        elif isinstance(event, Bar) and event.timeframe == "1m":
            bars.append(event)
    # The first minute had begun before the recording, the last one does not end in it.
    assert [bar.ts_open // 60_000_000_000 for bar in bars] == sorted(minutes)[1:-1]
    for bar in bars:
        prices = [tick.price for tick in minutes[bar.ts_open // 60_000_000_000]]
        assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert bar.trades == len(prices)


@needs_captures
def test_twice_the_same():
    assert list(replay()) == list(replay())


@needs_captures
def test_time_never_goes_back():
    moments = [now_ns for now_ns, _ in replay() if now_ns]
    assert moments == sorted(moments)


def write(path, lines: list[bytes]):
    with gzip.open(path, "wb") as file:
        file.writelines(lines)
    return path


QUOTE = b'{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"99","B":"1","a":"101","A":"1"}}'


def test_a_malformed_line_is_named(tmp_path):
    path = write(tmp_path / "bad.gz", [b"1 " + QUOTE + b"\n", b"no stamp here\n"])
    with pytest.raises(MalformedCapture, match="line 2"):
        list(read_capture(path))


def test_what_is_no_gzip_is_named(tmp_path):
    path = tmp_path / "plain.gz"
    path.write_bytes(b"1 {}\n")
    with pytest.raises(MalformedCapture, match="not a gzip file"):
        list(read_capture(path))


def test_a_cut_file_gives_what_is_there_and_then_says_so(tmp_path):
    whole = write(tmp_path / "whole.gz", [b"%d " % number + QUOTE + b"\n" for number in range(1, 2000)])
    cut = tmp_path / "cut.gz"
    cut.write_bytes(whole.read_bytes()[:-200])
    frames: list[Frame] = []
    with pytest.raises(CaptureCut, match="cut after frame") as caught:
        frames.extend(read_capture(cut))
    assert len(frames) == caught.value.frame > 0
    assert all(frame.payload == QUOTE for frame in frames)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        list(read_capture(tmp_path / "nothing.gz"))


def test_a_malformed_frame_is_counted_and_left_out(tmp_path):
    path = write(tmp_path / "frames.gz", [b"1 " + QUOTE + b"\n", b"2 {broken\n", b"3 " + QUOTE + b"\n"])
    session = Replay(path, adapter=get_adapter("binance"), exchange="binance", symbols=SYMBOLS)
    quotes = [event for _, event in session if isinstance(event, QuoteTick)]
    assert (len(quotes), session.counts["malformed"], session.counts["frames"]) == (2, 1, 3)


@needs_captures
def test_without_accounting_it_is_one_function():
    events = replay_events(BTC_CAPTURE, adapter=get_adapter("binance"), exchange="binance", symbols=SYMBOLS)
    assert next(events)[1].state == "resyncing"

"""What is written is what is read: the same values, bit for bit, in the same order, whole or not at all."""

import fcntl
import os
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from marketdata.events import BookSnapshot, FeedState, Ticker
from marketdata.store.compaction import compact_before, compact_day
from marketdata.store.layout import KINDS, NS_PER_DAY, UnknownKind, day_folder, time_of
from marketdata.store.parts import DamagedPart, open_parts, write_part
from marketdata.store.reader import read_bars, read_events
from tests.patience import PATIENCE_S
from tests.unit.marketdata.cast import minute
from tests.unit.marketdata.store.cast import ANY_EVENT, DAY0, SYMBOL, Clock, bits, events_of, quote, storing

END = DAY0 + 3 * NS_PER_DAY
TODAY = date(2024, 8, 8)


def read(root: Path, *kinds: str, start=DAY0, end=END, symbol=SYMBOL) -> list:
    return list(read_events(root, "simulated", symbol, kinds or KINDS, start, end))


def numbers(root: Path, **options) -> list[int]:
    return [event.update_id for event in read(root, "quote", **options)]


def book(number: int, *, at: int, levels: int = 3) -> BookSnapshot:
    return BookSnapshot(
        exchange="simulated", symbol=SYMBOL, bids=tuple((99.0 - n, 1.0) for n in range(levels)),
        asks=tuple((101.0 + n, 1.0) for n in range(levels)), update_id=number, ts_event=at, ts_init=at,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(ANY_EVENT, max_size=12), max_size=4), split=st.data())
def test_what_is_written_is_what_is_read(batches, split):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with storing(root, book_every_ms=100) as store:
            # Every book: sampling is another test's.
            store._is_due = lambda book: True  # type: ignore[method-assign]
            for batch in batches:
                store.append(batch)
                store.flush()
        written = [event for batch in batches for event in batch]
        expected = [bits(event) for event in sorted(written, key=time_of)]
        assert [bits(event) for event in read(root)] == expected
        start, end = sorted((split.draw(st.integers(DAY0, END)), split.draw(st.integers(DAY0, END))))
        within = [bits(event) for event in sorted(written, key=time_of) if start <= time_of(event) < end]
        assert [bits(event) for event in read(root, start=start, end=end)] == within
        compact_before(root, "simulated", SYMBOL, TODAY + timedelta(days=5))
        assert [bits(event) for event in read(root)] == expected
        assert all(len(list(day.glob("part-*"))) == 1 for day in root.glob("*/*/*/*"))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_kind_keeps_every_value(kind, data):
    rows = data.draw(st.lists(events_of(kind), min_size=1, max_size=8))
    with tempfile.TemporaryDirectory() as folder:
        path = write_part(Path(folder), "part-1.parquet", KINDS[kind], list(enumerate(rows)))
        (part,) = open_parts(Path(folder), KINDS[kind])
        with part.file:
            found = [event for _, event in part.read(KINDS[kind])]
        assert [bits(event) for event in found] == [bits(event) for event in sorted(rows, key=time_of)]
        assert path.name == "part-1.parquet"


def test_files_lie_by_exchange_symbol_kind_and_day(tmp_path):
    with storing(tmp_path) as store:
        store.append([quote(1), quote(2, at=DAY0 + NS_PER_DAY), quote(3, symbol="../x/y")])
    folders = sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("part-*.parquet"))
    assert folders == [
        "simulated/%2E%2E-x-y/quote/2024-08-08",
        "simulated/BTC-USDT/quote/2024-08-08",
        "simulated/BTC-USDT/quote/2024-08-09",
    ]
    assert numbers(tmp_path, symbol="../x/y") == [3]


def test_symbols_that_share_a_folder_are_told_apart(tmp_path):
    with storing(tmp_path) as store:
        store.append([quote(1), quote(2, symbol="BTC-USDT"), quote(3)])
    assert numbers(tmp_path) == [1, 3]
    assert numbers(tmp_path, symbol="BTC-USDT") == [2]


def test_what_is_no_kind_of_the_store_is_left_out(tmp_path):
    state = FeedState(
        exchange="simulated", symbol=SYMBOL, state="live", source="websocket", reason="", ts_event=DAY0, ts_init=DAY0
    )
    ticker = Ticker(
        exchange="simulated", symbol=SYMBOL, last=1.0, change=0.0, high=1.0, low=1.0, volume=1.0, quote_volume=1.0,
        ts_event=DAY0, ts_init=DAY0,
    )  # fmt: skip
    with storing(tmp_path) as store:
        store.append([state, ticker, replace(minute(0), exchange="simulated", closed=False)])
    assert read(tmp_path) == []
    with pytest.raises(UnknownKind, match=r"'ticker'.*quote, trade"):
        read(tmp_path, "ticker")


def test_books_are_sampled_and_cut(tmp_path):
    with storing(tmp_path, book_every_ms=200, levels=2) as store:
        store.append([book(number, at=DAY0 + number * 50_000_000) for number in range(12)])
        # The time jumped back: another session.
        store.append([book(99, at=DAY0)])
    books = read(tmp_path, "book")
    assert [item.update_id for item in books] == [0, 99, 4, 8]
    assert all(len(item.bids) == len(item.asks) == 2 for item in books)
    with pytest.raises(ValueError, match="100 ms"), storing(tmp_path, book_every_ms=50):
        pass


def test_rows_are_written_when_there_are_enough_or_enough_time_has_gone_by(tmp_path):
    clock = Clock()
    with storing(tmp_path, clock_ns=clock, flush_rows=10, flush_s=60) as store:
        store.append([quote(number) for number in range(10)])
        wait_for(lambda: len(numbers(tmp_path)) == 10)
        store.append([quote(10)])
        clock.ns += 61_000_000_000
        wait_for(lambda: len(numbers(tmp_path)) == 11)


def wait_for(check) -> None:
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_restart_goes_on_after_what_was_written(tmp_path):
    clock = Clock()
    for turn in range(3):
        with storing(tmp_path, clock_ns=clock) as store:
            store.append([quote(turn * 2), quote(turn * 2 + 1)])
        clock.ns += 1_000_000_000
    assert numbers(tmp_path) == [0, 1, 2, 3, 4, 5]


def test_a_disk_that_refuses_costs_nothing_once_it_is_back(tmp_path):
    (tmp_path / "store").write_text("in the way")
    problems: list[str] = []
    with storing(tmp_path / "store", problems=problems) as store:
        store.append([quote(1)])
        store.flush()
        store.flush()
        store.append([quote(2)])
        (tmp_path / "store").unlink()
        store.flush()
        assert numbers(tmp_path / "store") == [1, 2]
    (problem,) = problems
    assert "1 rows cannot be written into" in problem
    assert "kept for another try" in problem


def test_memory_is_bounded_while_the_disk_refuses(tmp_path):
    (tmp_path / "store").write_text("in the way")
    problems: list[str] = []
    with storing(tmp_path / "store", problems=problems, max_rows=5) as store:
        store.append([quote(number) for number in range(8)])
        store.flush()
        (tmp_path / "store").unlink()
    assert any("3 events were not stored" in problem for problem in problems)
    assert numbers(tmp_path / "store") == [0, 1, 2, 3, 4]


def test_a_value_that_has_no_place_is_named_and_the_others_are_kept(tmp_path):
    problems: list[str] = []
    with storing(tmp_path, problems=problems) as store:
        store.append([quote(1), quote(2**70), quote(3)])
    assert numbers(tmp_path) == [1, 3]
    (problem,) = problems
    assert str(2**70) in problem


def test_a_half_written_file_is_never_seen(tmp_path, monkeypatch):
    problems: list[str] = []
    with storing(tmp_path, problems=problems) as store:
        store.append([quote(1)])
        store.flush()

        def cut_off(self, target):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", cut_off)
            store.append([quote(2)])
            store.flush()
        assert numbers(tmp_path) == [1]
        assert not [name for _, _, names in os.walk(tmp_path) for name in names if not name.startswith("part-")]
    assert numbers(tmp_path) == [1, 2]
    assert "No space left" in problems[0]


def test_a_damaged_file_is_named(tmp_path):
    with storing(tmp_path) as store:
        store.append([quote(1)])
    (path,) = tmp_path.rglob("part-*.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedPart, match=path.name):
        read(tmp_path)


def test_a_killed_compaction_shows_every_row_once_and_is_repeated(tmp_path, monkeypatch):
    with storing(tmp_path) as store:
        for number in range(4):
            store.append([quote(number)])
            store.flush()
    folder = day_folder(tmp_path, "simulated", SYMBOL, "quote", TODAY)

    class Killed(BaseException):
        pass

    def killed(self, missing_ok=False):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(Killed):
            compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY)
    assert len(list(folder.glob("part-*"))) == 5
    assert numbers(tmp_path) == [0, 1, 2, 3]
    assert compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY) == 0
    assert len(list(folder.glob("part-*"))) == 1
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_who_reads_while_a_day_is_compacted_gets_everything(tmp_path):
    with storing(tmp_path) as store:
        for number in range(4):
            store.append([quote(number)])
            store.flush()
    reading = read_events(tmp_path, "simulated", SYMBOL, ["quote"], DAY0, END)
    assert next(reading).update_id == 0
    assert compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY) == 4
    assert [event.update_id for event in reading] == [1, 2, 3]


def test_today_is_not_compacted(tmp_path):
    with storing(tmp_path) as store:
        for day in (0, 1):
            for number in range(2):
                store.append([quote(number, at=DAY0 + day * NS_PER_DAY)])
                store.flush()
    assert compact_before(tmp_path, "simulated", SYMBOL, TODAY + timedelta(days=1)) == 2
    counts = [len(list(folder.glob("part-*"))) for folder in sorted(tmp_path.glob("*/*/quote/*"))]
    assert counts == [1, 2]


def test_the_store_compacts_the_days_that_are_over_by_itself(tmp_path):
    clock = Clock()
    with storing(tmp_path, clock_ns=clock) as store:
        for number in range(3):
            store.append([quote(number)])
            store.flush()
    clock.ns += NS_PER_DAY
    folder = day_folder(tmp_path, "simulated", SYMBOL, "quote", TODAY)
    assert len(list(folder.glob("part-*"))) == 3
    with storing(tmp_path, clock_ns=clock, flush_rows=1) as store:
        store.append([quote(3, at=clock.ns)])
        wait_for(lambda: len(list(folder.glob("part-*"))) == 1)
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_of_two_compactions_at_a_time_one_does_nothing(tmp_path):
    with storing(tmp_path) as store:
        for number in range(3):
            store.append([quote(number)])
            store.flush()
    folder = day_folder(tmp_path, "simulated", SYMBOL, "quote", TODAY)
    with (folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY) == 0
    assert compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY) == 3
    assert compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY) == 0
    assert compact_day(tmp_path, "simulated", SYMBOL, "quote", TODAY + timedelta(days=9)) == 0
    assert numbers(tmp_path) == [0, 1, 2]


def test_bars_are_read_by_their_opening_each_as_it_was_written_last(tmp_path):
    bars = [replace(minute(number), exchange="simulated") for number in range(1435, 1445)]
    with storing(tmp_path) as store:
        store.append([*bars, replace(bars[3], close=100.5), replace(bars[0], timeframe="5m")])
    first, last = bars[0].ts_open, bars[-1].ts_open
    found = read_bars(tmp_path, "simulated", SYMBOL, "1m", first, last)
    assert found == [*bars[:3], replace(bars[3], close=100.5), *bars[4:9]]

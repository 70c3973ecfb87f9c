"""What is recorded is what is read; what a dead process, a full disk or another process leaves is told."""

import gzip
import hashlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.exchanges.adapter import BookImage
from marketdata.recording.lines import Frame, Mark, MarkKind, frame_line, read_line, socket_name
from marketdata.recording.manifest import load_manifest
from marketdata.recording.reading import CaptureCut, read_capture, read_records, read_session
from tests.patience import PATIENCE_S
from tests.unit.marketdata.cast import ROOT
from tests.unit.marketdata.recording.cast import LISTING, T0, Clock, quote_frame, recording


def wait_until(check, *, seconds: float = PATIENCE_S):
    """Poll for what a thread does."""
    end = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < end
        time.sleep(0.005)
    return result


def only_file(folder: Path) -> Path:
    (file,) = folder.glob("*.gz")
    return file


def frames_in(folder: Path) -> list[Frame]:
    return [record for record in read_session(folder) if isinstance(record, Frame)]


@given(payload=st.binary(max_size=200), ts_init=st.integers(0, 2**63), socket=st.text(max_size=12))
def test_any_frame_of_any_socket_survives_its_line(payload, ts_init, socket):
    line = frame_line(payload, ts_init, socket_name(socket))
    assert line.count(b"\n") == 1
    stamp, _, rest = line.rstrip(b"\r\n").partition(b" ")
    assert read_line(rest, ts_init=int(stamp), number=1, main_socket="main") == Frame(
        number=1, ts_init=ts_init, payload=payload, socket=socket
    )
    _, _, rest = frame_line(payload, ts_init, b"").rstrip(b"\r\n").partition(b" ")
    assert read_line(rest, ts_init=ts_init, number=1, main_socket="main").payload == payload


def test_everything_is_read_in_order(tmp_path):
    image = BookImage(
        exchange="simulated", symbol="BTC/USDT", bids=((99.1, 0.1),), asks=(), update_id=5, ts_init=T0 + 4
    )
    with recording(tmp_path) as recorder:
        recorder.listings([LISTING], T0)
        recorder.opened("main-1", T0 + 1)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0 + 2, socket="main-1")
        recorder.frame(quote_frame(1), T0 + 3, "main-1")
        recorder.book_image(image)
        recorder.frame(b"\x1f\x8b\n\x00", T0 + 6, "public-2")
        recorder.mark(MarkKind.DOWN, ["BTC/USDT"], ts_init=T0 + 7, text="connection lost: } no")
    records = list(read_records(only_file(tmp_path)))
    kinds = [record.kind.value if isinstance(record, Mark) else "frame" for record in records]
    assert kinds == ["begin", "listings", "open", "up", "main", "frame", "book", "frame", "down"]
    assert records[5] == Frame(number=1, ts_init=T0 + 3, payload=quote_frame(1), socket="main-1")
    assert records[7] == Frame(number=2, ts_init=T0 + 6, payload=b"\x1f\x8b\n\x00", socket="public-2")
    assert (records[8].symbols, records[8].text) == (("BTC/USDT",), "connection lost: } no")
    assert [record.ts_init for record in records] == sorted(record.ts_init for record in records)


def test_lines_of_the_main_socket_are_those_of_plain_captures(tmp_path):
    with recording(tmp_path) as recorder:
        recorder.frame(quote_frame(1), T0, "main-1")
    lines = gzip.decompress(only_file(tmp_path).read_bytes()).splitlines()
    assert lines[-1] == b"%d %b" % (T0, quote_frame(1))
    assert [frame.payload for frame in read_capture(only_file(tmp_path))] == [quote_frame(1)]


def test_the_manifest_lists_files_with_their_digests(tmp_path):
    with recording(tmp_path) as recorder:
        recorder.mark(MarkKind.UP, ["ETH/USDT", "BTC/USDT"], ts_init=T0)
        for number in range(1000):
            recorder.frame(quote_frame(number), T0 + number, "main-1")
    manifest = load_manifest(tmp_path)
    (file,) = manifest.files
    data = only_file(tmp_path).read_bytes()
    assert (file.name, file.bytes, file.sha256) == (
        only_file(tmp_path).name, len(data), hashlib.sha256(data).hexdigest()
    )  # fmt: skip
    assert (file.frames, file.start_ns, file.end_ns, file.closed, file.cut) == (1000, T0, T0 + 999, True, False)
    assert (manifest.exchange, manifest.adapter, manifest.symbols) == ("simulated", "binance", ["BTC/USDT", "ETH/USDT"])
    assert (manifest.frames, manifest.bytes, manifest.lost, manifest.cut) == (1000, len(data), 0, False)
    assert manifest.software.startswith("tradingsite ")


@pytest.mark.parametrize("option", [{"rotate_bytes": 2_000}, {"rotate_s": 60.0}])
def test_files_are_rotated_by_size_and_time_and_go_on_from_each_other(tmp_path, option):
    clock = Clock()
    with recording(tmp_path, clock_ns=clock, **option) as recorder:
        recorder.listings([LISTING], T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        for turn in range(4):
            for number in range(100):
                # Random digits, so that the size grows whatever compression does.
                recorder.frame(
                    quote_frame(turn * 100 + number, bid=float(os.urandom(3)[0])) + os.urandom(20).hex().encode(),
                    clock.ns,
                    "main-1",
                )
            wait_until(lambda turn=turn: (found := load_manifest(tmp_path)) and found.frames == (turn + 1) * 100)
            clock.ns += 61_000_000_000
    manifest = load_manifest(tmp_path)
    assert len(manifest.files) == 4
    assert all(file.closed and not file.cut and file.sha256 for file in manifest.files)
    begins = [record for record in read_session(tmp_path) if isinstance(record, Mark) and record.kind is MarkKind.BEGIN]
    assert [mark.about.get("follows", "") for mark in begins] == ["", *(file.name for file in manifest.files[:-1])]
    assert [mark.about.get("up") for mark in begins] == [None, *[["BTC/USDT"]] * 3]
    listed = [
        record for record in read_session(tmp_path) if isinstance(record, Mark) and record.kind is MarkKind.LISTINGS
    ]
    assert len(listed) == 4
    assert len(frames_in(tmp_path)) == 400


_CHILD = """
import sys, time
from pathlib import Path
from marketdata.recording.recorder import FrameRecorder

recorder = FrameRecorder(
    Path(sys.argv[1]), exchange="simulated", adapter_name="binance", clock_ns=time.time_ns, on_problem=print
)
number = 0
while True:
    number += 1
    recorder.frame(b'{"number":%d}' % number, time.time_ns(), "main-1")
    print(number, time.monotonic(), flush=True)
    time.sleep(0.001)
"""


@pytest.mark.punctual
def test_sigkill_loses_at_most_the_last_second_and_the_next_recorder_repairs_the_manifest(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_CHILD), str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    times: dict[int, float] = {}
    for line in child.stdout:
        number, moment = line.split()
        times[int(number)] = float(moment)
        if float(moment) - times[1] > 2.5:
            break
    child.send_signal(signal.SIGKILL)
    killed_s = time.monotonic()
    child.wait(timeout=PATIENCE_S)
    child.stdout.close()
    frames: list[Frame] = []
    with pytest.raises(CaptureCut):
        frames.extend(read_capture(only_file(tmp_path)))
    assert [frame.payload for frame in frames] == [b'{"number":%d}' % (n + 1) for n in range(len(frames))]
    # A second, and what a busy machine takes to write it.
    assert killed_s - times[len(frames)] < 1.5
    assert not load_manifest(tmp_path).files[0].closed
    with recording(tmp_path, clock_ns=time.time_ns) as recorder:
        recorder.frame(b"{}", time.time_ns(), "main-1")
    dead, ours = load_manifest(tmp_path).files
    assert (dead.frames, dead.closed, dead.cut) == (len(frames), True, True)
    assert (dead.start_ns, dead.end_ns) == (dead.start_ns, frames[-1].ts_init)
    assert (ours.frames, ours.cut) == (1, False)
    assert load_manifest(tmp_path).cut
    # The folder reads through the cut, and says where it is.
    records = list(read_session(tmp_path))
    notes = [record for record in records if isinstance(record, Mark) and record.kind is MarkKind.NOTE]
    assert len(notes) == 1
    assert "is cut after frame" in str(notes[0].about)
    assert sum(isinstance(record, Frame) for record in records) == len(frames) + 1


def test_a_folder_that_cannot_be_written_is_told_once_and_counted(tmp_path):
    (tmp_path / "file").write_text("in the way")
    problems: list[str] = []
    with recording(tmp_path / "file" / "folder", problems=problems) as recorder:
        for number in range(3):
            recorder.frame(quote_frame(number), T0, "main-1")
            wait_until(lambda: not recorder._noted)
    (problem,) = problems
    assert "Recording into" in problem
    assert "Not a directory" in problem or "File exists" in problem
    assert "The feed goes on" in problem


def test_a_full_disk_is_told_once_and_recording_goes_on_when_there_is_room(tmp_path):
    """A limit on the size of files stands for the disk: a write beyond it is short, the next one an error."""
    problems: list[str] = []
    clock = Clock()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with recording(tmp_path, problems=problems, clock_ns=clock) as recorder:
            recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
            recorder.frame(quote_frame(1), T0, "main-1")
            wait_until(lambda: (found := load_manifest(tmp_path)) and found.frames == 1)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))
            recorder.frame(os.urandom(30_000).hex().encode(), T0 + 1, "main-1")
            wait_until(lambda: problems)
            recorder.frame(quote_frame(2), T0 + 2, "main-1")
            wait_until(lambda: not recorder._noted)
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            clock.ns += 11_000_000_000
            recorder.frame(quote_frame(3), T0 + 3, "main-1")
            wait_until(lambda: len(problems) == 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "File too large" in problems[0]
    assert "Recording goes on" in problems[1]
    assert "2 lines are missing" in problems[1]
    manifest = load_manifest(tmp_path)
    assert [(file.frames, file.cut) for file in manifest.files] == [(1, True), (1, False)]
    assert manifest.lost == 2
    first, second = (tmp_path / file.name for file in manifest.files)
    assert manifest.files[0].sha256 == hashlib.sha256(first.read_bytes()).hexdigest()
    lost = [
        record.about for record in read_records(second) if isinstance(record, Mark) and record.kind is MarkKind.LOST
    ]
    assert lost == [2]
    assert [frame.payload for frame in frames_in(tmp_path)] == [quote_frame(1), quote_frame(3)]


def test_a_broken_manifest_is_made_anew_from_the_files(tmp_path):
    with recording(tmp_path) as recorder:
        recorder.frame(quote_frame(1), T0, "main-1")
    before = load_manifest(tmp_path).files[0]
    (tmp_path / "manifest.json").write_bytes(b'{"exchange":"\xff')
    with recording(tmp_path) as recorder:
        recorder.frame(quote_frame(2), T0, "main-1")
    after = load_manifest(tmp_path).files
    assert (after[0], len(after)) == (before, 2)


def test_two_recorders_do_not_share_a_folder(tmp_path):
    problems: list[str] = []
    with recording(tmp_path) as first, recording(tmp_path, problems=problems) as second:
        first.frame(quote_frame(1), T0, "main-1")
        wait_until(lambda: load_manifest(tmp_path))
        second.frame(quote_frame(2), T0, "main-1")
        wait_until(lambda: problems)
    assert "another process records into this folder" in problems[0]
    assert [frame.payload for frame in frames_in(tmp_path)] == [quote_frame(1)]


def test_frames_noted_while_the_thread_writes_are_neither_lost_nor_twice(tmp_path):
    with recording(tmp_path, flush_s=0.001) as recorder:
        done = threading.Event()

        def note() -> None:
            for number in range(50_000):
                recorder.frame(b'{"number":%d}' % number, T0 + number, "main-1")
            done.set()

        threading.Thread(target=note).start()
        assert done.wait(30)
    assert [frame.payload for frame in frames_in(tmp_path)] == [b'{"number":%d}' % n for n in range(50_000)]

"""A disk that does not keep up costs lines, which are counted, and not the memory of the feed."""

import threading

from marketdata.recording import recorder as module
from marketdata.recording.capture_file import CaptureFile
from marketdata.recording.lines import Frame, Mark, MarkKind
from marketdata.recording.manifest import load_manifest
from marketdata.recording.reading import read_session
from tests.unit.marketdata.recording.cast import T0, quote_frame, recording


def test_lines_beyond_the_bound_are_counted_as_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_WAITING", 10_000)
    monkeypatch.setattr(module, "_WAKE_AT", 5_000)
    go_on, stuck = threading.Event(), threading.Event()
    flush = CaptureFile.flush

    def slow_disk(file: CaptureFile) -> None:
        stuck.set()
        assert go_on.wait(30)
        flush(file)

    monkeypatch.setattr(CaptureFile, "flush", slow_disk)
    with recording(tmp_path) as recorder:
        recorder.frame(quote_frame(0), T0, "main-1")
        assert stuck.wait(30)
        for number in range(1, 1001):
            recorder.frame(quote_frame(number), T0 + number, "main-1")
        go_on.set()
    records = list(read_session(tmp_path))
    kept = sum(isinstance(record, Frame) for record in records)
    lost = [record.about for record in records if isinstance(record, Mark) and record.kind is MarkKind.LOST]
    assert 50 < kept < 200
    assert lost == [1001 - kept]
    assert load_manifest(tmp_path).lost == 1001 - kept

import gzip
from pathlib import Path

import pytest

from marketdata.simulator.capture import CaptureError, read_capture
from marketdata.simulator.replay_book import ReplayBook

TRADE = b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"t":1,"p":"10.00000000","q":"1.00000000","T":1723161255342,"m":true}}'
SNAPSHOT = b'{"lastUpdateId":7,"bids":[["9.00000000","1.00000000"]],"asks":[["10.00000000","2.00000000"]]}'
LINES = b"".join(b"%d %s\n" % (1723161253937085768 + n, SNAPSHOT if n == 1 else TRADE) for n in range(200))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_whole_capture_is_read(tmp_path: Path) -> None:
    capture = read_capture(written(tmp_path / "c.gz", gzip.compress(LINES)))
    assert (len(capture.frames), capture.cut_at_frame, capture.streams) == (199, None, {"btcusdt@trade"})
    assert capture.frames[0].wrapped == TRADE
    assert capture.snapshot is not None
    assert capture.snapshot.last_update_id == 7


def test_a_cut_file_gives_what_is_there(tmp_path: Path) -> None:
    zipped = gzip.compress(LINES, compresslevel=0)
    capture = read_capture(written(tmp_path / "c.gz", zipped[: len(zipped) // 2]))
    assert 50 < len(capture.frames) < 150
    assert capture.cut_at_frame == len(capture.frames)
    plain = read_capture(written(tmp_path / "c", LINES[:-40]))
    assert plain.cut_at_frame == len(plain.frames) == 198
    assert read_capture(written(tmp_path / "d", LINES[:-1])).cut_at_frame is None


@pytest.mark.parametrize("line", [b"no number", b'5 {"stream":', b'5 {"a":1}', b"5 [1]"])
def test_a_malformed_line_is_named(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(CaptureError, match=r"line 201: expected .* (repair|fetch)"):
        read_capture(written(tmp_path / "c.gz", gzip.compress(LINES + line + b"\n" + LINES)))


def test_a_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot read"):
        read_capture(tmp_path / "nothing.gz")
    with pytest.raises(CaptureError, match="no stream frame"):
        read_capture(written(tmp_path / "empty.gz", gzip.compress(b"")))


def test_diffs_older_than_the_snapshot_are_left_out(tmp_path: Path) -> None:
    book = ReplayBook()
    book.reset(read_capture(written(tmp_path / "c.gz", gzip.compress(LINES))).snapshot)
    assert not book.apply(7, [("9.00000000", "0.00000000")], [])
    assert book.apply(8, [("9.50000000", "3.00000000")], [("10.00000000", "0.00000000")])
    assert book.bids(5) == [(950_000_000, 300_000_000), (900_000_000, 100_000_000)]
    assert (book.asks(5), book.update_id) == ([], 8)

"""Whatever happens to a recording, reading it ends in steps or a named error."""

import gzip
import random

import pytest

from marketdata.exchanges.catalog import get_adapter
from marketdata.recording.lines import MarkKind
from marketdata.recording.playback import Playback
from marketdata.recording.reading import CaptureCut, MalformedCapture
from tests.unit.marketdata.cast import minute, trade
from tests.unit.marketdata.mutations import mutations
from tests.unit.marketdata.recording.cast import IMAGE, LISTING, T0, quote_frame, recording


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    with recording(folder) as recorder:
        recorder.listings([LISTING], T0)
        recorder.opened("main-1", T0)
        recorder.mark(MarkKind.UP, ["BTC/USDT"], ts_init=T0)
        recorder.frame(quote_frame(1), T0, "main-1")
        recorder.frame(quote_frame(2), T0, "public-2")
        recorder.frame(b"\n", T0, "public-2")
        recorder.book_image(IMAGE)
        recorder.history("BTC/USDT", [minute(0)], [trade(100.0, at=T0)], T0)
        recorder.mark(MarkKind.HANDOVER, ["BTC/USDT"], ts_init=T0, socket="public-2")
        recorder.mark(MarkKind.DOWN, ["BTC/USDT"], ts_init=T0, text="lost")
    (file,) = folder.glob("*.gz")
    return file.read_bytes()


def play(path) -> int:
    playback = Playback(
        path, adapter=get_adapter("binance"), exchange="simulated", symbols={"BTCUSDT": "BTC/USDT"}, listings={}
    )
    steps = 0
    try:
        for _ in playback:
            steps += 1
    except (MalformedCapture, CaptureCut) as error:
        named = path.name in str(error)
        return steps if named else -1_000_000
    return steps


def test_damaged_lines(whole, tmp_path):
    lines = gzip.decompress(whole).splitlines(keepends=True)
    path = tmp_path / "damaged.gz"
    rng = random.Random(7)
    steps = []
    for damaged in mutations(lines, 3_000, 11):
        place = rng.randrange(len(lines))
        path.write_bytes(gzip.compress(b"".join([*lines[:place], damaged, *lines[place:]]), 1))
        steps.append(play(path))
    assert max(steps) >= 7
    assert 0 <= min(steps) < 3


def test_damaged_bytes(whole, tmp_path):
    path = tmp_path / "damaged.gz"
    steps = []
    for damaged in mutations([whole], 3_000, 13):
        path.write_bytes(damaged)
        steps.append(play(path))
    assert max(steps) >= 7
    assert min(steps) >= 0

"""What it costs to record a frame, on the feed's thread and altogether, and to replay it."""

import asyncio
import tempfile
import time
import zlib
from pathlib import Path

from marketdata.exchanges.catalog import get_adapter
from marketdata.feed.source import Hearer
from marketdata.recording.recorder import FrameRecorder
from marketdata.recording.source import ReplaySource
from marketdata.replay import read_capture
from tests.benchmarks.feed import CAPTURE, SYMBOLS
from tests.benchmarks.rows import Row, best_seconds

_FRAMES_PER_FLUSH = 1_000


def run() -> dict[str, Row]:
    frames = [frame.payload for frame in read_capture(CAPTURE)]
    return {**recording(frames), **replaying(frames)}


def recording(frames: list[bytes]) -> dict[str, Row]:
    """`record_frame`: what the feed's thread pays, against a list's append.

    `record_frame_cpu`: all threads together, against compressing the same lines in blocks of the same size.
    """
    to_us = 1e6 / len(frames)

    def noted() -> float:
        with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
            recorder = _recorder(Path(folder), flush_s=60)
            begin = time.perf_counter()
            for frame in frames:
                recorder.frame(frame, 1, "main-1")
            seconds = time.perf_counter() - begin
            recorder.close()
        return seconds

    def appended() -> None:
        kept: list[tuple[bytes, int, str]] = []
        for frame in frames:
            kept.append((frame, 1, "main-1"))

    def written() -> None:
        with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
            recorder = _recorder(Path(folder), flush_s=60)
            for frame in frames:
                recorder.frame(frame, 1, "main-1")
            recorder.close()

    def compressed() -> None:
        compressor = zlib.compressobj(4, zlib.DEFLATED, 31)
        for begin in range(0, len(frames), _FRAMES_PER_FLUSH):
            block = b"\n".join(frames[begin : begin + _FRAMES_PER_FLUSH])
            compressor.compress(block)
            compressor.flush(zlib.Z_SYNC_FLUSH)

    return {
        "feed.record_frame": Row(
            value=min(noted() for _ in range(5)) * to_us, unit="us", floor=best_seconds(appended) * to_us, budget=2
        ),
        "feed.record_frame_cpu": Row(
            value=best_seconds(written) * to_us,
            unit="us",
            floor=best_seconds(compressed) * to_us,
            budget=2.5,
            budget_is_ratio=True,
        ),
    }


def replaying(frames: list[bytes]) -> dict[str, Row]:
    """A whole recording from the file to the hearer, against its parser alone."""
    to_us = 1e6 / len(frames)

    def ours() -> None:
        asyncio.run(_replay())

    def floor() -> None:
        parse = get_adapter("binance").parser(exchange="binance", symbols=SYMBOLS, listings={}).parse
        for frame in frames:
            if not frame.startswith(b'{"lastUpdateId"'):
                parse(frame, ts_init=1)

    return {
        "feed.replay": Row(value=best_seconds(ours) * to_us, unit="us", floor=best_seconds(floor) * to_us, budget=15)
    }


async def _replay() -> None:
    async def pace() -> None:
        return

    def nothing(*_: object) -> None:
        return

    hearer = Hearer(
        take=nothing, malformed=nothing, frame=nothing, up=nothing, down=nothing, handover=nothing, refused=nothing,
        not_allowed=nothing, note=nothing, fail=nothing, pace=pace,
    )  # fmt: skip
    source = ReplaySource(
        CAPTURE,
        adapter=get_adapter("binance"),
        exchange="binance",
        symbols=SYMBOLS,
        listings={},
        hearer=hearer,
        speed=0,
    )
    source.add("BTC/USDT", "BTCUSDT")
    await source.ended.wait()
    await source.close()


def _recorder(folder: Path, *, flush_s: float) -> FrameRecorder:
    return FrameRecorder(
        folder, exchange="binance", adapter_name="binance", clock_ns=time.time_ns, on_problem=print, flush_s=flush_s
    )

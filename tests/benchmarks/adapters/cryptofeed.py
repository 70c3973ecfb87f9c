"""Our parser and book beside cryptofeed's handler, on the same recorded frames.

cryptofeed lives in a virtual environment of its own below .local, because it pins other versions of what we use. Where
it cannot be installed there is no row.
"""

import json
import subprocess
import sys
from pathlib import Path

from marketdata.clock import venue_clock
from marketdata.exchanges.binance.venue import BinanceAdapter
from marketdata.recording.reading import read_capture
from marketdata.stream import SymbolStream
from tests.benchmarks.recorded_venue import CAPTURE
from tests.benchmarks.rows import Row, best_seconds

PINNED = "cryptofeed==2.4.1"
ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = ROOT / ".local" / "cryptofeed"
FRAMES = 20_000


def run() -> dict[str, Row]:
    try:
        peer_us = cryptofeed_us()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"no row of cryptofeed, it could not be installed or run: {error}", file=sys.stderr)
        return {}
    return {
        "feed.frame_to_book_beside_cryptofeed": Row(
            value=ours_us(), unit="us", floor=peer_us, budget=1, budget_is_ratio=True
        )
    }


def cryptofeed_us() -> float:
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "bin" / ".installed").exists():
        uv = ROOT / ".venv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--clear", ENVIRONMENT], check=True, timeout=120)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, PINNED], check=True, timeout=600)
        (ENVIRONMENT / "bin" / ".installed").touch()
    worker = Path(__file__).resolve().parents[1] / "cryptofeed_worker.py"
    done = subprocess.run(
        [python, worker, CAPTURE, str(FRAMES)], check=True, capture_output=True, text=True, timeout=300
    )
    return float(json.loads(done.stdout.splitlines()[-1])["us_per_frame"])


def ours_us() -> float:
    """From the frame to a checked quote or book, with all that the stream does beside it."""
    recorded = [frame for frame in read_capture(CAPTURE) if b"@trade" not in frame.payload[:40]]
    image = next(frame for frame in recorded if frame.payload.startswith(b'{"lastUpdateId"'))
    frames = [frame for frame in recorded if frame is not image][:FRAMES]
    adapter = BinanceAdapter()

    def ours() -> None:
        parser = adapter.parser(exchange="binance", symbols={"BTCUSDT": "BTC/USDT"}, listings={})
        stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=venue_clock("stream"))
        stream.connected(frames[0].ts_init)
        stream.receive(parser.parse_image(image.payload, symbol="BTC/USDT", ts_init=image.ts_init))
        for frame in frames:
            for event in parser.parse(frame.payload, ts_init=frame.ts_init):
                stream.receive(event)

    return best_seconds(ours) / len(frames) * 1e6

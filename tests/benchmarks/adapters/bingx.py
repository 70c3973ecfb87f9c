"""BingX swaps: frames to events, beside decompression and msgspec decoding each into its own type."""

import gzip
import json
import zlib

import msgspec

from marketdata.exchanges.bingx.messages import BingxParser
from marketdata.exchanges.bingx.payloads import BookTickerFrame, DayFrame, DepthFrame, TradeFrame
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.cast import CAPTURES
from tests.unit.marketdata.exchanges.bingx_frames import BOOK_TICKER, SYMBOLS

_KINDS = {b"@trade": TradeFrame, b"@ticker": DayFrame, b"@bookTicker": BookTickerFrame, b"@depth": DepthFrame}
_LEVELS = 50
_REPEAT = 300


def run() -> dict[str, Row]:
    recorded = (CAPTURES / "bingx_swap.jsonl").read_bytes().splitlines()
    texts = [*[frame for frame in recorded if any(kind in frame for kind in _KINDS)], BOOK_TICKER, _depth()] * _REPEAT
    kinds = [next(kind for name, kind in _KINDS.items() if name in text) for text in texts]
    frames = [gzip.compress(text) for text in texts]
    pairs = [
        (msgspec.json.Decoder(kind, strict=False).decode, frame) for kind, frame in zip(kinds, frames, strict=True)
    ]
    parse = BingxParser(exchange="bingx", symbols=SYMBOLS).parse

    def ours() -> None:
        for frame in frames:
            parse(frame, ts_init=1)

    def floor() -> None:
        for decode, frame in pairs:
            decode(zlib.decompress(frame, 31))

    to_us = 1e6 / len(frames)
    return {
        "feed.bingx.frame_to_event": Row(
            value=best_seconds(ours) * to_us,
            unit="us",
            floor=best_seconds(floor) * to_us,
            budget=2,
            budget_is_ratio=True,
        )
    }


def _depth() -> bytes:
    bids = [[f"{63_900 - number * 0.1:.1f}", f"{number * 0.37 % 9:.4f}"] for number in range(_LEVELS)]
    asks = [[f"{63_900 + number * 0.1:.1f}", f"{number * 0.53 % 9:.4f}"] for number in range(_LEVELS, 0, -1)]
    frame = {
        "code": 0,
        "dataType": "BTC-USDT@depth50@200ms",
        "ts": 1_786_540_993_897,
        "data": {"bids": bids, "asks": asks},
    }
    return json.dumps(frame, separators=(",", ":")).encode()

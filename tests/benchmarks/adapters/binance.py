"""Binance spot: frames to events, beside msgspec decoding each into its own type and nothing else."""

import msgspec

from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.exchanges.binance.payloads import BookTicker, Depth, Trade
from marketdata.replay import read_capture
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.cast import BTC_CAPTURE

FRAMES = 20_000


def run() -> dict[str, Row]:
    frames = [frame.payload for frame in read_capture(BTC_CAPTURE) if b"@" in frame.payload[:40]][:FRAMES]
    decoders = {
        kind: msgspec.json.Decoder(
            msgspec.defstruct(f"{payload.__name__}Floor", [("data", payload)]), strict=False
        ).decode
        for kind, payload in ((b"tr", Trade), (b"bo", BookTicker), (b"de", Depth))
    }
    pairs = [(decoders[frame[(at := frame.find(b"@") + 1) : at + 2]], frame) for frame in frames]
    parse = BinanceParser(exchange="binance", symbols={"BTCUSDT": "BTC/USDT"}).parse

    def ours() -> None:
        for frame in frames:
            parse(frame, ts_init=1)

    def floor() -> None:
        for decode, frame in pairs:
            decode(frame)

    to_us = 1e6 / len(frames)
    return {
        "feed.binance.frame_to_event": Row(
            value=best_seconds(ours) * to_us,
            unit="us",
            floor=best_seconds(floor) * to_us,
            budget=2,
            budget_is_ratio=True,
        )
    }

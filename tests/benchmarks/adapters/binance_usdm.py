"""Binance USD-M futures: frames to events beside the bare typed decode, and a book kept from them."""

import msgspec

from marketdata.book import OrderBook
from marketdata.events import BookDelta
from marketdata.exchanges.binance_usdm.messages import BinanceUsdmParser
from marketdata.exchanges.binance_usdm.payloads import BookTicker, Depth, Trade
from marketdata.replay import read_capture
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.cast import CAPTURES

FRAMES = 20_000
LEVELS = 36
SYMBOLS = {"BTCUSDT": "BTC/USDT:USDT"}


def run() -> dict[str, Row]:
    frames = [frame.payload for frame in read_capture(CAPTURES / "binance_usdm_btcusdt_20240808.gz")]
    return {**decoding([frame for frame in frames if b"@" in frame[:40]][:FRAMES]), **book(frames)}


def decoding(frames: list[bytes]) -> dict[str, Row]:
    decoders = {
        kind: msgspec.json.Decoder(
            msgspec.defstruct(f"{payload.__name__}Floor", [("data", payload)]), strict=False
        ).decode
        for kind, payload in ((b"tr", Trade), (b"bo", BookTicker), (b"de", Depth))
    }
    pairs = [(decoders[frame[(at := frame.find(b"@") + 1) : at + 2]], frame) for frame in frames]
    parse = BinanceUsdmParser(exchange="binance-usdm", symbols=SYMBOLS, listings={}).parse

    def ours() -> None:
        for frame in frames:
            parse(frame, ts_init=1)

    def floor() -> None:
        for decode, frame in pairs:
            decode(frame)

    to_us = 1e6 / len(frames)
    return {
        "feed.binance_usdm.frame_to_event": Row(
            value=best_seconds(ours) * to_us,
            unit="us",
            floor=best_seconds(floor) * to_us,
            budget=2,
            budget_is_ratio=True,
        )
    }


def book(frames: list[bytes]) -> dict[str, Row]:
    """Deltas scaled to 36 levels, applied to a valid book; the floor only puts their levels into dictionaries."""
    parser = BinanceUsdmParser(exchange="binance-usdm", symbols=SYMBOLS, listings={})
    image = next(frame for frame in frames if frame.startswith(b'{"lastUpdateId"'))
    start = parser.parse_image(image, symbol="BTC/USDT:USDT", ts_init=1)
    events = [parser.parse(frame, ts_init=1)[0] for frame in frames if b"@depth" in frame[:40]]
    deltas = [event for event in events if isinstance(event, BookDelta) and event.last_update_id > start.update_id]

    def ours() -> None:
        book = OrderBook()
        book.apply_image(start)
        for delta in deltas:
            book.apply_delta(delta)

    def floor() -> None:
        bids, asks = dict(start.bids), dict(start.asks)
        for delta in deltas:
            bids.update(delta.bids)
            asks.update(delta.asks)

    scale = LEVELS * 1e6 / sum(len(delta.bids) + len(delta.asks) for delta in deltas)
    return {
        "feed.binance_usdm.book_delta": Row(
            value=best_seconds(ours) * scale, unit="us", floor=best_seconds(floor) * scale, budget=15
        )
    }

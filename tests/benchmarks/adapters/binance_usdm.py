"""Binance USD-M futures: frames to events beside the bare typed decode, and a book kept from them."""

import msgspec

from marketdata.book import OrderBook
from marketdata.events import BookDelta
from marketdata.exchanges.binance_common.frames import envelope_decoder
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
    """Deltas scaled to 36 levels, applied to a valid book, without and with the parsing of their frames.

    The floor of the book puts the levels into dictionaries and keeps no order; that of the whole decodes them before.
    """
    parser = BinanceUsdmParser(exchange="binance-usdm", symbols=SYMBOLS, listings={})
    parse = parser.parse
    image = next(frame for frame in frames if frame.startswith(b'{"lastUpdateId"'))
    start = parser.parse_image(image, symbol="BTC/USDT:USDT", ts_init=1)
    fresh: list[tuple[bytes, BookDelta]] = []
    for frame in frames:
        if b"@depth" in frame[:40]:
            (delta,) = parse(frame, ts_init=1)
            assert isinstance(delta, BookDelta)
            if delta.last_update_id > start.update_id:
                fresh.append((frame, delta))
    decode = envelope_decoder(Depth)

    def started() -> OrderBook:
        book = OrderBook()
        book.apply_image(start)
        return book

    def apply() -> None:
        book = started()
        for _, delta in fresh:
            book.apply_delta(delta)

    def apply_floor() -> None:
        bids, asks = dict(start.bids), dict(start.asks)
        for _, delta in fresh:
            bids.update(delta.bids)
            asks.update(delta.asks)

    def parse_and_apply() -> None:
        book = started()
        for frame, _ in fresh:
            book.apply_delta(parse(frame, ts_init=1)[0])  # type: ignore[arg-type]

    def parse_and_apply_floor() -> None:
        bids, asks = dict(start.bids), dict(start.asks)
        for frame, _ in fresh:
            data = decode(frame).data
            bids.update(data.bids)
            asks.update(data.asks)

    scale = LEVELS * 1e6 / sum(len(delta.bids) + len(delta.asks) for _, delta in fresh)
    return {
        f"feed.binance_usdm.{name}": Row(
            value=best_seconds(ours) * scale, unit="us", floor=best_seconds(floor) * scale, budget=15
        )
        for name, ours, floor in (
            ("book_delta", apply, apply_floor),
            ("frame_to_book", parse_and_apply, parse_and_apply_floor),
        )
    }

"""BTC/USDT on a venue, and where the recordings are."""

import os
from pathlib import Path

import pytest

from marketdata.clock import OffsetClock
from marketdata.events import Bar, BookDelta, QuoteTick, TradeTick
from marketdata.exchanges.adapter import BookImage
from marketdata.stream import SymbolStream

ROOT = Path(__file__).resolve().parents[3]
CAPTURES = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data")) / "captures"
BTC_CAPTURE = CAPTURES / "binance_spot_btcusdt_20240808.gz"
SYMBOLS = {"BTCUSDT": "BTC/USDT"}

needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recordings at {CAPTURES}; set SHARED_DATA")

MINUTE = 60_000_000_000
SECOND = 1_000_000_000
# 2024-08-08 00:00 UTC.
T0 = 1_723_075_200 * SECOND


def trade(price: float, *, at: int, id: int = 1, size: float = 1.0, sold: bool = False) -> TradeTick:
    return TradeTick(
        exchange="binance",
        symbol="BTC/USDT",
        price=price,
        size=size,
        buyer_is_maker=sold,
        trade_id=id,
        ts_event=at,
        ts_init=at,
    )


def quote(bid: float, ask: float, *, at: int = T0, id: int = 1, size: float = 1.0) -> QuoteTick:
    return QuoteTick(
        exchange="binance",
        symbol="BTC/USDT",
        bid=bid,
        bid_size=size,
        ask=ask,
        ask_size=size,
        ts_event=0,
        ts_init=at,
        update_id=id,
    )


def delta(first: int, last: int, *, bids=(), asks=(), at: int = T0) -> BookDelta:
    return BookDelta(
        exchange="binance",
        symbol="BTC/USDT",
        bids=tuple(bids),
        asks=tuple(asks),
        first_update_id=first,
        last_update_id=last,
        ts_event=at,
        ts_init=at,
    )


def image(update_id: int, *, bids=((99.0, 1.0),), asks=((101.0, 1.0),), at: int = T0) -> BookImage:
    return BookImage(
        exchange="binance", symbol="BTC/USDT", bids=tuple(bids), asks=tuple(asks), update_id=update_id, ts_init=at
    )


def minute(number: int, *, close: float = 100.0, volume: float = 1.0, closed: bool = True, source="rest") -> Bar:
    """The minute that begins `number` minutes after T0."""
    return Bar(
        exchange="binance",
        symbol="BTC/USDT",
        timeframe="1m",
        ts_open=T0 + number * MINUTE,
        ts_close=T0 + (number + 1) * MINUTE,
        open=100.0,
        high=max(100.0, close),
        low=min(100.0, close),
        close=close,
        volume=volume,
        taker_buy_volume=volume / 2,
        trades=3,
        closed=closed,
        source=source,
    )


def live_stream(at: int = T0) -> SymbolStream:
    """A symbol with a socket, a book and a quote."""
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=OffsetClock())
    stream.connected(at)
    stream.receive(image(10, at=at))
    stream.receive(quote(99, 101, at=at, id=10))
    assert stream.state == "live"
    return stream

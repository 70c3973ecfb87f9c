"""A recorder of BTC/USDT in the test's own folder, and frames for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from marketdata.exchanges.adapter import BookImage, Listing
from marketdata.recording.recorder import FrameRecorder

T0 = 1_723_075_200_000_000_000
LISTING = Listing(
    symbol="BTC/USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    min_notional=Decimal(5),
    active=True,
)


IMAGE = BookImage(
    exchange="simulated", symbol="BTC/USDT", bids=((99.0, 1.0),), asks=((101.0, 0.1),), update_id=7, ts_init=T0
)


def quote_frame(number: int, *, bid: float = 99.0) -> bytes:
    text = (
        f'{{"stream":"btcusdt@bookTicker","data":{{"u":{number},"s":"BTCUSDT","b":"{bid}","B":"1","a":"101","A":"1"}}}}'
    )
    return text.encode()


class Clock:
    """Stands still unless moved."""

    def __init__(self) -> None:
        self.ns = T0

    def __call__(self) -> int:
        return self.ns


@contextmanager
def recording(folder: Path, *, problems: list[str] | None = None, **options) -> Iterator[FrameRecorder]:
    """A recorder, closed at the end. Without `problems` none may be told."""
    told: list[str] = []
    chosen: dict[str, Any] = {"clock_ns": Clock(), "flush_s": 0.02} | options
    recorder = FrameRecorder(
        folder,
        exchange="simulated",
        adapter_name="binance",
        on_problem=(told if problems is None else problems).append,
        **chosen,
    )
    try:
        yield recorder
    finally:
        recorder.close()
    assert told == []

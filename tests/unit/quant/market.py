"""A market for tests: seeded walks, and the recordings, as events of BTC on Binance."""

import csv
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marketdata.events import TIMEFRAME_SECONDS, Bar, BookSnapshot, Event, QuoteTick, Timeframe, TradeTick

SECOND = 1_000_000_000
START = 1_700_000_040 * SECOND
RECORDINGS = Path(os.environ.get("SHARED_DATA", "../shared/data")).resolve()
IDS: dict[str, Any] = {"exchange": "binance", "symbol": "BTC/USDT"}


def recording(name: str) -> Path:
    path = RECORDINGS / name
    if not path.exists():
        pytest.skip(f"{path} is missing: set SHARED_DATA to the folder of the recordings")
    return path


def bar(i: int, close: float, *, open_: float | None = None, timeframe: Timeframe = "1m", **changed: Any) -> Bar:
    """Bar number i after START."""
    open_ = close if open_ is None else open_
    length = TIMEFRAME_SECONDS[timeframe] * SECOND
    fields: dict[str, Any] = {
        **IDS,
        "timeframe": timeframe,
        "ts_open": START + i * length,
        "ts_close": START + (i + 1) * length,
        "open": open_,
        "high": max(open_, close),
        "low": min(open_, close),
        "close": close,
        "volume": 1.0,
        "taker_buy_volume": None,
        "trades": 1,
    }
    return Bar(**{**fields, **changed})


def walk(
    n: int, *, seed: int = 1, price: float = 100.0, step: float = 0.1, drift: float = 0.0, first: int = 0
) -> list[Bar]:
    """n bars of a random walk that add wicks to their bodies."""
    rng = np.random.default_rng(seed)
    bars = []
    for i in range(n):
        open_, price = price, price + drift + float(rng.normal(0, step))
        top, bottom = (abs(float(x)) for x in rng.normal(0, step / 2, 2))
        high, low = max(open_, price) + top, min(open_, price) - bottom
        bars.append(bar(first + i, price, open_=open_, high=high, low=low, volume=float(rng.uniform(0, 9))))
    return bars


def recorded_bars(n: int, *, skip: int = 0, price: float | None = None, first: int = 0) -> list[Bar]:
    """Bitfinex BTC/USD minutes of 2018, moved to START and, if given, scaled to end at `price`."""
    with gzip.open(recording("bars/bitfinex_btcusd_1m_2018_first100k.csv.gz"), "rt") as lines:
        rows = [row for i, row in enumerate(csv.DictReader(lines)) if skip <= i < skip + n]
    scale = 1.0 if price is None else price / float(rows[-1]["close"])
    return [
        bar(
            first + i,
            float(row["close"]) * scale,
            open_=float(row["open"]) * scale,
            high=float(row["high"]) * scale,
            low=float(row["low"]) * scale,
            volume=float(row["volume"]),
        )
        for i, row in enumerate(rows)
    ]


BAR_RECORDINGS = (
    "bars/bitfinex_btcusd_1m_2018_first100k.csv.gz",
    "bars/btc_perp_1m_2021-12-31_2022-02-01.csv.gz",
    "bars/nse_yesbank_1m_20190709.csv.gz",
    "bars/nse_yesbank_1m_20190710.csv.gz",
)


def bars_of(name: str, n: int) -> list[Bar]:
    """The first n minutes of a recording, moved to START: (time, open, high, low, close, volume) a line."""
    with gzip.open(recording(name), "rt") as lines:
        rows = [row for row in csv.reader(lines) if row[1] != "open"][:n]
    prices = ([float(x) for x in row[1:6]] for row in rows)
    return [bar(i, c, open_=o, high=h, low=l, volume=v) for i, (o, h, l, c, v) in enumerate(prices)]  # noqa: E741


def quote(
    ts: int,
    bid: float = 99.95,
    ask: float = 100.05,
    *,
    bid_size: float = 1.0,
    ask_size: float = 1.0,
    update_id: int = 0,
) -> QuoteTick:
    return QuoteTick(
        **IDS, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size, ts_event=ts, ts_init=ts, update_id=update_id
    )


def trade(ts: int, price: float = 100.0, *, size: float = 1.0, seller: bool = False, trade_id: int = 0) -> TradeTick:
    return TradeTick(**IDS, price=price, size=size, buyer_is_maker=seller, trade_id=trade_id, ts_event=ts, ts_init=ts)


def book(
    ts: int, bids: list[tuple[float, float]], asks: list[tuple[float, float]], *, update_id: int = 0
) -> BookSnapshot:
    return BookSnapshot(**IDS, bids=tuple(bids), asks=tuple(asks), update_id=update_id, ts_event=ts, ts_init=ts)


def session(seconds: int, *, seed: int = 1, start: int = START, price: float = 100.0) -> list[Event]:
    """Quotes ten times a second, a book every second, prints now and then, from a random walk."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for i in range(seconds * 10):
        ts = start + i * SECOND // 10
        price *= float(np.exp(rng.normal(0, 2e-5)))
        sizes = rng.uniform(1, 9, 10).tolist()
        events.append(quote(ts, price - 0.005, price + 0.005, bid_size=sizes[0], ask_size=sizes[1], update_id=i + 1))
        if i % 10 == 0:
            bids = [(price - 0.005 - 0.01 * k, sizes[k]) for k in range(5)]
            asks = [(price + 0.005 + 0.01 * k, sizes[5 + k]) for k in range(5)]
            events.append(book(ts, bids, asks, update_id=i + 1))
        if rng.random() < 0.3:
            seller = bool(rng.random() < 0.5)
            size = float(rng.exponential())
            events.append(trade(ts, price, size=size, seller=seller, trade_id=i + 1))
    return events


def recorded_session(limit: int | None = None) -> Iterator[Event]:
    """Quotes and prints of the Binance spot capture of 2024-08-08, by the clock of receipt."""
    with gzip.open(recording("captures/binance_spot_btcusdt_20240808.gz"), "rt") as lines:
        for i, line in enumerate(lines):
            if limit is not None and i >= limit:
                return
            received, frame = line.split(" ", 1)
            ts, message = int(received), json.loads(frame)
            stream, data = message.get("stream", ""), message.get("data", {})
            if stream.endswith("@bookTicker"):
                yield quote(
                    ts,
                    float(data["b"]),
                    float(data["a"]),
                    bid_size=float(data["B"]),
                    ask_size=float(data["A"]),
                    update_id=data["u"],
                )
            elif stream.endswith("@trade"):
                yield trade(ts, float(data["p"]), size=float(data["q"]), seller=data["m"], trade_id=data["t"])

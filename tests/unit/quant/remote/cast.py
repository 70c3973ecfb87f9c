"""Candles of a random walk, as the service is asked about them and as the signals know them."""

import json
from typing import Any

import numpy as np

from marketdata.events import Bar

START_S = 1_767_225_600
MINUTE_NS = 60_000_000_000
NOW_MS = (START_S + 86_400) * 1000


def walk(n: int, *, seed: int = 1, start_s: int = START_S, step_s: int = 60) -> list[dict[str, Any]]:
    """Candles with times in ms, oldest first."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.001, n)))
    open_ = np.concatenate(([100.0], close[:-1]))
    wick = rng.uniform(1.0, 1.001, (2, n))
    high, low = np.maximum(open_, close) * wick[0], np.minimum(open_, close) / wick[1]
    volume = rng.uniform(0, 5, n)
    rows = zip(open_.tolist(), high.tolist(), low.tolist(), close.tolist(), volume.tolist(), strict=True)
    return [
        {"timestamp": (start_s + i * step_s) * 1000, "open": o, "high": h, "low": low, "close": c, "volume": v}
        for i, (o, h, low, c, v) in enumerate(rows)
    ]


def question(candles: list[dict[str, Any]], **fields: Any) -> bytes:
    return json.dumps({"symbol": "BTC/USDT", "candles": candles, "timestamp": NOW_MS} | fields).encode()


def bars(candles: list[dict[str, Any]]) -> list[Bar]:
    return [
        Bar(
            exchange="binance", symbol="BTC/USDT", timeframe="1m", ts_open=row["timestamp"] * 1_000_000,
            ts_close=row["timestamp"] * 1_000_000 + MINUTE_NS, taker_buy_volume=None, trades=0,
            **{name: row[name] for name in ("open", "high", "low", "close", "volume")},
        )
        for row in candles
    ]  # fmt: skip

"""A symbol's signals as the engine reads them."""

import numpy as np

from quant.reading import Component, Reading
from quant.vector import Column, SignalVector

MINUTE_NS = 60_000_000_000
NOON = 1_772_452_800 * 1_000_000_000
COLUMNS = (
    Column(component=Component.TECHNICAL, timeframe="1m"),
    Column(component=Component.TECHNICAL, timeframe="1m", forming=True),
    Column(component=Component.SPEED),
    Column(component=Component.SENTIMENT),
)


def vector(
    *, now_ns: int = NOON, values: tuple[float, ...] = (0.5, 0.4, -0.25, float("nan")), symbol: str = "BTC/USDT",
    mid: float | None = 100.0,
) -> SignalVector:  # fmt: skip
    readings = tuple(
        Reading(
            value=None if value != value else value, quality=0.0 if value != value else 1.0, as_of=now_ns, n_obs=500
        )
        for value in values
    )
    return SignalVector(
        exchange="simulated", symbol=symbol, now_ns=now_ns, columns=COLUMNS, readings=readings,
        exists=np.array([True, True, True, True]), values=np.array(values),
        quality=np.array([reading.quality for reading in readings]),
        last_price=mid, bid=mid, ask=mid, mid=mid, spread_bps=1.0, spread_median_bps=1.0, depth=1.0, depth_median=1.0,
        quote_ns=now_ns, trade_ns=now_ns, feed_state="live", book_valid=True, sigma_annual=0.5, sigma_per_sqrt_s=1e-4,
        sigma_percentile=0.5, atr_pct=0.01, size_multiplier=1.0, return_1m=0.0, jump_ns=None,
    )  # fmt: skip

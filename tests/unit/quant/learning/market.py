"""A market whose takers know the next bars, or do not."""

from collections.abc import Iterable

import numpy as np

from marketdata.events import Bar
from quant.learning.features import FEATURES, BarHistory, feature_arrays
from quant.learning.labels import LabelParams, Labels
from quant.learning.loading import label_params, labels_of

MINUTE = 60_000_000_000
COST_BPS = 5.0
HORIZON = 12


def history(n: int, *, seed: int = 1, planted: float = 0.0, start_ns: int = 0) -> BarHistory:
    """n minutes of a walk with deviation 10 bps; `planted` is how many of them a deviation of taker flow is worth."""
    rng = np.random.default_rng(seed)
    flow = np.zeros(n)
    for i, shock in enumerate(rng.normal(0.0, 0.436, n - 1), start=1):
        flow[i] = 0.9 * flow[i - 1] + shock
    moves = rng.normal(0.0, 1e-3, n)
    moves[1:] += planted * 1e-3 * flow[:-1]
    close = 100.0 * np.exp(np.cumsum(moves))
    open_ = np.concatenate(([100.0], close[:-1]))
    top, low = np.abs(rng.normal(0.0, 3e-4, (2, n)))
    volume = rng.uniform(1.0, 9.0, n)
    return BarHistory(
        ts_open=start_ns + np.arange(n, dtype=np.int64) * MINUTE,
        open=open_,
        high=np.maximum(open_, close) * np.exp(top),
        low=np.minimum(open_, close) * np.exp(-low),
        close=close,
        volume=volume,
        taker_buy=volume * (0.5 + 0.45 * np.tanh(flow)),
    )


def of_bars(bars: Iterable[Bar]) -> BarHistory:
    rows = list(bars)
    nan = float("nan")
    return BarHistory(
        ts_open=np.array([bar.ts_open for bar in rows], dtype=np.int64),
        **{
            name: np.array([getattr(bar, name) for bar in rows], dtype=np.float64)
            for name in ("open", "high", "low", "close", "volume")
        },
        taker_buy=np.array([nan if b.taker_buy_volume is None else b.taker_buy_volume for b in rows], dtype=np.float64),
    )


def examples(bars: BarHistory, params: LabelParams | None = None) -> tuple[np.ndarray, Labels]:
    params = label_params(HORIZON, COST_BPS) if params is None else params
    x = feature_arrays(bars, "1m")
    labels = labels_of(x, bars, "1m", params)
    return x[labels.rows], labels


def column(name: str) -> int:
    return FEATURES.index(name)


class Unwatched:
    """Hears nothing and ends nothing."""

    def say(self, share: float, words: str) -> None:
        pass

    def check(self) -> None:
        pass

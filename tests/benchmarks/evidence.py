"""What it costs to weigh one symbol: 30 days of minutes, all components, two bots, every horizon and regime."""

import time

import numpy as np

from quant.evidence.blending import BlendSpec
from quant.evidence.coefficient import ranks
from quant.evidence.grid import HORIZONS_S, REGIMES, Window
from quant.evidence.judging import weigh
from tests.benchmarks.rows import Row

MINUTES = 30 * 1440
NAMES = (
    "technical 1m", "technical 1m forming", "speed", "microstructure", "open_interest", "options_flow", "sentiment",
    "volatility", "model", "policy",
)  # fmt: skip


def window() -> Window:
    rng = np.random.default_rng(1)
    mid = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, MINUTES)))
    values = {name: np.clip(rng.normal(0.0, 0.4, MINUTES), -1, 1) for name in NAMES}
    phases = rng.integers(0, 3, MINUTES)
    calm = rng.random(MINUTES) < 0.75
    masks = (phases == 0, phases == 1, phases == 2, calm, ~calm)
    return Window(
        start_ns=0, end_ns=MINUTES * 60_000_000_000, mid=mid, close=mid, combined=values["technical 1m"], values=values,
        qualities={name: np.ones(MINUTES) for name in NAMES}, regimes=dict(zip(REGIMES, masks, strict=True)),
    )  # fmt: skip


def run() -> dict[str, Row]:
    """CPU seconds; the floor is the ranking of each signal and each return once a horizon, without regimes."""
    found = window()
    bots = [BlendSpec(bot_id=i, exchange="x", symbol="y", timeframe_weights={"1m": 1.0}) for i in (1, 2)]
    times, floors = [], []
    for _ in range(3):
        start = time.process_time()
        weigh(found, bots)
        times.append(time.process_time() - start)
        start = time.process_time()
        for _ in HORIZONS_S[:3]:
            for signal in found.values.values():
                ranks(signal)
                ranks(found.mid)
        floors.append(time.process_time() - start)
    row = Row(value=min(times), unit="CPU s", floor=min(floors), budget=3.0)
    return {"signal.evidence.symbol_30_days": row}

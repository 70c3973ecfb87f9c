"""Samples of a made-up market in which one signal knows something of the next minute and the others nothing."""

from typing import Any

import numpy as np
from django.db import connection

from quant.evidence.samples import COLUMNS
from tests.unit.quant.evidence.cast import MINUTE_NS, NOON

NAMES = [
    "technical 1m", "technical 1m forming", "speed", "microstructure", "open_interest", "options_flow", "sentiment",
    "volatility", "model",
]  # fmt: skip
KNOWS = NAMES.index("speed")
NOTHING = NAMES.index("options_flow")


def store_samples(*, symbol: str, minutes: int, seed: int = 1, end_ns: int = NOON, skill: float = 0.1) -> None:
    """Rows up to `end_ns`: speed's rank correlation with the next minute is about `skill`; options flow is absent."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0, 5e-4, minutes)
    mid = 100.0 * np.exp(np.cumsum(returns))
    values = np.clip(rng.normal(0.0, 0.4, (minutes, len(NAMES))), -1, 1)
    values[:-1, KNOWS] = np.clip(0.4 * (returns[1:] / 5e-4 * skill + rng.normal(0.0, 1.0, minutes - 1)), -1, 1)
    phases = rng.choice(["trend", "range", "neutral", ""], minutes)
    volatilities = rng.choice(["low", "normal", "high", "extreme"], minutes)
    combined = values[:, [0, 2, 3]].mean(axis=1)
    first = end_ns - (minutes - 1) * MINUTE_NS
    quality = [0.0 if i == NOTHING else 1.0 for i in range(len(NAMES))]
    with connection.cursor() as cursor, cursor.copy(f"COPY quant_signalsample ({COLUMNS}) FROM STDIN") as copy:
        for i in range(minutes):
            row: list[Any] = [None if j == NOTHING else value for j, value in enumerate(values[i].tolist())]
            copy.write_row(
                ("simulated", symbol, first + i * MINUTE_NS, float(mid[i]), phases[i], 1.0, volatilities[i], NAMES,
                 row, quality, float(combined[i]), [0.1] * 20, "hash")
            )  # fmt: skip

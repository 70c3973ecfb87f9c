"""Learning: features over a history and bar by bar, and a prediction."""

import time
from collections.abc import Callable

import lightgbm
import numpy as np
import talib

from quant.learning.artefact import FORMAT, Artefact
from quant.learning.drift import reference_of
from quant.learning.features import FEATURES, SCHEMA_HASH, FeatureBuilder, feature_arrays
from quant.learning.features.base import base_arrays
from quant.learning.features.indicators import SPECS
from quant.learning.fit import fit_baseline, fit_trees
from quant.learning.serving import Predictor
from tests.benchmarks.rows import Row, percentile
from tests.unit.quant.learning.market import examples, history
from tests.unit.quant.market import walk

BARS = 100_000


def run() -> dict[str, Row]:
    bars = history(BARS)
    base = base_arrays(bars)

    def indicators_alone() -> None:
        for spec in SPECS:
            getattr(talib, spec.function)(*(base[name][spec.lag :] for name in spec.inputs), **spec.params)

    floor = _cpu_seconds(indicators_alone)
    whole = _cpu_seconds(lambda: feature_arrays(bars, "1m"))
    row_us, booster_us, predict_us = _predictions()
    return {
        "learning.features_100k_bars": Row(value=whole, unit="CPU s", floor=floor, budget=2.0),
        "learning.live_row_p50": Row(value=_live_us(), unit="µs", floor=row_us, budget=2_000.0),
        "learning.predict_p50": Row(value=predict_us, unit="µs", floor=booster_us, budget=2_000.0),
    }


def _cpu_seconds(work: Callable[[], object], repeat: int = 3) -> float:
    times = []
    for _ in range(repeat):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def _live_us() -> float:
    """A bar into the builder, and its row."""
    builder, took = FeatureBuilder("1m"), []
    for bar in walk(1500):
        before = time.perf_counter_ns()
        builder.update(bar)
        builder.row()
        took.append((time.perf_counter_ns() - before) / 1e3)
    return percentile(took[500:], 50)


def _predictions() -> tuple[float, float, float]:
    """µs of handling one row without a model, of LightGBM's trees alone, and of a whole prediction."""
    x, labels = examples(history(6000, planted=0.35))
    weights = np.ones(len(labels))
    trees = fit_trees(x, labels.classes, weights, seed=1, threads=1, check=lambda: None)
    artefact = Artefact(
        format=FORMAT, features=list(FEATURES), schema_hash=SCHEMA_HASH, booster=trees.model_to_string(),
        temperature=1.5, prior=[0.3, 0.4, 0.3], theta=0.1, baseline=fit_baseline(x, labels.classes, weights),
        reference={}, lean=reference_of(x[:, 0]), importance={},
    )  # fmt: skip
    predictor, booster = Predictor(artefact), lightgbm.Booster(model_str=artefact.booster)
    rows = [row.copy() for row in x[:300]]
    return (
        _p50_us(lambda row: np.asarray(row)[None, :].copy(), rows),
        _p50_us(lambda row: booster.predict(row[None, :], num_threads=1), rows),
        _p50_us(predictor.predict, rows),
    )


def _p50_us(work: Callable[[np.ndarray], object], rows: list[np.ndarray]) -> float:
    took = []
    for row in rows:
        before = time.perf_counter_ns()
        work(row)
        took.append((time.perf_counter_ns() - before) / 1e3)
    return percentile(took, 50)

"""Small trained models for tests of who serves them."""

from datetime import datetime
from typing import Any

import numpy as np

from quant.learning.artefact import FORMAT, Artefact, Reference, dump
from quant.learning.features import FEATURES, SCHEMA_HASH
from quant.learning.fit import Baseline


def artefact_text(*, leaning: int) -> tuple[str, str]:
    """A model that always leans to one class: 0 sell, 1 hold, 2 buy."""
    import lightgbm

    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, len(FEATURES)))
    y = np.where(rng.uniform(size=300) < 0.9, leaning, rng.integers(0, 3, 300))
    y[:3] = (0, 1, 2)
    data = lightgbm.Dataset(x, label=y)
    booster = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1, "num_leaves": 4}, data, 5
    )
    reference = Reference(edges=[0.0], shares=[0.5, 0.5, 0.0])
    count = len(FEATURES)
    return dump(
        Artefact(
            format=FORMAT,
            features=list(FEATURES),
            schema_hash=SCHEMA_HASH,
            booster=booster.model_to_string(),
            temperature=1.0,
            prior=[1 / 3] * 3,
            theta=0.1,
            baseline=Baseline(
                mean=[0.0] * count, deviation=[1.0] * count, coefficients=[[0.0] * count] * 3, intercepts=[0.0] * 3
            ),
            reference={},
            lean=reference,
            importance={},
        )
    )


def make_version(*, status: str, leaning: int, now: datetime, timeframe: str = "1m", number: int = 1) -> Any:
    from quant.models import ModelVersion

    text, digest = artefact_text(leaning=leaning)
    return ModelVersion.objects.create(
        name="test", number=number, exchange="simulated", symbol="BTC/USDT", timeframe=timeframe, status=status,
        artefact=text, sha256=digest, schema_hash=SCHEMA_HASH, span_start_ns=1, span_end_ns=2, bars=300, labels=300,
        label_params={}, code_revision="test", trials=1, metrics={}, created_at=now, status_since=now,
    )  # fmt: skip

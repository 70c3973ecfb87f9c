"""Predictions of a stored version, a row at a time. Importing this imports no LightGBM; making a `Predictor` does."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.learning.artefact import Artefact, load
from quant.learning.failures import ArtefactError
from quant.learning.features import SCHEMA_HASH
from quant.learning.fit import lightgbm_module, tempered
from quant.learning.labels import Action
from quant.learning.scores import decided
from quant.reading import Reading

Floats = NDArray[np.float64]


class StoredVersion(Protocol):
    """What of a `quant.models.ModelVersion` serving needs."""

    artefact: str
    sha256: str
    schema_hash: str
    labels: int


class Prediction(Struct, frozen=True, kw_only=True):
    """Probabilities, what they say by the model's own threshold as it was judged, and how sure it is of that in [0, 1]."""

    p_sell: float
    p_hold: float
    p_buy: float
    action: Action
    confidence: float

    @property
    def value(self) -> float:
        """Its vote: a HOLD is one for neither side."""
        return 0.0 if self.action is Action.HOLD else self.p_buy - self.p_sell


class Predictor:
    """One version, ready to speak. Not for several threads."""

    def __init__(self, artefact: Artefact, *, name: str = "the model", labels: int = 0) -> None:
        """Raises ArtefactError where LightGBM cannot read its trees, TreesUnavailable where there is no LightGBM."""
        lightgbm = lightgbm_module()
        self.name = name
        self.artefact = artefact
        self._labels = labels
        self._prior = np.array(artefact.prior)
        try:
            self._booster = lightgbm.Booster(model_str=artefact.booster)
        except lightgbm.basic.LightGBMError as error:
            raise ArtefactError(f"{name} has trees that LightGBM cannot read: {error}") from None
        if self._booster.num_feature() != len(artefact.features):
            raise ArtefactError(
                f"{name} has trees of {self._booster.num_feature()} features and names {len(artefact.features)}"
            )

    @classmethod
    def from_version(cls, version: StoredVersion) -> "Predictor":
        """Raises ArtefactError where the version was changed, or learned from other features than these."""
        name = str(version)
        artefact = load(version.artefact, expected_sha256=version.sha256, schema_hash=SCHEMA_HASH, name=name)
        return cls(artefact, name=name, labels=version.labels)

    def predict_many(self, x: Floats) -> Floats:
        """(rows, features) to (rows, 3): sell, hold, buy."""
        raw = self._booster.predict(x, num_threads=1)
        return tempered(np.asarray(raw, dtype=np.float64), self._prior, self.artefact.temperature)

    def predict(self, row: Floats | Sequence[float]) -> Prediction:
        """Raises ValueError where the row has another length than the features."""
        x = np.asarray(row, dtype=np.float64)
        if x.shape != (len(self.artefact.features),):
            raise ValueError(f"a row of {x.shape} for {len(self.artefact.features)} features")
        p = self.predict_many(x[None, :])
        p_sell, p_hold, p_buy = p[0].tolist()
        action = Action(int(decided(p, self.artefact.theta)[0]))
        return Prediction(
            p_sell=p_sell,
            p_hold=p_hold,
            p_buy=p_buy,
            action=action,
            confidence=(p_sell, p_hold, p_buy)[action],
        )

    def reading(self, prediction: Prediction, as_of: int) -> Reading:
        """Its vote, of the moment `as_of` in nanoseconds; `action` of its parts is 1 to buy, -1 to sell, 0 to hold."""
        value = prediction.value
        if not math.isfinite(prediction.p_buy - prediction.p_sell):
            raise ValueError(f"{self.name} said {prediction.p_buy} to buy and {prediction.p_sell} to sell")
        return Reading(
            value=value,
            quality=1.0,
            as_of=as_of,
            n_obs=self._labels,
            parts={
                "p_sell": prediction.p_sell,
                "p_hold": prediction.p_hold,
                "p_buy": prediction.p_buy,
                "action": float(prediction.action - Action.HOLD),
                "confidence": prediction.confidence,
            },
        )

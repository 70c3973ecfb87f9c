"""Rows of the signals' side: models that were trained, and what was recorded of signals."""

from quant.models.evidence import EvidenceKind, EvidenceRow, EvidenceVerdict, SignalSample
from quant.models.learning import ModelEvent, ModelPrediction, ModelStatus, ModelVersion, RunState, TrainingRun
from quant.models.policy import PolicyChoice, PolicyState
from quant.models.volatility import VolatilityFit

__all__ = [
    "EvidenceKind",
    "EvidenceRow",
    "EvidenceVerdict",
    "ModelEvent",
    "ModelPrediction",
    "ModelStatus",
    "ModelVersion",
    "PolicyChoice",
    "PolicyState",
    "RunState",
    "SignalSample",
    "TrainingRun",
    "VolatilityFit",
]

"""Rows of the signals' side: models that were trained, and what was recorded of signals."""

from quant.models.learning import ModelEvent, ModelPrediction, ModelStatus, ModelVersion, RunState, TrainingRun

__all__ = ["ModelEvent", "ModelPrediction", "ModelStatus", "ModelVersion", "RunState", "TrainingRun"]

"""Celery's doors of learning and of nightly fits, all of the `jobs` queue: a training may take long, and nothing that must not wait is there."""

import time
from datetime import UTC, datetime

from celery import shared_task

from quant import nightly
from quant.learning import runs, shadow, training


def _now() -> datetime:
    return datetime.now(UTC)


@shared_task(name="quant.train_model")
def train_model(run_id: int) -> None:
    """When somebody asks for it."""
    training.execute(run_id, clock=_now)


@shared_task(name="quant.record_predictions")
def record_predictions() -> None:
    """Every minute."""
    runs.sweep_lost(now=_now())
    shadow.record_predictions(now_ns=time.time_ns())


@shared_task(name="quant.judge_models")
def judge_models() -> None:
    """Every hour."""
    shadow.judge_versions(now=_now())
    shadow.prune_predictions(now_ns=time.time_ns())


@shared_task(name="quant.fit_volatility")
def fit_volatility() -> None:
    """Every night."""
    nightly.fit_all(now=_now())

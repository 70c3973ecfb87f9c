"""Celery's doors: thin tasks of two queues. `monitor` must never wait (settings.CELERY_TASK_ROUTES); `jobs` may take long.

The schedule is in the database (django-celery-beat), made by a migration and edited in the admin.
"""

import os
import socket
import time
from datetime import UTC, datetime

from celery import shared_task
from django.conf import settings

from bots import microprice, shadow_policy
from bots.monitor import ledger, performance, positions, retention
from bots.queries.evidence import blend_specs
from marketdata.observations import delete_observations
from quant.evidence import compute as evidence
from quant.evidence.retention import prune_samples


def _holder() -> str:
    """Who takes a lease: which process on which machine."""
    return f"monitor:{socket.gethostname()[:50]}:{os.getpid()}"


@shared_task(name="bots.monitor_positions")
def monitor_positions() -> None:
    """Every 5 s."""
    positions.monitor_positions(now_ns=time.time_ns(), holder=_holder())


@shared_task(name="bots.compute_performance")
def compute_performance() -> None:
    """Every 30 s."""
    performance.compute_performance(now=datetime.now(UTC))


@shared_task(name="bots.check_ledger")
def check_ledger() -> None:
    """Every minute."""
    ledger.check_ledger(now=datetime.now(UTC))


@shared_task(name="quant.compute_evidence")
def compute_evidence() -> None:
    """Every hour, and when somebody asks."""
    evidence.compute_evidence(now_ns=time.time_ns(), days=settings.EVIDENCE_WINDOW_DAYS, specs=blend_specs())


@shared_task(name="quant.update_policy")
def update_policy() -> None:
    """Every minute."""
    shadow_policy.update_policy(now=datetime.now(UTC))


@shared_task(name="bots.fit_microprice")
def fit_microprice() -> None:
    """Every night."""
    microprice.fit_all(settings.EVENT_STORE_DIR, now_ns=time.time_ns())


@shared_task(name="bots.prune")
def prune() -> None:
    """Every night."""
    now = datetime.now(UTC)
    retention.prune_signals(now=now, keep_days=settings.SIGNAL_RETENTION_DAYS)
    retention.prune_feed_events(now=now)
    retention.thin_performance(now=now)
    prune_samples(now_ns=time.time_ns(), keep_days=settings.SAMPLE_RETENTION_DAYS)
    delete_observations(now_ns=time.time_ns(), keep_days=settings.OBSERVATION_RETENTION_DAYS)

"""Trainings as rows: asked for, cancelled, and swept up where their worker died."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import get_args

from celery import current_app
from django.db import transaction

from marketdata.events import Timeframe
from marketdata.models import Instrument
from quant.models import RunState, TrainingRun

TIMEFRAMES: tuple[Timeframe, ...] = get_args(Timeframe)
HORIZONS = (2, 2000)
MAX_COST_BPS = 1000.0
WAITING = "Waiting for the jobs worker"
# A worker that has said nothing for so long is gone.
LOST_AFTER = timedelta(minutes=5)


class BadRun(Exception):
    """What was asked for cannot be trained. `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_run(
    *,
    exchange: str,
    symbols: Sequence[str],
    timeframe: str,
    horizon_bars: int,
    cost_bps: float,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> None:
    """Raises BadRun where this cannot be trained."""
    if timeframe not in TIMEFRAMES:
        raise BadRun("timeframe", f"{timeframe!r}: allowed is one of {', '.join(TIMEFRAMES)}.")
    if not HORIZONS[0] <= horizon_bars <= HORIZONS[1]:
        raise BadRun("horizon_bars", f"{horizon_bars}: allowed is {HORIZONS[0]} to {HORIZONS[1]} bars.")
    if not 0.0 <= cost_bps <= MAX_COST_BPS:
        raise BadRun("cost_bps", f"{cost_bps}: allowed is 0 to {MAX_COST_BPS:g} basis points a round trip.")
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise BadRun("end", "The span ends before it begins.")
    if not symbols:
        raise BadRun("symbols", "Name at least one symbol.")
    known = Instrument.objects.filter(exchange__code=exchange, symbol__in=symbols).values_list("symbol", flat=True)
    if unknown := sorted(set(symbols) - set(known)):
        raise BadRun("symbols", f"{exchange} has no {', '.join(unknown)}: see the list of instruments.")


def request_run(
    *,
    exchange: str,
    symbols: Sequence[str],
    timeframe: str,
    horizon_bars: int,
    cost_bps: float,
    actor: str,
    now: datetime,
    start_ns: int | None = None,
    end_ns: int | None = None,
    seed: int = 1,
) -> TrainingRun:
    """Make the row of a training. Raises BadRun. Give it to `enqueue`, or to `training.execute` at once."""
    unique = list(dict.fromkeys(symbols))
    check_run(
        exchange=exchange,
        symbols=unique,
        timeframe=timeframe,
        horizon_bars=horizon_bars,
        cost_bps=cost_bps,
        start_ns=start_ns,
        end_ns=end_ns,
    )
    return TrainingRun.objects.create(
        exchange=exchange,
        symbols=unique,
        timeframe=timeframe,
        start_ns=start_ns,
        end_ns=end_ns,
        horizon_bars=horizon_bars,
        cost_bps=cost_bps,
        seed=seed,
        phase=WAITING,
        requested_by=actor,
        created_at=now,
    )


def enqueue(run: TrainingRun) -> None:
    """Hand it to the jobs worker once the row is committed."""
    transaction.on_commit(partial(current_app.send_task, "quant.train_model", kwargs={"run_id": run.pk}))


def cancel_run(run_id: int, *, now: datetime) -> TrainingRun:
    """End a training: at once where it waits, at its next look otherwise (twice a second)."""
    waiting = TrainingRun.objects.filter(pk=run_id, state=RunState.QUEUED)
    if not waiting.update(state=RunState.CANCELLED, phase="Cancelled before it began", finished_at=now):
        TrainingRun.objects.filter(pk=run_id, state=RunState.RUNNING).update(cancel_requested=True)
    return TrainingRun.objects.get(pk=run_id)


def sweep_lost(*, now: datetime) -> int:
    """Runs whose worker is gone fail, with the reason. How many."""
    return TrainingRun.objects.filter(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER).update(
        state=RunState.FAILED, error="Its worker ended before it was done. Ask for it again.", finished_at=now
    )

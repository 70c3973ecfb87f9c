"""Trainings run, by the jobs worker or a command; what becomes of one is in its row."""

import time
from collections.abc import Callable
from datetime import datetime

import structlog
from django.db.models import Q

from marketdata.events import Timeframe
from quant.learning.failures import TreesUnavailable
from quant.learning.loading import TooLittle, label_params, load_examples
from quant.learning.register import register
from quant.learning.revision import code_revision
from quant.learning.runs import LOST_AFTER, TIMEFRAMES
from quant.learning.splits import TooFewRows
from quant.learning.train import Plan, train
from quant.learning.watch import Cancelled, Watch
from quant.models import ModelVersion, RunState, TrainingRun

log = structlog.get_logger(__name__)

_ASK_EVERY_S = 0.5

Clock = Callable[[], datetime]


class RowWatch:
    """Writes progress to the row, and asks it twice a second whether to go on. `beside` hears the same."""

    def __init__(self, run_id: int, *, clock: Clock, beside: Watch | None = None) -> None:
        self._run_id = run_id
        self._clock = clock
        self._beside = beside
        self._asked = 0.0

    def say(self, share: float, words: str) -> None:
        rows = TrainingRun.objects.filter(pk=self._run_id)
        rows.update(progress=min(1.0, max(0.0, share)), phase=words[:120], heartbeat_at=self._clock())
        if self._beside is not None:
            self._beside.say(share, words)
        self._ask()

    def check(self) -> None:
        if self._beside is not None:
            self._beside.check()
        if time.monotonic() - self._asked >= _ASK_EVERY_S:
            TrainingRun.objects.filter(pk=self._run_id).update(heartbeat_at=self._clock())
            self._ask()

    def _ask(self) -> None:
        self._asked = time.monotonic()
        if TrainingRun.objects.filter(pk=self._run_id, cancel_requested=True).exists():
            raise Cancelled


def execute(run_id: int, *, clock: Clock, beside: Watch | None = None) -> TrainingRun:
    """Train what the row asks for, unless somebody else does; how it ended is in the row. Passes on what is a fault of ours."""
    now = clock()
    mine = TrainingRun.objects.filter(pk=run_id).filter(
        Q(state=RunState.QUEUED) | Q(state=RunState.RUNNING, heartbeat_at__lt=now - LOST_AFTER)
    )
    if not mine.update(state=RunState.RUNNING, started_at=now, heartbeat_at=now, progress=0.0):
        return TrainingRun.objects.get(pk=run_id)
    run = TrainingRun.objects.get(pk=run_id)
    try:
        version = _train(run, RowWatch(run_id, clock=clock, beside=beside), clock)
    except Cancelled:
        _end(run_id, RunState.CANCELLED, clock(), phase="Cancelled")
    except (TooLittle, TooFewRows) as error:
        _end(run_id, RunState.REFUSED, clock(), phase="Refused", error=str(error))
    except TreesUnavailable as error:
        _end(run_id, RunState.FAILED, clock(), phase="Failed", error=str(error))
    except BaseException as error:
        _end(run_id, RunState.FAILED, clock(), phase="Failed", error=f"{type(error).__name__}: {error}")
        raise
    else:
        _end(run_id, RunState.DONE, clock(), phase=f"Registered {version} in shadow", progress=1.0)
    return TrainingRun.objects.get(pk=run_id)


def _train(run: TrainingRun, watch: Watch, clock: Clock) -> ModelVersion:
    watch.say(0.0, "Loading bars and making features")
    params = label_params(run.horizon_bars, run.cost_bps)
    examples = load_examples(
        run.exchange, run.symbols, _timeframe(run), start_ns=run.start_ns, end_ns=run.end_ns, params=params
    )
    trials = trials_of(run)
    watch.say(0.1, f"{len(examples.labels):,} labelled events of {examples.bars:,} bars")
    plan = Plan(labels=params, seed=run.seed, trials=trials)
    trained = train(examples.x, examples.labels, plan, watch, served=examples.served)
    TrainingRun.objects.filter(pk=run.pk).update(metrics=trained.metrics)
    watch.say(0.99, "Registering")
    return register(
        run=run, trained=trained, examples=examples, params=params, trials=trials, revision=code_revision(), now=clock()
    )


def trials_of(run: TrainingRun) -> int:
    """Models of this scope that were scored so far, this one included: each was a chance to be lucky."""
    scored = TrainingRun.objects.filter(timeframe=run.timeframe).exclude(pk=run.pk).exclude(metrics={})
    if len(run.symbols) == 1:
        return scored.filter(exchange=run.exchange, symbols=run.symbols).count() + 1
    # Pooled ones are of one scope, whatever they learned from: another symbol more is one more try.
    return sum(len(symbols) > 1 for symbols in scored.values_list("symbols", flat=True)) + 1


def _timeframe(run: TrainingRun) -> Timeframe:
    return next(name for name in TIMEFRAMES if name == run.timeframe)


def _end(
    run_id: int, state: RunState, now: datetime, *, phase: str, error: str = "", progress: float | None = None
) -> None:
    changes: dict[str, object] = {"state": state, "phase": phase[:120], "error": error, "finished_at": now}
    if progress is not None:
        changes["progress"] = progress
    TrainingRun.objects.filter(pk=run_id).update(**changes)
    log.info("model.training_ended", run_id=run_id, state=str(state), error=error)

"""A trained model becomes a version, in shadow."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from msgspec import structs

from quant.learning.artefact import dump
from quant.learning.labels import LabelParams
from quant.learning.loading import Examples
from quant.learning.registry import lock_scope, tell
from quant.learning.train import Trained
from quant.models import ModelEvent, ModelVersion, TrainingRun


@transaction.atomic
def register(
    *,
    run: TrainingRun,
    trained: Trained,
    examples: Examples,
    params: LabelParams,
    trials: int,
    revision: str,
    now: datetime,
) -> ModelVersion:
    """Keep a trained model, in shadow."""
    pooled = len(run.symbols) > 1
    exchange, symbol = ("", "") if pooled else (run.exchange, run.symbols[0])
    name = model_name(exchange, symbol, run.timeframe)
    text, digest = dump(trained.artefact)
    lock_scope(exchange, symbol, run.timeframe)
    number = (ModelVersion.objects.filter(name=name).aggregate(most=Max("number"))["most"] or 0) + 1
    version = ModelVersion.objects.create(
        name=name,
        number=number,
        exchange=exchange,
        symbol=symbol,
        timeframe=run.timeframe,
        artefact=text,
        sha256=digest,
        schema_hash=trained.artefact.schema_hash,
        span_start_ns=examples.span_start_ns,
        span_end_ns=examples.span_end_ns,
        bars=examples.bars,
        labels=len(examples.labels),
        label_params=structs.asdict(params),
        code_revision=revision,
        trials=trials,
        metrics=trained.metrics,
        refusals=trained.refusals,
        run=run,
        created_at=now,
        status_since=now,
    )
    tell(version, ModelEvent.Kind.REGISTERED, before="", actor=run.requested_by, reason="", now=now)
    return version


def model_name(exchange: str, symbol: str, timeframe: str) -> str:
    """A slug for a scope: binance-btc-usdt-1m, pooled-5m."""
    where = f"{exchange}-{symbol}" if symbol else "pooled"
    return "".join(c if c.isalnum() else "-" for c in f"{where}-{timeframe}".lower())[:80]

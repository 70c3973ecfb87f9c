"""What versions say of bars as they close, written down before anybody knows how they end, and what that was worth."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import structlog
from django.db.models import F, Max
from msgspec import structs
from numpy.typing import NDArray

from marketdata.events import Timeframe
from marketdata.models import Subscription
from quant.features.bars import timeframe_ns
from quant.learning.drift import DRIFT_BARS, LIMIT, MIN_ROWS, SINGLE_LIMIT, Drift, drift_of
from quant.learning.failures import ArtefactError, TreesUnavailable
from quant.learning.features import BarHistory
from quant.learning.labels import Action, LabelParams, triple_barrier
from quant.learning.loading import SIGMA, WARM_UP_BARS, labels_of, load_bars, load_entries, rows_of
from quant.learning.registry import MIN_TRADES, Stage, active_versions, demote, least_time, stage_of
from quant.learning.runs import TIMEFRAMES
from quant.learning.serving import Predictor
from quant.learning.significance import block_p_value
from quant.learning.trades import trades_of
from quant.models import ModelPrediction, ModelStatus, ModelVersion

log = structlog.get_logger(__name__)
Floats = NDArray[np.float64]

# Bars that a row of features is made from, and those of late that are predicted in one go.
PAST_BARS = 700
LATE_BARS = 60
# Written later than this after the close, a prediction might know how it ended: it does not count.
IN_TIME_NS = 300_000_000_000
_DAY_NS = 86_400_000_000_000
KEEP_NS = 120 * _DAY_NS
# Trades that one stretch of the market may decide together.
_BLOCK_TRADES = 5


def record_predictions(*, now_ns: int) -> int:
    """Write down what every active version says of the bars that closed since it last spoke. How many predictions."""
    written = 0
    for version in active_versions():
        try:
            predictor = Predictor.from_version(version)
        except ArtefactError as error:
            log.error("model.unusable", model=str(version), reason=str(error))
            continue
        for exchange, symbol in instruments_of(version):
            written += _record(version, predictor, exchange, symbol, now_ns)
    return written


def instruments_of(version: ModelVersion) -> list[tuple[str, str]]:
    """(exchange, symbol) that it speaks for: its own, or of a pooled one those of its training that are followed."""
    if version.symbol:
        return [(version.exchange, version.symbol)]
    run = version.run
    if run is None:
        return []
    followed = Subscription.objects.filter(exchange__code=run.exchange, symbol__in=run.symbols)
    return sorted((run.exchange, symbol) for symbol in set(followed.values_list("symbol", flat=True)))


def _record(version: ModelVersion, predictor: Predictor, exchange: str, symbol: str, now_ns: int) -> int:
    timeframe = timeframe_of(version)
    length_ns = timeframe_ns(timeframe)
    rows = ModelPrediction.objects.filter(version=version, exchange=exchange, symbol=symbol)
    last_ns: int = rows.aggregate(last=Max("ts_close"))["last"] or int(version.created_at.timestamp() * 1e9)
    bars = load_bars(
        exchange, symbol, timeframe, start_ns=now_ns - 2 * PAST_BARS * length_ns, end_ns=now_ns, last=PAST_BARS
    )
    closes_ns = bars.ts_open + length_ns
    late = np.flatnonzero((closes_ns > max(last_ns, now_ns - LATE_BARS * length_ns)) & (closes_ns <= now_ns))
    late = late[late >= WARM_UP_BARS]
    if len(late) == 0:
        return 0
    p = predictor.predict_many(rows_of(exchange, symbol, timeframe, bars)[late])
    found = [
        ModelPrediction(
            version=version,
            exchange=exchange,
            symbol=symbol,
            ts_close=int(closes_ns[i]),
            ts_written=now_ns,
            p_sell=said[Action.SELL],
            p_hold=said[Action.HOLD],
            p_buy=said[Action.BUY],
            close=float(bars.close[i]),
        )
        for i, said in zip(late.tolist(), p.tolist(), strict=True)
    ]
    ModelPrediction.objects.bulk_create(found, ignore_conflicts=True)
    return len(found)


def prune_predictions(*, now_ns: int) -> int:
    """Delete what is too old to be evidence. How many."""
    return ModelPrediction.objects.filter(ts_close__lt=now_ns - KEEP_NS).delete()[0]


def judge_versions(*, now: datetime) -> None:
    """Bring evidence and drift of every active version up to date, and demote what has drifted."""
    for version in active_versions():
        try:
            predictor = Predictor.from_version(version)
        except ArtefactError as error:
            log.error("model.unusable", model=str(version), reason=str(error))
            if version.status != ModelStatus.SHADOW and not isinstance(error, TreesUnavailable):
                demote(version.pk, actor="", reason=str(error), now=now)
            continue
        version.evidence = evidence_of(version, predictor, now=now)
        drift = measure_drift(version, predictor, now_ns=int(now.timestamp() * 1e9))
        version.drift = {} if drift is None else structs.asdict(drift) | {"value": drift.value, "at": now.isoformat()}
        version.save(update_fields=["evidence", "drift"])
        if drift is not None and drift.is_shifted and version.status != ModelStatus.SHADOW:
            demote(version.pk, actor="", reason=_say(drift), now=now)


def evidence_of(version: ModelVersion, predictor: Predictor, *, now: datetime) -> dict[str, Any]:
    """What following its predictions in time would have earned since it is recorded, after costs."""
    params = msgspec.convert(version.label_params, LabelParams)
    parts = [_trades(version, predictor, params, *place) for place in instruments_of(version)]
    traded = [(begins_ns, gains) for begins_ns, gains in parts if len(gains)]
    begins_ns = np.concatenate([np.empty(0, dtype=np.int64), *(part[0] for part in traded)])
    order = np.argsort(begins_ns, kind="stable")
    gains = np.concatenate([np.empty(0), *(part[1] for part in traded)])[order]
    rows = ModelPrediction.objects.filter(version=version)
    found: dict[str, Any] = {"predictions": rows.count(), "trades": len(gains), "days": _days_in_time(version)}
    if len(gains) >= MIN_TRADES:
        found["mean_bps"] = float(gains.mean()) * 1e4
        found["p_value"] = _p_value(version, gains, len(traded))
    since_ns = int(version.status_since.timestamp() * 1e9)
    stage = _stage(version, gains[begins_ns[order] >= since_ns], len(traded), now=now)
    return found | {"stage": msgspec.to_builtins(stage)}


def _stage(version: ModelVersion, gains: Floats, instruments: int, *, now: datetime) -> Stage:
    """Since it has its status, looked at as seldom as `Looks` says."""
    looks = stage_of(version).looks
    if now - version.status_since >= least_time(version) and looks.is_due(len(gains), least=MIN_TRADES):
        looks = looks.after(len(gains), _p_value(version, gains, instruments))
    return Stage(
        since=version.status_since.isoformat(),
        trades=len(gains),
        mean_bps=float(gains.mean()) * 1e4 if len(gains) else 0.0,
        looks=looks,
    )


def _p_value(version: ModelVersion, gains: Floats, instruments: int) -> float:
    # Instruments move together: what several traded at one time is one block.
    return block_p_value(gains, block=_BLOCK_TRADES * instruments, rng=np.random.default_rng(version.pk))


def _days_in_time(version: ModelVersion) -> int:
    """Days, UTC, of closes that it predicted in time."""
    rows = ModelPrediction.objects.filter(version=version, ts_written__lte=F("ts_close") + IN_TIME_NS)
    return rows.annotate(day=F("ts_close") / _DAY_NS).values("day").distinct().count()


def _trades(
    version: ModelVersion, predictor: Predictor, params: LabelParams, exchange: str, symbol: str
) -> tuple[NDArray[np.int64], Floats]:
    rows = ModelPrediction.objects.filter(version=version, exchange=exchange, symbol=symbol).order_by("ts_close")
    said = [
        row
        for row in rows.values_list("ts_close", "ts_written", "p_sell", "p_hold", "p_buy")
        if row[1] - row[0] <= IN_TIME_NS
    ]
    if not said:
        return np.empty(0, dtype=np.int64), np.empty(0)
    closes_ns = np.array([row[0] for row in said], dtype=np.int64)
    all_p = np.array([row[2:] for row in said], dtype=np.float64)
    timeframe = timeframe_of(version)
    length_ns = timeframe_ns(timeframe)
    bars = load_bars(exchange, symbol, timeframe, start_ns=int(closes_ns[0]) - PAST_BARS * length_ns, end_ns=None)
    x = rows_of(exchange, symbol, timeframe, bars)
    events = np.flatnonzero(np.isin(bars.ts_open + length_ns, closes_ns))
    entry = load_entries(exchange, symbol, timeframe, bars)
    labels = triple_barrier(bars, x[:, SIGMA], events, params, length_ns=length_ns, entry=entry)
    p = all_p[np.searchsorted(closes_ns, labels.start_ns)]
    return trades_of(p, labels, theta=predictor.artefact.theta, cost_bps=params.cost_bps)


def measure_drift(version: ModelVersion, predictor: Predictor, *, now_ns: int) -> Drift | None:
    """Against what it learned from, over the events of the last bars; None where those are too few to say."""
    params = msgspec.convert(version.label_params, LabelParams)
    timeframe = timeframe_of(version)
    parts = [_events(exchange, symbol, timeframe, params, now_ns) for exchange, symbol in instruments_of(version)]
    x = _stacked(parts)
    if x is None or len(x) < MIN_ROWS:
        return None
    p = predictor.predict_many(x)
    return drift_of(predictor.artefact, x, p[:, Action.BUY] - p[:, Action.SELL])


def _events(exchange: str, symbol: str, timeframe: Timeframe, params: LabelParams, now_ns: int) -> Floats:
    bars: BarHistory = load_bars(exchange, symbol, timeframe, start_ns=None, end_ns=now_ns, last=DRIFT_BARS)
    x = rows_of(exchange, symbol, timeframe, bars)
    return x[labels_of(x, bars, timeframe, params).rows] if len(bars) else x


def _stacked(parts: Iterable[Floats]) -> Floats | None:
    known = list(parts)
    return np.concatenate(known) if known else None


def _say(drift: Drift) -> str:
    worst = ", ".join(f"{name} {value:.2f}" for name, value in drift.worst.items())
    return (
        f"What it sees has moved away from what it learned from: PSI {drift.value:.2f}, allowed is {LIMIT} "
        f"(predictions {drift.predictions:.2f}, features {drift.features:.2f}), and {SINGLE_LIMIT} of a feature that "
        f"matters (the largest has {drift.single:.2f}); most: {worst}."
    )


def timeframe_of(version: ModelVersion) -> Timeframe:
    return next(name for name in TIMEFRAMES if name == version.timeframe)

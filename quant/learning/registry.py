"""Versions of models: moved from shadow to canary to live, taken back. One place writes their status."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import structlog
from django.db import transaction
from django.db.models import QuerySet
from msgspec import Struct

from quant.learning.artefact import load
from quant.learning.drift import LIMIT, SINGLE_LIMIT, is_shifted
from quant.learning.failures import ArtefactError
from quant.learning.looks import Looks
from quant.models import ModelEvent, ModelStatus, ModelVersion

log = structlog.get_logger(__name__)

# What of its weight in a bot's blend a version has.
WEIGHT_FACTORS: Mapping[str, float] = {ModelStatus.SHADOW: 0.0, ModelStatus.CANARY: 0.25, ModelStatus.LIVE: 1.0}
MIN_SHADOW = timedelta(days=14)
MIN_CANARY = timedelta(days=7)
# Days on which it predicted in time: two weeks of a market that closes at weekends.
MIN_DAYS = 10
MIN_TRADES = 30
_NEXT = {ModelStatus.SHADOW: ModelStatus.CANARY, ModelStatus.CANARY: ModelStatus.LIVE}
Kind = ModelEvent.Kind


class Stage(Struct, frozen=True, kw_only=True):
    """What following its predictions in time would have earned since `since`, in basis points after costs."""

    since: str
    trades: int = 0
    mean_bps: float = 0.0
    looks: Looks = Looks()


class NotAllowed(Exception):
    """A move that the registry refuses; the text says why and what would allow it."""


def active_versions() -> QuerySet[ModelVersion]:
    """Those that predict: shadow, canary and live ones; the engine weighs them by WEIGHT_FACTORS."""
    return ModelVersion.objects.filter(status__in=ModelVersion.ACTIVE).order_by("pk")


def version_for(versions: list[ModelVersion], *, exchange: str, symbol: str, timeframe: str) -> ModelVersion | None:
    """Of active versions, the one that votes for an instrument: live before canary before shadow, its own before
    pooled, the newest of several."""
    order = {ModelStatus.LIVE: 0, ModelStatus.CANARY: 1, ModelStatus.SHADOW: 2}
    fitting = [
        version
        for version in versions
        if version.timeframe == timeframe and (version.exchange, version.symbol) in ((exchange, symbol), ("", ""))
    ]
    return min(fitting, key=lambda v: (order[ModelStatus(v.status)], not v.symbol, -v.pk), default=None)


def standing_refusals(version: ModelVersion, now: datetime) -> list[str]:
    """Why a version may not be promoted as things stand, in sentences; empty where it may."""
    found = list(version.refusals)
    least, waited = least_time(version), now - version.status_since
    if waited < least:
        found.append(f"It has been in {version.status} for {waited / timedelta(days=1):.1f} days, needs {least.days}.")
    if (days := version.evidence.get("days", 0)) < MIN_DAYS:
        found.append(f"It made predictions in time on {days} days, needs {MIN_DAYS}.")
    stage = stage_of(version)
    if stage.trades < MIN_TRADES:
        found.append(f"Its predictions since it is in {version.status} made {stage.trades} trades, needs {MIN_TRADES}.")
    elif stage.looks.p_value is None:
        found.append("What its predictions earned has not been tested yet: that is done once an hour.")
    elif not stage.looks.passed:
        found.append(
            f"What its predictions earned may be chance: {stage.mean_bps:+.1f} bps a trade after costs, "
            f"p {stage.looks.p_value:.3f} at {stage.looks.trades} trades, needs {stage.looks.level:.3f} at look "
            f"{stage.looks.count}; the next look is at {2 * stage.looks.trades} trades."
        )
    drift, single = version.drift.get("value", 0.0), version.drift.get("single", 0.0)
    if is_shifted(drift, single):
        found.append(
            f"What it sees has moved away from what it learned from: PSI {drift:.2f}, allowed is {LIMIT}; of the feature "
            f"that moved most {single:.2f}, allowed is {SINGLE_LIMIT}."
        )
    return found


def least_time(version: ModelVersion) -> timedelta:
    """How long it must have its status before it is promoted, and before what it earned is tested."""
    return MIN_CANARY if version.status == ModelStatus.CANARY else MIN_SHADOW


def stage_of(version: ModelVersion) -> Stage:
    """What was seen of it since it has its status; nothing where what was seen is of another."""
    seen = version.evidence.get("stage", {})
    if seen.get("since") != version.status_since.isoformat():
        return Stage(since=version.status_since.isoformat())
    return msgspec.convert(seen, Stage)


@transaction.atomic
def promote(version_id: int, *, actor: str, now: datetime, reason: str = "", force: bool = False) -> ModelVersion:
    """Shadow to canary, canary to live; what was there before is retired. `force` passes the rules, with a reason.

    Raises NotAllowed, and ModelVersion.DoesNotExist.
    """
    version = _locked(version_id)
    after = _NEXT.get(ModelStatus(version.status))
    if after is None:
        raise NotAllowed(f"{version} is {version.status}: only a version in shadow or canary can be promoted.")
    _require_usable(version)
    against = standing_refusals(version, now)
    if against and not force:
        raise NotAllowed(f"{version} stays {version.status}. {' '.join(against)} Staff may force it with a reason.")
    if against and not reason.strip():
        raise NotAllowed(f"Say why {version} is to be promoted against the rules: {' '.join(against)}")
    _put(version, after, kind=Kind.FORCED if against else Kind.PROMOTED, actor=actor, reason=reason.strip(), now=now)
    return version


@transaction.atomic
def demote(version_id: int, *, actor: str, reason: str, now: datetime) -> ModelVersion:
    """Canary or live back to shadow, where it is recorded and moves nothing. Raises NotAllowed."""
    version = _locked(version_id)
    if version.status not in (ModelStatus.CANARY, ModelStatus.LIVE):
        raise NotAllowed(f"{version} is {version.status}: only a canary or live version can be demoted.")
    _put(version, ModelStatus.SHADOW, kind=Kind.DEMOTED, actor=actor, reason=reason, now=now)
    return version


@transaction.atomic
def retire(version_id: int, *, actor: str, reason: str, now: datetime) -> ModelVersion:
    """Stop it predicting. Raises NotAllowed where it is retired already."""
    version = _locked(version_id)
    if version.status == ModelStatus.RETIRED:
        raise NotAllowed(f"{version} is retired already.")
    _put(version, ModelStatus.RETIRED, kind=Kind.RETIRED, actor=actor, reason=reason, now=now)
    return version


@transaction.atomic
def roll_back(version_id: int, *, actor: str, now: datetime, reason: str = "") -> ModelVersion | None:
    """Take a live version off, and bring back what was live before it; None where nothing was. Raises NotAllowed."""
    version = _locked(version_id)
    if version.status != ModelStatus.LIVE:
        raise NotAllowed(f"{version} is {version.status}: only a live version can be rolled back.")
    previous = version.replaced
    if previous is not None:
        _require_usable(previous)
    _put(version, ModelStatus.RETIRED, kind=Kind.ROLLED_BACK, actor=actor, reason=reason.strip(), now=now)
    if previous is None:
        return None
    _put(previous, ModelStatus.LIVE, kind=Kind.RESTORED, actor=actor, reason=f"{version} was rolled back.", now=now)
    return previous


def _put(version: ModelVersion, after: str, *, kind: str, actor: str, reason: str, now: datetime) -> None:
    """Change the status; whoever holds the place is retired first, and remembered where it was live."""
    before = version.status
    if after in (ModelStatus.CANARY, ModelStatus.LIVE):
        holder = _scope(version.exchange, version.symbol, version.timeframe).filter(status=after).first()
        if holder is not None:
            _put(holder, ModelStatus.RETIRED, kind=Kind.RETIRED, actor=actor, reason=f"{version} took over.", now=now)
        # What is brought back keeps what it had replaced itself.
        if after == ModelStatus.LIVE and kind != Kind.RESTORED:
            version.replaced = holder
    version.status, version.status_since = after, now
    version.save(update_fields=["status", "status_since", "replaced"])
    tell(version, kind, before=before, actor=actor, reason=reason, now=now)


def tell(version: ModelVersion, kind: str, *, before: str, actor: str, reason: str, now: datetime) -> None:
    ModelEvent.objects.create(
        version=version, kind=kind, before=before, after=version.status, actor=actor, reason=reason[:500], at=now
    )
    log.info(
        "model.moved", model=str(version), kind=kind, before=before, after=version.status, actor=actor, reason=reason
    )


def _require_usable(version: ModelVersion) -> None:
    # With the features come TA-Lib and pandas: whoever moves a model pays for them, not every process with an admin.
    from quant.learning.features import SCHEMA_HASH

    try:
        load(version.artefact, expected_sha256=version.sha256, schema_hash=SCHEMA_HASH, name=str(version))
    except ArtefactError as error:
        raise NotAllowed(str(error)) from None


def _locked(version_id: int) -> ModelVersion:
    version = ModelVersion.objects.get(pk=version_id)
    lock_scope(version.exchange, version.symbol, version.timeframe)
    version.refresh_from_db()
    return version


def lock_scope(exchange: str, symbol: str, timeframe: str) -> None:
    """Moves within one scope follow each other."""
    list(_scope(exchange, symbol, timeframe).select_for_update().order_by("pk").values_list("pk", flat=True))


def _scope(exchange: str, symbol: str, timeframe: str) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(exchange=exchange, symbol=symbol, timeframe=timeframe)

"""Reading what the feeds wrote, for REST, the status command and the dashboard."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from marketdata.feed.advice import SOURCE_NOT_ASKED, feed_advice, source_advice
from marketdata.models import FeedEvent, FeedStatus, SlowSource, Subscription

# Statuses are written once a second; one older than this is of a feed that no longer runs.
FRESH_S = 5.0
# The state of a slow source whose lease nobody holds: what it was before says nothing of now.
NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    """How the stream of one symbol is. `is_running` is false when its feed no longer writes; `advice` is what to do."""

    exchange: str
    environment: str
    symbol: str
    state: str
    source: str
    reason: str
    advice: str
    last_price: float | None
    last_tick_at: datetime | None
    tick_age_s: float | None
    messages_per_s: float
    lag_p50_ms: float | None
    lag_p95_ms: float | None
    messages: int
    rejected: int
    gaps: int
    reconnects: int
    followers: int
    updated_at: datetime
    is_running: bool


def feed_rows(*, now: datetime) -> list[FeedRow]:
    """All followed symbols, by exchange and symbol, in one query."""
    followers = (
        Subscription.objects.filter(exchange=OuterRef("exchange"), symbol=OuterRef("symbol"))
        .order_by()
        .values("symbol")
        .annotate(number=Count("pk"))
        .values("number")
    )
    rows = FeedStatus.objects.select_related("exchange").annotate(followers=Coalesce(Subquery(followers), 0))
    return [_feed_row(row, now) for row in rows]


def _feed_row(row: FeedStatus, now: datetime) -> FeedRow:
    is_running = (now - row.updated_at).total_seconds() <= FRESH_S
    return FeedRow(
        exchange=row.exchange.code,
        environment=row.exchange.environment,
        symbol=row.symbol,
        state=row.state,
        source=row.source,
        reason=row.reason,
        advice=feed_advice(row.state, is_running=is_running),
        last_price=row.last_price,
        last_tick_at=row.last_tick_at,
        tick_age_s=round((now - row.last_tick_at).total_seconds(), 3) if row.last_tick_at else None,
        messages_per_s=row.messages_per_s,
        lag_p50_ms=row.lag_p50_ms,
        lag_p95_ms=row.lag_p95_ms,
        messages=row.messages,
        rejected=row.rejected,
        gaps=row.gaps,
        reconnects=row.reconnects,
        followers=row.followers,  # type: ignore[attr-defined]
        updated_at=row.updated_at,
        is_running=is_running,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """How a slow source is. `is_asked` is false when no process holds its lease: then `state` is NOT_ASKED.

    `answer_age_s` is since it last answered, None when it never did.
    """

    name: str
    kind: str
    environment: str
    state: str
    reason: str
    advice: str
    last_success_at: datetime | None
    answer_age_s: float | None
    is_asked: bool


def source_rows(*, now: datetime) -> list[SourceRow]:
    """All enabled slow sources, by name."""
    return [source_row(source, now) for source in SlowSource.objects.filter(enabled=True)]


def source_row(source: SlowSource, now: datetime) -> SourceRow:
    is_asked = source.lease_expires_at is not None and source.lease_expires_at > now
    last = source.last_success_at
    return SourceRow(
        name=source.name,
        kind=source.get_kind_display(),
        environment=source.environment,
        state=source.state if is_asked else NOT_ASKED,
        reason=source.reason if is_asked else "",
        advice=source_advice(source.state) if is_asked else SOURCE_NOT_ASKED,
        last_success_at=last,
        answer_age_s=round((now - last).total_seconds(), 3) if last is not None else None,
        is_asked=is_asked,
    )


def recent_feed_events(*, limit: int = 50, exchange: str = "", symbol: str = "", kind: str = "") -> list[FeedEvent]:
    """Newest first."""
    rows = FeedEvent.objects.select_related("exchange")
    if exchange:
        rows = rows.filter(exchange__code=exchange)
    if symbol:
        rows = rows.filter(symbol=symbol)
    if kind:
        rows = rows.filter(kind=kind)
    return list(rows[:limit])

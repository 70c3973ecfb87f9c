"""Prometheus' view of the feeds: one place for the names, whoever tells the numbers.

Symbols are followed by bots, so there are few; beyond a bound they are counted and left out, and unknown ones, which
are what people typed, never become labels.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from redis.exceptions import RedisError

from marketdata.feed.presence import Leader, read_presence
from marketdata.models import FeedLease, FeedStatus
from marketdata.queries import FRESH_S, SourceRow, source_rows

MAX_SYMBOLS = 1_000
_LABELS = ("exchange", "symbol")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFigures:
    """One followed symbol now. `messages` and what follows it count since the symbol was followed."""

    exchange: str
    symbol: str
    state: str
    tick_age_s: float | None
    lag_p50_ms: float | None
    lag_p95_ms: float | None
    messages: int
    gaps: int
    reconnects: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFigures:
    """One venue's feed now. `leader` is None when nobody who leads has told of itself."""

    exchange: str
    leads: bool
    unknown_symbols: int
    leader: Leader | None


def symbol_families(figures: Sequence[SymbolFigures]) -> Iterator[Metric]:
    shown = figures[:MAX_SYMBOLS]
    age = GaugeMetricFamily("feed_last_tick_age_seconds", "Since the newest quote or print.", labels=_LABELS)
    state = GaugeMetricFamily("feed_state", "1 for the state that the symbol is in.", labels=(*_LABELS, "state"))
    lag = SummaryMetricFamily("feed_lag_seconds", "From the venue's time to ours, of recent messages.", labels=_LABELS)
    counters = {
        "messages": CounterMetricFamily("feed_messages", "Messages about the symbol.", labels=_LABELS),
        "gaps": CounterMetricFamily("feed_gap", "Losses that were noticed and resynced.", labels=_LABELS),
        "reconnects": CounterMetricFamily("feed_reconnects", "Connections after the first.", labels=_LABELS),
        "rejected": CounterMetricFamily("feed_rejected", "Ticks that could not be true.", labels=_LABELS),
    }
    for item in shown:
        labels = [item.exchange, item.symbol]
        if item.tick_age_s is not None:
            age.add_metric(labels, item.tick_age_s)
        state.add_metric([*labels, item.state], 1)
        for name, family in counters.items():
            family.add_metric(labels, getattr(item, name))
        for quantile, value in (("0.5", item.lag_p50_ms), ("0.95", item.lag_p95_ms)):
            if value is not None:
                names = dict(zip(_LABELS, labels, strict=True))
                lag.add_sample("feed_lag_seconds", {**names, "quantile": quantile}, value / 1e3)
    yield from (age, state, lag, *counters.values())
    yield GaugeMetricFamily("feed_symbols_left_out", "Followed symbols without metrics.", len(figures) - len(shown))


def venue_families(figures: Iterable[VenueFigures]) -> Iterator[Metric]:
    one = ("exchange",)
    leads = GaugeMetricFamily("feed_leader", "1 where a process leads the venue's feed.", labels=one)
    unknown = GaugeMetricFamily("feed_unknown_symbols", "Followed, but not listed by the venue.", labels=one)
    allowed = GaugeMetricFamily("feed_not_allowed", "1 where the venue does not let us in.", labels=one)
    offset = GaugeMetricFamily("feed_clock_offset_seconds", "Ours less the venue's, and the way here.", labels=one)
    published = CounterMetricFamily("feed_published", "Events put onto the channel layer.", labels=one)
    dropped = CounterMetricFamily("feed_dropped", "Events that Redis could not take.", labels=one)
    malformed = CounterMetricFamily("feed_malformed", "Frames that could not be read.", labels=one)
    for item in figures:
        labels = [item.exchange]
        leads.add_metric(labels, int(item.leads))
        unknown.add_metric(labels, item.unknown_symbols)
        if item.leader is None:
            continue
        allowed.add_metric(labels, int(bool(item.leader.denied)))
        published.add_metric(labels, item.leader.published)
        dropped.add_metric(labels, item.leader.dropped)
        malformed.add_metric(labels, item.leader.malformed)
        if item.leader.clock_offset_ms is not None:
            offset.add_metric(labels, item.leader.clock_offset_ms / 1e3)
    yield from (leads, unknown, allowed, offset, published, dropped, malformed)


def stored_families(*, now: datetime) -> Iterator[Metric]:
    """What all feed processes together wrote into database and cache."""
    rows = list(FeedStatus.objects.select_related("exchange"))
    unknown = [row.exchange.code for row in rows if row.state == FeedStatus.State.UNKNOWN_SYMBOL]
    yield from symbol_families([_stored(row, now) for row in rows if row.state != FeedStatus.State.UNKNOWN_SYMBOL])
    leases = list(FeedLease.objects.select_related("exchange").filter(exchange__enabled=True))
    try:
        presence = read_presence(lease.exchange.code for lease in leases)
    except (RedisError, OSError):
        presence = {}
    yield from venue_families(
        VenueFigures(
            exchange=code,
            leads=bool(lease.holder) and lease.expires_at is not None and lease.expires_at > now,
            unknown_symbols=unknown.count(code),
            leader=presence[code].leader if code in presence else None,
        )
        for lease in leases
        for code in [lease.exchange.code]
    )
    yield from source_families(source_rows(now=now))


def source_families(rows: Iterable[SourceRow]) -> Iterator[Metric]:
    state = GaugeMetricFamily("slow_source_state", "1 for the state that the source is in.", labels=("source", "state"))
    age = GaugeMetricFamily(
        "slow_source_last_answer_age_seconds", "Since the source last answered.", labels=("source",)
    )
    for row in rows:
        state.add_metric([row.name, row.state.replace(" ", "_")], 1)
        if row.answer_age_s is not None:
            age.add_metric([row.name], row.answer_age_s)
    yield from (state, age)


def _stored(row: FeedStatus, now: datetime) -> SymbolFigures:
    is_running = (now - row.updated_at).total_seconds() <= FRESH_S
    return SymbolFigures(
        exchange=row.exchange.code,
        symbol=row.symbol,
        state=row.state if is_running else "not_running",
        tick_age_s=(now - row.last_tick_at).total_seconds() if row.last_tick_at else None,
        lag_p50_ms=row.lag_p50_ms,
        lag_p95_ms=row.lag_p95_ms,
        messages=row.messages,
        gaps=row.gaps,
        reconnects=row.reconnects,
        rejected=row.rejected,
    )

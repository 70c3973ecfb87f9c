"""The feeds at a glance, venue by venue, in the words that people read: for the page, and who asks alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.db.models import Count, Exists, OuterRef
from redis.exceptions import RedisError

from marketdata.feed.advice import IDLE, NO_LISTINGS, NOT_ALLOWED, NOT_RUNNING
from marketdata.feed.presence import Presence, host_and_pid, read_presence
from marketdata.models import Exchange, FeedLease, FeedStatus, Instrument, SlowSource, Subscription
from marketdata.queries import FeedRow, SourceRow, feed_rows, source_rows

# What the feeds tell as events, for choosing among them.
EVENT_KINDS = (
    "connected", "disconnected", "reconnecting", "failed", "live", "stale", "gap", "fallback", "divergence", "agreement",
    "rejected", "rules_changed", "unknown_symbol", "refused", "not_allowed", "maintenance", "online", "market_status",
    "closed", "ending", "renewing", "renewed", "redis_away", "redis_back", "waiting", "listings_changed",
    "unfollowed", "replay", "replay_ended", "replay_failed", "reload",
)  # fmt: skip

# The same trouble of so many symbols is the venue's.
_SAID_OF = 3

_STATE_NAMES = dict(FeedStatus.State.choices)
_LIGHTS = {"live": "live", "closed": "none", "fallback": "partly", "resyncing": "partly", "connecting": "partly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolView:
    """`light` is live, partly, lost or none; `trouble` says in words what is wrong and what to do, or is empty."""

    row: FeedRow
    light: str
    state: str
    source: str
    trouble: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueView:
    """One exchange. `leader` and `standbys` are host:pid; `clock_offset_ms`: ours less theirs, and the way here."""

    code: str
    name: str
    adapter: str
    environment: str
    environment_name: str
    light: str
    state: str
    advice: str
    leader: str
    standbys: tuple[str, ...]
    clock_offset_ms: float | None
    reconnects: int
    dropped: int
    symbols: tuple[SymbolView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    row: SourceRow
    light: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedsView:
    """`off`: names of what exists but is not enabled."""

    venues: tuple[VenueView, ...]
    venues_off: tuple[str, ...]
    sources: tuple[SourceView, ...]
    sources_off: tuple[str, ...]


def feeds_view(*, now: datetime) -> FeedsView:
    """Everything, in six queries and one look into the cache."""
    is_listed = Exists(Instrument.objects.filter(exchange=OuterRef("pk")))
    exchanges = list(Exchange.objects.annotate(is_listed=is_listed))
    enabled = [exchange for exchange in exchanges if exchange.enabled]
    rows = {code: list(group) for code, group in groupby(feed_rows(now=now), key=lambda row: row.exchange)}
    leases = {lease.exchange_id: lease for lease in FeedLease.objects.all()}
    try:
        presence = read_presence(exchange.code for exchange in enabled)
    except (RedisError, OSError):
        presence = {}
    wanted = dict(Subscription.objects.values_list("exchange_id").annotate(Count("symbol", distinct=True)).order_by())
    return FeedsView(
        venues=tuple(
            _venue(
                exchange,
                rows.get(exchange.code, []),
                wanted=wanted.get(exchange.pk, 0),
                is_listed=exchange.is_listed,
                lease=leases.get(exchange.pk),
                presence=presence.get(exchange.code, Presence()),
                now=now,
            )
            for exchange in enabled
        ),
        venues_off=tuple(exchange.name for exchange in exchanges if not exchange.enabled),
        sources=tuple(_source(row) for row in source_rows(now=now)),
        sources_off=tuple(SlowSource.objects.filter(enabled=False).values_list("name", flat=True)),
    )


def _venue(
    exchange: Exchange,
    rows: list[FeedRow],
    *,
    wanted: int,
    is_listed: bool,
    lease: FeedLease | None,
    presence: Presence,
    now: datetime,
) -> VenueView:
    leads = lease is not None and bool(lease.holder) and lease.expires_at is not None and lease.expires_at > now
    holder = lease.holder if lease is not None and leads else ""
    # What another process told before it lost the lease is no longer so.
    leader = presence.leader if presence.leader is not None and presence.leader.holder == holder else None
    light, state, advice = _venue_state(
        rows, wanted=wanted, is_listed=is_listed, leads=leads, denied=leader.denied if leader is not None else ""
    )
    symbols = [_symbol(row) for row in rows]
    shared = _shared_trouble(symbols)
    if shared:
        symbols = [replace(view, trouble="", advice="") if view.trouble else view for view in symbols]
        advice = " ".join(filter(None, (advice or shared[0], "" if advice else shared[1])))
    return VenueView(
        code=exchange.code,
        name=exchange.name,
        adapter=exchange.adapter,
        environment=exchange.environment,
        environment_name=exchange.get_environment_display(),
        light=light,
        state=state,
        advice=advice,
        leader=host_and_pid(holder),
        standbys=presence.standbys,
        clock_offset_ms=leader.clock_offset_ms if leader is not None else None,
        reconnects=max((row.reconnects for row in rows), default=0),
        dropped=leader.dropped if leader is not None else 0,
        symbols=tuple(symbols),
    )


def _venue_state(
    rows: list[FeedRow], *, wanted: int, is_listed: bool, leads: bool, denied: str
) -> tuple[str, str, str]:
    """Light, state and what to do."""
    if not leads:
        return "lost", "not running", NOT_RUNNING
    if denied:
        return "lost", "not allowed", f"{denied.rstrip('.')}. {NOT_ALLOWED}"
    if not rows and wanted:
        return (
            "lost",
            "no listings",
            f"{wanted} symbol{'' if wanted == 1 else 's'} wait{'s' if wanted == 1 else ''}. {NO_LISTINGS}",
        )
    if not rows and not is_listed:
        return "lost", "no listings", NO_LISTINGS
    if not rows:
        return "none", "idle", IDLE
    live = sum(row.is_running and row.state == "live" for row in rows)
    closed = sum(row.state == "closed" for row in rows)
    if closed == len(rows):
        return "none", "market closed", ""
    light = "live" if live + closed == len(rows) else "partly" if live or _any_fallback(rows) else "lost"
    return light, f"{live} of {len(rows)} live", ""


def _shared_trouble(symbols: Sequence[SymbolView]) -> tuple[str, str] | None:
    """What is wrong with all that are in trouble, when it is one thing and said of several: told once, of the venue."""
    told = [(view.trouble, view.advice) for view in symbols if view.trouble]
    if len(told) < _SAID_OF or len(set(told)) > 1:
        return None
    trouble, advice = told[0]
    return f"{trouble[:1].upper()}{trouble[1:].rstrip('.')}.", advice


def _any_fallback(rows: list[FeedRow]) -> bool:
    return any(row.is_running and row.state == "fallback" for row in rows)


def _symbol(row: FeedRow) -> SymbolView:
    state = _STATE_NAMES.get(row.state, row.state) if row.is_running else "not running"
    is_fine = row.is_running and row.state == "live"
    return SymbolView(
        row=row,
        light=_LIGHTS.get(row.state, "lost") if row.is_running else "lost",
        state=state,
        source={"websocket": "WebSocket", "rest": "REST"}.get(row.source, row.source),
        trouble="" if is_fine else row.reason if row.is_running else "",
        advice="" if is_fine else row.advice,
    )


def _source(row: SourceRow) -> SourceView:
    return SourceView(row=row, light={"live": "live", "waiting": "none"}.get(row.state, "lost"))

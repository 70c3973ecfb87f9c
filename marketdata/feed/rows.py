"""What the feed writes to and reads from the database. Plain functions; the feed calls them in a thread."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from marketdata.bulk import upsert
from marketdata.events import Bar
from marketdata.exchanges.adapter import Listing
from marketdata.models import BarRow, FeedEvent, FeedStatus, Instrument, Subscription

_BATCH_ROWS = 1_000
# What an instrument's row and a listing have in common.
_RULES = (
    "venue_symbol",
    "kind",
    "base",
    "quote",
    "tick_size",
    "lot_size",
    "min_quantity",
    "max_quantity",
    "min_notional",
    "contract_size",
    "price_decimals",
    "size_decimals",
)
_BAR_KEY = ("instrument_id", "timeframe", "ts_open")
_STATUS = (
    "exchange_id",
    "symbol",
    "state",
    "source",
    "reason",
    "last_price",
    "last_tick_at",
    "messages_per_s",
    "lag_p50_ms",
    "lag_p95_ms",
    "messages",
    "rejected",
    "gaps",
    "reconnects",
    "updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedNote:
    """An event that people should see."""

    symbol: str
    kind: str
    message: str
    at_ns: int


def to_datetime(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, tz=UTC)


def wanted_symbols(exchange_id: int, followers: Collection[str] = ()) -> set[str]:
    """What anybody follows at a venue, or what these do."""
    wishes = Subscription.objects.filter(exchange_id=exchange_id)
    if followers:
        wishes = wishes.filter(follower__in=followers)
    return set(wishes.values_list("symbol", flat=True).distinct())


def known_instruments(exchange_id: int) -> dict[str, tuple[int, Listing]]:
    """Unified symbol → (row id, its rules)."""
    return {
        row.symbol: (
            row.pk,
            Listing(symbol=row.symbol, active=row.active, **{name: getattr(row, name) for name in _RULES}),
        )
        for row in Instrument.objects.filter(exchange_id=exchange_id)
    }


def write_listings(exchange_id: int, listings: Sequence[Listing], now: datetime) -> None:
    """Insert or update instruments; those that the venue no longer lists become inactive."""
    rows = [
        Instrument(
            exchange_id=exchange_id,
            symbol=item.symbol,
            active=item.active,
            updated_at=now,
            **{name: getattr(item, name) for name in _RULES},
        )
        for item in listings
    ]
    Instrument.objects.bulk_create(
        rows,
        batch_size=_BATCH_ROWS,
        update_conflicts=True,
        unique_fields=("exchange", "symbol"),
        update_fields=(*_RULES, "active", "updated_at"),
    )
    listed = [item.symbol for item in listings]
    Instrument.objects.filter(exchange_id=exchange_id, active=True).exclude(symbol__in=listed).update(active=False)


def write_bars(bars: Iterable[tuple[int, Bar]]) -> None:
    """Insert or replace closed bars, given with the ids of their instruments."""
    newest = {(instrument_id, bar.timeframe, bar.ts_open): bar for instrument_id, bar in bars}
    upsert(
        BarRow,
        [
            (
                *key,
                bar.open,
                bar.high,
                bar.low,
                bar.close,
                bar.volume,
                bar.taker_buy_volume,
                bar.trades,
                bar.source,
            )
            for key, bar in newest.items()
        ],
        fields=(*_BAR_KEY, "open", "high", "low", "close", "volume", "taker_buy_volume", "trades", "source"),
        unique=_BAR_KEY,
    )


def write_statuses(rows: Collection[FeedStatus], *, exchange_id: int, followed: Collection[str]) -> None:
    """Insert or update the feed's rows; those of symbols that are not among `followed` go."""
    upsert(
        FeedStatus,
        [attrgetter(*_STATUS)(row) for row in rows],
        fields=_STATUS,
        unique=("exchange_id", "symbol"),
    )
    FeedStatus.objects.filter(exchange_id=exchange_id).exclude(symbol__in=followed).delete()


def write_notes(notes: Iterable[FeedNote], *, exchange_id: int) -> None:
    FeedEvent.objects.bulk_create(
        [
            FeedEvent(
                exchange_id=exchange_id,
                symbol=note.symbol,
                kind=note.kind,
                message=note.message[:500],
                at=to_datetime(note.at_ns),
            )
            for note in notes
        ]
    )

"""Entries and their ends, as the execution policy learns from them. It only looks: no order depends on it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.db.models import Exists, OuterRef

from bots.models import Decision, Fill, Intent
from bots.models.choices import Mode
from bots.trading.vocabulary import OrderType, Purpose, Side
from marketdata.models import BarRow
from quant.models.policy import PolicyChoice
from quant.policy.execution import Arm, EntryContext, Outcome
from quant.policy.shadow import Entry, record_choices, settle

log = structlog.get_logger(__name__)

BATCH = 500
LOOK_BACK = timedelta(days=7)
END_PRICE_WITHIN_NS = 300_000_000_000


def update_policy(*, now: datetime) -> tuple[int, int]:
    """Choose for entries that are new, then learn from those that have ended; gives how many of each.

    All choices come first: none is made with an outcome of the same run in mind.
    """
    chosen = sum(record_choices(policy_name(mode), new_entries(mode, now=now), now=now) for mode in Mode.values)
    settled = 0
    for intent in ended_entries():
        settled += settle(intent.pk, outcome_of(intent), now=now)
    if chosen or settled:
        log.info("policy.updated", chosen=chosen, settled=settled)
    return chosen, settled


def policy_name(mode: str) -> str:
    """Paper money is filled by rules of ours: what is learned there is kept apart."""
    return f"execution:{mode}"


def new_entries(mode: str, *, now: datetime) -> list[Entry]:
    known = PolicyChoice.objects.filter(intent_id=OuterRef("pk"))
    intents = (
        Intent.objects.filter(purpose=Purpose.ENTRY, account__mode=mode, created_at__gte=now - LOOK_BACK)
        .exclude(Exists(known))
        .select_related("decision", "instrument__exchange")
        .order_by("created_at", "id")[:BATCH]
    )
    return [entry_of(intent) for intent in intents]


def entry_of(intent: Intent) -> Entry:
    return Entry(
        intent_id=intent.pk,
        exchange=intent.instrument.exchange.code,
        symbol=intent.instrument.symbol,
        decided_ns=intent.decision.ts_event,
        used=Arm.MAKER if intent.order_type == OrderType.LIMIT else Arm.TAKER,
        context=context_of(intent.decision, side=sign_of(intent.side)),
    )


def context_of(decision: Decision, *, side: int) -> EntryContext:
    """From the components that were stored with the decision, and nothing later."""
    components = {row.get("name"): row for row in decision.components}
    book = components.get("microstructure", {}).get("parts") or {}
    volatility = components.get("volatility", {}).get("parts") or {}
    return EntryContext(
        side=side,
        spread_bps=book.get("spread_bps"),
        volatility=volatility.get("percentile"),
        imbalance=book.get("book_imbalance"),
        drift=components.get("speed", {}).get("value"),
    )


def ended_entries() -> list[Intent]:
    """Of entries that the policy chose for, those that are over and not yet settled, in the order of their ends."""
    waiting = PolicyChoice.objects.filter(settled_at=None).order_by("decided_ns").values_list("intent_id", flat=True)
    intents = Intent.objects.filter(pk__in=list(waiting[: 4 * BATCH])).exclude(closed_at=None)
    return list(intents.select_related("decision", "instrument").order_by("closed_at", "id")[:BATCH])


def outcome_of(intent: Intent) -> Outcome | str:
    """How it ended, or why that cannot be told."""
    arrival = intent.decision.price
    if arrival <= 0:
        return "the decision has no price"
    fills = list(Fill.objects.filter(order__intent=intent))
    if not fills and not intent.orders.exclude(acknowledged_at=None).exists():
        return "the venue never took the order"
    fees = fees_in_quote(fills, intent.instrument.base, intent.instrument.quote)
    if fees is None:
        return "fees were taken in another asset"
    bought = sum((fill.quantity for fill in fills), Decimal(0))
    spent = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
    return Outcome(
        side=sign_of(intent.side),
        arrival=arrival,
        quantity=float(intent.quantity),
        filled=float(bought / intent.quantity),
        average=float(spent / bought) if bought else None,
        end=price_at(intent),
        fees=float(fees),
    )


def fees_in_quote(fills: Iterable[Fill], base: str, quote: str) -> Decimal | None:
    total = Decimal(0)
    for fill in fills:
        if fill.fee and fill.fee_asset not in (base, quote):
            return None
        total += fill.fee * fill.price if fill.fee_asset == base else fill.fee
    return total


def price_at(intent: Intent) -> float | None:
    """The close of the minute in which the entry was over, or of the last one in five minutes before."""
    if intent.closed_at is None:
        return None
    end_ns = int(intent.closed_at.timestamp() * 1e9)
    bars = BarRow.objects.filter(
        instrument_id=intent.instrument_id,
        timeframe="1m",
        ts_open__lt=end_ns,
        ts_open__gte=end_ns - END_PRICE_WITHIN_NS,
    )
    return bars.order_by("-ts_open").values_list("close", flat=True).first()


def sign_of(side: str) -> int:
    return 1 if side == Side.BUY else -1

"""Orders that passed the gate, and what a venue says of them."""

import uuid
from decimal import Decimal
from typing import Any

import msgspec

from bots.brokers.venue import Answer, Outcome, VenueOrder, VenueTrade
from bots.trading.records import InstrumentRules, OrderPlan, SubmittedOrder, VenueFill
from bots.trading.vocabulary import OrderState, OrderType, Purpose, Side

D = Decimal
HALF, NOTHING = D("0.5"), D(0)
SIGNED_MS = 1_763_700_000_000

BTC = InstrumentRules(
    instrument_id=1, exchange="simulated", symbol="BTC/USDT", base="BTC", quote="USDT", tick_size=D("0.01"),
    lot_size=D("0.00001"), min_quantity=D("0.00001"), max_quantity=D(9000), min_notional=D(5),
)  # fmt: skip


def an_order(
    *, side: Side = Side.BUY, order_type: OrderType = OrderType.LIMIT, quantity: Decimal = HALF, **changes: Any
) -> SubmittedOrder:
    order_id = changes.pop("order_id", None) or uuid.uuid4()
    plan = OrderPlan(
        bot_id=1, account_id=1, rules=BTC, side=side, purpose=Purpose.ENTRY, order_type=order_type, quantity=quantity,
        limit_price=D(100), slot=1, decided_at_ns=SIGNED_MS * 1_000_000,
    )  # fmt: skip
    order = SubmittedOrder(
        order_id=order_id, intent_id=uuid.uuid4(), decision_id=uuid.uuid4(), plan=plan, epoch=1,
        sign_ts_ms=SIGNED_MS, valid_until_ms=SIGNED_MS + 2_000,
    )  # fmt: skip
    return msgspec.structs.replace(order, **changes)


def seen(order: SubmittedOrder, state: OrderState, filled: Decimal = NOTHING, **changes: Any) -> VenueOrder:
    """The order as its venue shows it."""
    view = VenueOrder(
        venue_order_id="77", client_order_id=order.order_id.hex, symbol="BTC/USDT", side=order.plan.side, state=state,
        quantity=order.plan.quantity, filled=filled, limit_price=order.plan.limit_price,
    )  # fmt: skip
    return msgspec.structs.replace(view, **changes)


def traded(order: SubmittedOrder, trade_id: str, quantity: Decimal, **changes: Any) -> VenueTrade:
    fill = VenueFill(
        trade_id=trade_id, price=D(100), quantity=quantity, fee=D(0), fee_asset="USDT", is_maker=False,
        ts_event=(SIGNED_MS + 50) * 1_000_000,
    )  # fmt: skip
    trade = VenueTrade(
        venue_order_id="77", symbol="BTC/USDT", side=order.plan.side, fill=fill, client_order_id=order.order_id.hex
    )
    return msgspec.structs.replace(trade, **changes)


def answer(outcome: Outcome, order: VenueOrder | None = None, *trades: VenueTrade, **changes: Any) -> Answer:
    return msgspec.structs.replace(Answer(outcome=outcome, order=order, trades=trades), **changes)

"""BTC at 100 on a paper venue, and what orders of it look like."""

import uuid
from decimal import Decimal
from typing import Any

import msgspec

from bots.trading.records import InstrumentRules, OrderPlan, SubmittedOrder, VenueFill
from bots.trading.vocabulary import OrderType, Purpose, Side
from marketdata.events import BookSnapshot, QuoteTick, TradeTick

D = Decimal
MS = 1_000_000
RULES = InstrumentRules(
    instrument_id=1,
    exchange="simulated",
    symbol="BTC/USDT",
    base="BTC",
    quote="USDT",
    tick_size=D("0.01"),
    lot_size=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(1000),
    min_notional=D(5),
)


def order(number: int = 1, **changes: Any) -> SubmittedOrder:
    plan = OrderPlan(
        bot_id=1,
        account_id=1,
        rules=RULES,
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        order_type=OrderType.MARKET,
        quantity=D(1),
        limit_price=D(103),
        slot=number,
        decided_at_ns=0,
    )
    return SubmittedOrder(
        order_id=uuid.UUID(int=number),
        intent_id=uuid.UUID(int=number + 1000),
        decision_id=uuid.UUID(int=number + 2000),
        plan=msgspec.structs.replace(plan, **changes),
        epoch=1,
        sign_ts_ms=0,
        valid_until_ms=2000,
    )


def book(
    bids: tuple[tuple[float, float], ...] = ((99.9, 1.0), (99.8, 2.0)),
    asks: tuple[tuple[float, float], ...] = ((100.1, 1.0), (100.2, 2.0)),
    at_ns: int = 0,
) -> BookSnapshot:
    return BookSnapshot(
        exchange="simulated", symbol="BTC/USDT", bids=bids, asks=asks, update_id=1, ts_event=at_ns, ts_init=at_ns
    )


def quote(bid: float, ask: float, size: float = 1.0, at_ns: int = 0) -> QuoteTick:
    return QuoteTick(
        exchange="simulated", symbol="BTC/USDT", bid=bid, bid_size=size, ask=ask, ask_size=size, ts_event=at_ns,
        ts_init=at_ns,
    )  # fmt: skip


def sold(price: float, size: float, at_ns: int = 0) -> TradeTick:
    """A print in which a seller crossed the spread."""
    return TradeTick(
        exchange="simulated", symbol="BTC/USDT", price=price, size=size, buyer_is_maker=True, trade_id=1,
        ts_event=at_ns, ts_init=at_ns,
    )  # fmt: skip


def fill(
    quantity: Decimal, price: Decimal, *, fee: Decimal = Decimal(0), asset: str = "USDT", number: int = 1
) -> VenueFill:
    return VenueFill(
        trade_id=str(number), price=price, quantity=quantity, fee=fee, fee_asset=asset, is_maker=False, ts_event=number
    )

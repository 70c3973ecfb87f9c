"""Rows of the order path as records of pure code."""

from decimal import Decimal
from typing import Any, Self

from msgspec import Struct

from bots.orders.results import OrderView
from bots.orders.times import to_ns
from bots.trading.orders import public_status
from bots.trading.positions import Protection
from bots.trading.records import InstrumentRules, PositionState
from bots.trading.vocabulary import ExitReason, OrderState, OrderType, Purpose, Side


def rules_of(row: Any) -> InstrumentRules:
    """From a row with an instrument's columns and `exchange`."""
    return InstrumentRules(
        instrument_id=row.instrument_id,
        exchange=row.exchange,
        symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        tick_size=row.tick_size,
        lot_size=row.lot_size,
        min_quantity=row.min_quantity,
        max_quantity=row.max_quantity,
        min_notional=row.min_notional,
    )


def position_of(row: Any) -> PositionState:
    """From a row of POSITION_COLUMNS."""
    return PositionState(
        position_id=row.id,
        bot_id=row.bot_id,
        instrument_id=row.instrument_id,
        side=Side(row.side),
        quantity=row.quantity,
        entry_price=row.entry_price,
        stop_price=row.stop_price,
        target_price=row.target_price,
        trailing_stop=row.trailing_stop,
        high_water_mark=row.high_water_mark,
        realised_pnl=row.realised_pnl,
        fees=row.fees,
        opened_at_ns=to_ns(row.opened_at),
        cost=row.cost,
        opened_quantity=row.opened_quantity,
        exited_quantity=row.exited_quantity,
        exit_price=row.exit_price,
        close_requested=row.close_requested_at is not None,
        close_to=row.close_to,
        revision=row.revision,
    )


class LockedOrder(Struct, frozen=True, kw_only=True):
    """An order under lock with what a report of it may change."""

    row: Any
    rules: InstrumentRules
    protection: Protection
    position: PositionState | None
    position_decision_id: Any
    trade_ids: frozenset[str]
    next_position_id: int | None

    @classmethod
    def of(
        cls,
        *,
        row: Any,
        position_row: Any,
        trade_ids: frozenset[str],
    ) -> Self:
        return cls(
            row=row,
            rules=rules_of(row),
            protection=Protection(
                stop_loss=row.stop_loss, take_profit=row.take_profit, trailing_stop=row.trailing_stop
            ),
            position=position_of(position_row) if position_row else None,
            position_decision_id=position_row.decision_id if position_row else row.decision_id,
            trade_ids=trade_ids,
            next_position_id=row.next_position_id,
        )


def order_view(
    row: Any, state: str, changed: dict[str, Any] | None = None, *, execution_ms: float | None = None
) -> OrderView:
    """An order as people see it; `changed` are columns that were just written."""
    columns = {
        name: getattr(row, name)
        for name in ("filled_quantity", "average_price", "commission", "commission_asset", "error")
    }
    columns |= {name: value for name, value in (changed or {}).items() if name in columns}
    filled: Decimal = columns["filled_quantity"]
    return OrderView(
        order_id=row.id,
        intent_id=row.intent_id,
        decision_id=row.decision_id,
        bot_id=row.bot_id,
        account_id=row.account_id,
        instrument_id=row.instrument_id,
        symbol=row.symbol,
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        order_type=OrderType(row.order_type),
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None,
        state=OrderState(state),
        status=public_status(OrderState(state), filled=filled > 0),
        quantity=row.quantity,
        limit_price=row.limit_price,
        at_ns=to_ns(row.now),
        execution_ms=execution_ms,
        **columns,
    )

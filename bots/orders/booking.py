"""What a report means for the books, worked out before anything is written."""

import uuid
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from bots.orders.closing import standing_values, trade_values
from bots.orders.decisions import to_json
from bots.orders.rows import LockedOrder
from bots.orders.times import to_datetime, to_ns
from bots.trading.fills import FillEffect, JournalEntryLeg, fill_effect
from bots.trading.money import CONTEXT, ZERO, divide, multiply_up
from bots.trading.orders import ORDER_EDGES, TERMINAL_STATES
from bots.trading.positions import ClosedPosition, ExceedsPosition, close, enter, is_dust, leave
from bots.trading.records import PositionState, VenueFill, VenueReport
from bots.trading.transitions import is_incident, transitions
from bots.trading.vocabulary import ExitReason, OrderState, Purpose, Side

ERROR_LIMIT = 500
ACKNOWLEDGED = frozenset({OrderState.OPEN, OrderState.PARTIAL, OrderState.FILLED})


class Booking(Struct, kw_only=True):
    """The values of every row to write. `incident` says why the bot must be halted, where it must."""

    changed: bool
    state: str
    at_ns: int
    fills: tuple[VenueFill, ...] = ()
    opens: bool = False
    position: PositionState | None = None
    closed: ClosedPosition | None = None
    incident: str = ""
    position_values: dict[str, Any] | None = None
    trade_values: dict[str, Any] | None = None
    standing_values: dict[str, Any] | None = None
    fill_values: list[dict[str, Any]] = msgspec.field(default_factory=list)
    legs: list[tuple[uuid.UUID, JournalEntryLeg]] = msgspec.field(default_factory=list)
    balance_values: list[dict[str, Any]] = msgspec.field(default_factory=list)
    event_values: list[dict[str, Any]] = msgspec.field(default_factory=list)
    intent_values: dict[str, Any] = msgspec.field(default_factory=dict)
    order_values: dict[str, Any] = msgspec.field(default_factory=dict)


def book(locked: LockedOrder, report: VenueReport) -> Booking:
    """Work a report out. Raises IllegalTransition where no evidence could justify what it says."""
    row = locked.row
    current = OrderState(row.state)
    fills, excess = _new_fills(locked, report)
    filled = row.filled_quantity + sum((fill.quantity for fill in fills), ZERO)
    path = transitions(
        current,
        report.state,
        new_fills=bool(fills),
        has_fills=filled > 0,
        complete=filled == row.quantity,
    )
    state = path[-1] if path else current
    at_ns = max((fill.ts_event for fill in fills), default=0) or to_ns(row.now)
    booking = Booking(
        changed=bool(path or excess), state=state.value, at_ns=at_ns, position=locked.position, fills=fills
    )
    if not booking.changed:
        return booking
    if excess:
        booking.incident = f"order {row.id.hex} was filled beyond its quantity (trade {excess[0].trade_id}): halted"
    elif is_incident(current, new_fills=bool(fills)):
        booking.incident = f"order {row.id.hex} was filled after it had ended as {current}: halted"
    ended = state in TERMINAL_STATES
    wallet = _book_fills(booking, locked, fills)
    _settle_position(booking, locked, ended=ended)
    released = _released(row, fills, ended=ended)
    if released:
        wallet.setdefault(row.reserved_asset, ZERO)
    booking.balance_values = [
        {
            "account_id": row.account_id,
            "asset": asset,
            "total": amount,
            "reserved": -released if asset == row.reserved_asset else ZERO,
        }
        for asset, amount in sorted(wallet.items())
    ]
    booking.intent_values = {"intent_id": row.intent_id, "released": released, "closed": ended}
    booking.order_values = _order_values(row, report, fills, state, booking.incident)
    booking.event_values = _events(row, report, current, path, fills)
    return booking


def _new_fills(locked: LockedOrder, report: VenueReport) -> tuple[tuple[VenueFill, ...], list[VenueFill]]:
    """Fills not booked before, once each, as far as they fit the order; and those that do not."""
    room = locked.row.quantity - locked.row.filled_quantity
    seen = set(locked.trade_ids)
    fitting: list[VenueFill] = []
    excess: list[VenueFill] = []
    for fill in report.fills:
        if fill.trade_id in seen:
            continue
        seen.add(fill.trade_id)
        if fill.quantity > room:
            excess.append(fill)
            continue
        room -= fill.quantity
        fitting.append(fill)
    return tuple(fitting), excess


def _book_fills(booking: Booking, locked: LockedOrder, fills: tuple[VenueFill, ...]) -> dict[str, Decimal]:
    row = locked.row
    wallet: dict[str, Decimal] = {}
    for fill in fills:
        effect = fill_effect(rules=locked.rules, side=Side(row.side), fill=fill)
        _apply_to_position(booking, locked, fill, effect)
        for asset, amount in effect.wallet.items():
            wallet[asset] = wallet.get(asset, ZERO) + amount
        fill_id = uuid.uuid5(row.id, fill.trade_id)
        booking.fill_values.append(_fill_values(row, fill, fill_id, booking, locked))
        booking.legs += [(fill_id, leg) for leg in effect.legs]
    return wallet


def _apply_to_position(booking: Booking, locked: LockedOrder, fill: VenueFill, effect: FillEffect) -> None:
    row, position = locked.row, booking.position
    if row.purpose == Purpose.ENTRY:
        if position is None:
            if locked.next_position_id is None:
                raise RuntimeError(f"no position id was drawn for order {row.id.hex}")
            booking.opens = True
        booking.position = enter(
            position,
            position_id=position.position_id if position else (locked.next_position_id or 0),
            bot_id=row.bot_id,
            instrument_id=row.instrument_id,
            side=Side(row.side),
            fill=fill,
            effect=effect,
            protection=locked.protection,
        )
        return
    if position is None:
        raise ExceedsPosition(f"exit {row.id.hex} was filled, but its position {row.position_id} is already closed")
    booking.position = leave(position, fill=fill, effect=effect)


def _settle_position(booking: Booking, locked: LockedOrder, *, ended: bool) -> None:
    """Close what is flat, or too little to sell once the order has ended; else write how it stands."""
    position = booking.position
    if position is None or (not booking.fills and not (ended and is_dust(position, locked.rules))):
        return
    is_exit = locked.row.purpose == Purpose.EXIT
    if position.quantity == 0 or (ended and is_dust(position, locked.rules)):
        reason = ExitReason(locked.row.exit_reason) if is_exit else ExitReason.DUST
        closed = close(position, exit_reason=reason, closed_at_ns=booking.at_ns)
        booking.closed, booking.position = closed, None
        booking.trade_values = trade_values(closed, locked.position_decision_id)
        booking.standing_values = standing_values(closed)
    booking.position_values = _position_values(position, booking.closed, locked)


def _position_values(position: PositionState, closed: ClosedPosition | None, locked: LockedOrder) -> dict[str, Any]:
    values = {name: getattr(position, name) for name in (
        "position_id", "bot_id", "instrument_id", "quantity", "opened_quantity", "entry_price", "cost",
        "exited_quantity", "exit_price", "realised_pnl", "fees", "stop_price", "target_price", "trailing_stop",
        "high_water_mark",
    )}  # fmt: skip
    values |= {
        "account_id": locked.row.account_id,
        "decision_id": locked.row.decision_id,
        "side": position.side.value,
        "opened_at": to_datetime(position.opened_at_ns),
        "dust": ZERO,
        "closed_at": None,
        "exit_reason": "",
    }
    if closed is not None:
        values |= {
            "quantity": ZERO,
            "cost": ZERO,
            "dust": closed.dust,
            "realised_pnl": closed.realised_pnl,
            "closed_at": to_datetime(closed.closed_at_ns),
            "exit_reason": closed.exit_reason.value,
        }
    return values


def _fill_values(
    row: Any, fill: VenueFill, fill_id: uuid.UUID, booking: Booking, locked: LockedOrder
) -> dict[str, Any]:
    position = booking.position or locked.position
    return {
        "id": fill_id,
        "order_id": row.id,
        "account_id": row.account_id,
        "instrument_id": row.instrument_id,
        "position_id": position.position_id if position else row.position_id,
        "trade_id": fill.trade_id,
        "side": row.side,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "is_maker": fill.is_maker,
        "ts_event": fill.ts_event,
    }


def _released(row: Any, fills: tuple[VenueFill, ...], *, ended: bool) -> Decimal:
    """What the order no longer holds back: all of it once it has ended, else its fills' share."""
    left: Decimal = row.reserved_left
    if ended:
        return left
    quantity = sum((fill.quantity for fill in fills), ZERO)
    used = multiply_up(quantity, row.limit_price) if row.side == Side.BUY else quantity
    return min(left, used)


def _order_values(
    row: Any, report: VenueReport, fills: tuple[VenueFill, ...], state: OrderState, incident: str
) -> dict[str, Any]:
    filled = row.filled_quantity + sum((fill.quantity for fill in fills), ZERO)
    average = row.average_price
    if fills:
        paid = CONTEXT.multiply(row.average_price or ZERO, row.filled_quantity)
        for fill in fills:
            paid = CONTEXT.add(paid, CONTEXT.multiply(fill.price, fill.quantity))
        average = divide(paid, filled)
    fee_asset = row.commission_asset or next((fill.fee_asset for fill in fills if fill.fee), "")
    return {
        "order_id": row.id,
        "state": state.value,
        "filled_quantity": filled,
        "average_price": average,
        "commission": row.commission + sum((fill.fee for fill in fills if fill.fee_asset == fee_asset), ZERO),
        "commission_asset": fee_asset,
        "venue_order_id": report.venue_order_id or row.venue_order_id,
        "error": (incident or report.error or row.error)[:ERROR_LIMIT],
        "acknowledged": report.state in ACKNOWLEDGED or bool(fills),
        "has_new_fills": bool(fills),
        "cancelled": state in (OrderState.CANCELED, OrderState.EXPIRED),
    }


def _events(
    row: Any,
    report: VenueReport,
    current: OrderState,
    path: tuple[OrderState, ...],
    fills: tuple[VenueFill, ...],
) -> list[dict[str, Any]]:
    evidence = {
        **report.evidence,
        "reported": report.state,
        "trades": [fill.trade_id for fill in fills],
    }
    if report.error:
        evidence["error"] = report.error
    events = []
    state = current
    for step in path:
        events.append(
            {
                "order_id": row.id,
                "from_state": state.value,
                "to_state": step.value,
                "evidence": to_json({"because": ORDER_EDGES[(state, step)], **evidence}),
            }
        )
        state = step
    return events

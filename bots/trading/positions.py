"""Positions in exact decimals: opening, adding, reducing, closing, and the stops that protect them.

A fee paid in base makes what is held less than what was bought. `cost` is what was paid for what is held now, fees
apart, so that over a position's life: change of cash = realised PnL - fees, to the last decimal.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from bots.trading.fills import FillEffect
from bots.trading.money import CONTEXT, ZERO, ceil_to, divide, floor_to, multiply, quantise, share
from bots.trading.records import InstrumentRules, PositionState, VenueFill
from bots.trading.vocabulary import ExitReason, Side


class ExceedsPosition(ValueError):
    """An exit of more than is held."""


class ClosedPosition(Struct, frozen=True, kw_only=True):
    """How a position ended. `realised_pnl` is before fees; dust is what was too little to sell."""

    position_id: int
    bot_id: int
    instrument_id: int
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal
    realised_pnl: Decimal
    dust: Decimal
    exit_reason: ExitReason
    opened_at_ns: int
    closed_at_ns: int

    @property
    def net_pnl(self) -> Decimal:
        return self.realised_pnl - self.fees


class Protection(Struct, frozen=True, kw_only=True):
    """Fractions of the entry price (stop, target) and of the best price since (trailing); 0 target or trailing: none."""

    stop_loss: Decimal
    take_profit: Decimal
    trailing_stop: Decimal


def protect(
    *, side: Side, entry_price: Decimal, high_water_mark: Decimal, protection: Protection
) -> tuple[Decimal, Decimal | None]:
    """Stop and target for an entry price; the stop is the tighter of fixed and trailing."""
    stop = _beyond(entry_price, -side.sign * protection.stop_loss)
    if protection.trailing_stop:
        stop = _tighter(side, stop, _beyond(high_water_mark, -side.sign * protection.trailing_stop))
    target = _beyond(entry_price, side.sign * protection.take_profit) if protection.take_profit else None
    return stop, target


def _beyond(price: Decimal, fraction: Decimal) -> Decimal:
    return multiply(price, 1 + fraction)


def _tighter(side: Side, one: Decimal, other: Decimal) -> Decimal:
    return max(one, other) if side is Side.BUY else min(one, other)


def _better(side: Side, one: Decimal, other: Decimal) -> Decimal:
    return max(one, other) if side is Side.BUY else min(one, other)


def enter(
    position: PositionState | None,
    *,
    position_id: int,
    bot_id: int,
    instrument_id: int,
    side: Side,
    fill: VenueFill,
    effect: FillEffect,
    protection: Protection,
) -> PositionState:
    """Open a position with a fill, or add to it; a stop and target that a person set stay. Raises ValueError where the position is of the other side."""
    if position is not None and position.side is not side:
        raise ValueError(f"a {side} entry cannot add to a {position.side} position")
    quantity = side.sign * effect.base
    cost = effect.notional - side.sign * multiply(effect.fee_base, fill.price)
    if position is None:
        stop, target = protect(side=side, entry_price=fill.price, high_water_mark=fill.price, protection=protection)
        return PositionState(
            position_id=position_id,
            bot_id=bot_id,
            instrument_id=instrument_id,
            side=side,
            quantity=quantity,
            entry_price=fill.price,
            stop_price=stop,
            target_price=target,
            trailing_stop=protection.trailing_stop,
            high_water_mark=fill.price,
            realised_pnl=ZERO,
            fees=effect.fee_value,
            opened_at_ns=fill.ts_event,
            cost=cost,
            opened_quantity=fill.quantity,
        )
    opened = position.opened_quantity + fill.quantity
    paid = CONTEXT.add(
        CONTEXT.multiply(position.entry_price, position.opened_quantity), CONTEXT.multiply(fill.price, fill.quantity)
    )
    entry_price = divide(paid, opened)
    high_water_mark = _better(side, position.high_water_mark, fill.price)
    stop, target = position.stop_price, position.target_price
    if not position.revision:
        stop, target = protect(
            side=side, entry_price=entry_price, high_water_mark=high_water_mark, protection=protection
        )
    return msgspec.structs.replace(
        position,
        quantity=position.quantity + quantity,
        cost=position.cost + cost,
        entry_price=entry_price,
        opened_quantity=opened,
        stop_price=stop,
        target_price=target,
        high_water_mark=high_water_mark,
        fees=position.fees + effect.fee_value,
    )


def leave(position: PositionState, *, fill: VenueFill, effect: FillEffect) -> PositionState:
    """Reduce a position by a fill of the opposite side; its quantity may become zero.

    Raises ExceedsPosition where more left than was held.
    """
    sign = position.side.sign
    reduced = -sign * effect.base
    if reduced > position.quantity:
        raise ExceedsPosition(
            f"{reduced} left position {position.position_id}, which held {position.quantity} (trade {fill.trade_id})"
        )
    released = share(position.cost, reduced, position.quantity)
    value = effect.notional + sign * multiply(effect.fee_base, fill.price)
    exited = position.exited_quantity + fill.quantity
    sold = CONTEXT.add(
        CONTEXT.multiply(position.exit_price or ZERO, position.exited_quantity),
        CONTEXT.multiply(fill.price, fill.quantity),
    )
    return msgspec.structs.replace(
        position,
        quantity=position.quantity - reduced,
        cost=position.cost - released,
        realised_pnl=quantise(position.realised_pnl + sign * (value - released)),
        fees=position.fees + effect.fee_value,
        exited_quantity=exited,
        exit_price=divide(sold, exited),
    )


def is_dust(position: PositionState, rules: InstrumentRules) -> bool:
    """Whether what is held is too little for any order."""
    return position.quantity < max(rules.lot_size, rules.min_quantity)


def close(position: PositionState, *, exit_reason: ExitReason, closed_at_ns: int) -> ClosedPosition:
    """End a position. What is still held is written off as dust at its cost."""
    return ClosedPosition(
        position_id=position.position_id,
        bot_id=position.bot_id,
        instrument_id=position.instrument_id,
        side=position.side,
        quantity=position.opened_quantity,
        entry_price=position.entry_price,
        exit_price=position.exit_price if position.exit_price is not None else position.entry_price,
        fees=position.fees,
        realised_pnl=position.realised_pnl - position.side.sign * position.cost,
        dust=position.quantity,
        exit_reason=exit_reason,
        opened_at_ns=position.opened_at_ns,
        closed_at_ns=closed_at_ns,
    )


def update_stops(position: PositionState, price: Decimal) -> PositionState:
    """Move the high-water mark and the trailing stop with a price that could be had (a long's bid). Stops only tighten."""
    best = _better(position.side, position.high_water_mark, price)
    if best == position.high_water_mark:
        return position
    stop = position.stop_price
    if position.trailing_stop:
        stop = _tighter(position.side, stop, _beyond(best, -position.side.sign * position.trailing_stop))
    return msgspec.structs.replace(position, high_water_mark=best, stop_price=stop)


def exit_due(position: PositionState, *, bid: Decimal, ask: Decimal) -> ExitReason | None:
    """Whether stop or target is reached at the price the position could be closed at. The stop goes first."""
    sign = position.side.sign
    price = bid if position.side is Side.BUY else ask
    if sign * (price - position.stop_price) <= 0:
        trail = position.trailing_stop and _beyond(position.high_water_mark, -sign * position.trailing_stop)
        return ExitReason.TRAILING_STOP if trail == position.stop_price else ExitReason.STOP_LOSS
    if position.target_price is not None and sign * (price - position.target_price) >= 0:
        return ExitReason.TAKE_PROFIT
    return None


def smallest_order(rules: InstrumentRules, price: Decimal) -> Decimal:
    """The least that the venue takes at a price, in whole lots."""
    return max(rules.lot_size, rules.min_quantity, ceil_to(CONTEXT.divide(rules.min_notional, price), rules.lot_size))


def exit_wanted(position: PositionState, rules: InstrumentRules, price: Decimal) -> Decimal:
    """What somebody asked to be sold and is not yet, in whole lots; 0 where nobody did, or it is too little to sell.

    All that is held is wanted however little it is: that is for the exit to judge.
    """
    if not position.close_requested:
        return ZERO
    if position.close_to == 0:
        return position.quantity
    part = floor_to(position.quantity - position.close_to, rules.lot_size)
    return part if part >= smallest_order(rules, price) else ZERO


def exit_reason_for(
    position: PositionState, rules: InstrumentRules, *, flatten: bool, bid: Decimal, ask: Decimal, reached: bool = True
) -> ExitReason | None:
    """Why a position must be left now, if it must. reached: a stop or target may be due at these prices.

    A stop goes before the closing of a part: it leaves with everything.
    """
    if position.close_requested and position.close_to == 0:
        return ExitReason.MANUAL
    if flatten:
        return ExitReason.FLATTEN
    if reached and (due := exit_due(position, bid=bid, ask=ask)):
        return due
    price = bid if position.side is Side.BUY else ask
    return ExitReason.MANUAL if exit_wanted(position, rules, price) else None


def unrealised_pnl(position: PositionState, price: Decimal) -> Decimal:
    """In quote, before exit fees."""
    return quantise(position.side.sign * (CONTEXT.multiply(price, position.quantity) - position.cost))

"""What the gate decides from the rows it has locked: the limits that two orders at once could otherwise exceed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from bots.trading.limits import Controls
from bots.trading.money import ZERO, multiply
from bots.trading.records import OrderPlan, Reason, Restriction
from bots.trading.risk import RiskCode, restriction_reasons, strictest
from bots.trading.vocabulary import Ladder, Purpose


class Gate(Struct, frozen=True, kw_only=True):
    """The rows under lock: bot with its lease and ladders, the position to leave, the balance to reserve from, counts."""

    bot: Any
    held: Any
    balance: Any
    facts: Any
    reserve: Decimal


def judge(plan: OrderPlan, gate: Gate, controls: Controls) -> tuple[Reason, ...]:
    """Every reason against the order; empty passes."""
    if gate.bot is None or not gate.bot.leased:
        return (
            Reason(code=RiskCode.LEASE, text="this engine does not hold a lease on the bot that lasts long enough"),
        )
    if gate.facts.duplicate:
        return (Reason(code=RiskCode.DUPLICATE, text="this decision was already sent"),)
    if gate.bot.account_id != plan.account_id:
        return (Reason(code=RiskCode.BOT_STATE, text="the bot moved to another account"),)
    specific = _exit_reasons(plan, gate) if plan.purpose is Purpose.EXIT else _entry_reasons(plan, gate, controls)
    return (*specific, *_balance_reasons(plan, gate))


def _balance_reasons(plan: OrderPlan, gate: Gate) -> Iterator[Reason]:
    free = gate.balance.total - gate.balance.reserved if gate.balance else ZERO
    if gate.reserve > free:
        asset = plan.rules.quote if plan.side.sign > 0 else plan.rules.base
        yield Reason(code=RiskCode.BALANCE, text=f"the order needs {gate.reserve:f} {asset}, free are {free:f}")


def _exit_reasons(plan: OrderPlan, gate: Gate) -> Iterator[Reason]:
    if gate.held is None:
        yield Reason(code=RiskCode.POSITION_GONE, text="the position is already closed")
    elif plan.quantity > gate.held.quantity:
        yield Reason(
            code=RiskCode.POSITION_GONE, text=f"{plan.quantity:f} is more than the position's {gate.held.quantity:f}"
        )
    if gate.facts.live_order:
        yield Reason(code=RiskCode.LIVE_ORDER, text="an exit of this position is still live")


def restriction_of(row: Any) -> Restriction:
    """The strictest of the ladders of installation, account and bot."""
    return strictest(
        Restriction(ladder=Ladder(row.installation_ladder), scope="installation", reason=row.installation_reason),
        Restriction(ladder=Ladder(row.account_ladder), scope="account", reason=row.account_reason),
        Restriction(ladder=Ladder(row.bot_ladder), scope="bot", reason=row.bot_reason),
    )


def _entry_reasons(plan: OrderPlan, gate: Gate, controls: Controls) -> Iterator[Reason]:
    bot, facts = gate.bot, gate.facts
    yield from restriction_reasons(restriction_of(bot))
    if bot.bot_state != "running":
        yield Reason(code=RiskCode.BOT_STATE, text=f"the bot is {bot.bot_state}")
    if facts.live_order:
        yield Reason(code=RiskCode.LIVE_ORDER, text="an entry in this symbol is still live")
    if facts.has_position:
        yield Reason(code=RiskCode.POSITION_OPEN, text="a position in this symbol is already open")
    if facts.open_positions >= bot.maximum_positions:
        yield Reason(
            code=RiskCode.MAXIMUM_POSITIONS,
            text=f"{facts.open_positions} positions are open or on their way; at most {bot.maximum_positions}",
        )
    if facts.open_orders >= controls.open_orders:
        yield Reason(
            code=RiskCode.OPEN_ORDERS, text=f"{facts.open_orders} orders are live; at most {controls.open_orders}"
        )
    if facts.trades_today >= bot.maximum_trades_per_day:
        yield Reason(
            code=RiskCode.TRADES_PER_DAY,
            text=f"{facts.trades_today} entries today; at most {bot.maximum_trades_per_day}",
        )
    yield from _value_reasons(plan, gate, controls)


def _value_reasons(plan: OrderPlan, gate: Gate, controls: Controls) -> Iterator[Reason]:
    """At the order's worst price, which is what it reserves: whatever it fills at, the limits hold."""
    facts = gate.facts
    worst = multiply(plan.quantity, plan.limit_price)
    equity = (gate.balance.total if gate.balance else ZERO) + facts.positions_gross
    if worst > gate.bot.maximum_position_value:
        yield Reason(
            code=RiskCode.POSITION_VALUE,
            text=f"the position would be worth up to {worst:.2f}; at most {gate.bot.maximum_position_value:.2f}",
        )
    if worst > controls.order_value(equity):
        yield Reason(
            code=RiskCode.ORDER_VALUE,
            text=f"the order is worth up to {worst:.2f}; at most {controls.order_value(equity):.2f}",
        )
    symbol = facts.positions_symbol + facts.orders_symbol + worst
    gross = facts.positions_gross + facts.orders_gross + worst
    for code, name, exposure, fraction in (
        (RiskCode.SYMBOL_EXPOSURE, plan.rules.symbol, symbol, controls.symbol_exposure_fraction),
        (RiskCode.GROSS_EXPOSURE, "the account", gross, controls.gross_exposure_fraction),
    ):
        if exposure > fraction * equity:
            text = f"exposure of {name} would be {exposure:.2f}; at most {fraction * equity:.2f}"
            yield Reason(code=code, text=text)

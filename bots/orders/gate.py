"""What the gate decides from the rows it has locked: the limits that two orders at once could otherwise exceed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from bots.trading.conduct import conduct_reasons
from bots.trading.going_live import go_live_factor
from bots.trading.limits import Controls
from bots.trading.money import ZERO, multiply
from bots.trading.records import OrderPlan, Reason, Restriction
from bots.trading.risk import (
    AccountResult,
    RiskCode,
    RiskState,
    account_daily_loss,
    account_reasons,
    loss_reasons,
    message_reasons,
    restriction_reasons,
    strictest,
    throttle_text,
)
from bots.trading.vocabulary import Ladder, Purpose


class Gate(Struct, frozen=True, kw_only=True):
    """The rows under lock: bot with its lease and ladders, the position to leave, the balance to reserve from, counts.

    `entry` and `bounds` are what only entries are judged by.
    """

    bot: Any
    held: Any
    balance: Any
    cash: Decimal
    facts: Any
    entry: Any
    bounds: Any
    reserve: Decimal

    @property
    def equity(self) -> Decimal:
        """The account's, live: cash, and positions at their marks."""
        gross: Decimal = self.facts.positions_gross
        return self.cash + gross


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
    yield from _admission_reasons(plan, gate)
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
    if gate.entry.unknown:
        text = (
            f"an order of the account in {plan.rules.symbol} is of unknown fate: no entries there until it is settled"
        )
        yield Reason(code=RiskCode.UNKNOWN_ORDER, text=text)
    yield from loss_reasons(bot, standing_of(gate))
    yield from account_reasons(account_result(gate))
    text = account_daily_loss(installation_result(gate), whose="the installation's")
    if text:
        yield Reason(code=RiskCode.DAILY_LOSS, text=f"{text}: no entries until 00:00 UTC")
    yield from conduct_reasons(gate.bounds.rejected, gate.bounds.slipped, controls=controls)
    yield from _rate_reasons(plan, gate, controls)
    yield from _value_reasons(plan, gate, controls)


def _admission_reasons(plan: OrderPlan, gate: Gate) -> Iterator[Reason]:
    """What may be entered at all, and on which account."""
    if gate.bot.account_mode == "live" and gate.bot.live_since is None:
        yield Reason(code=RiskCode.NOT_LIVE, text="the account's owner has not let it trade real money")
    if not gate.bounds.is_listed:
        text = f"{plan.rules.symbol} is not on the bot's watchlist, or not traded any more"
        yield Reason(code=RiskCode.WATCHLIST, text=text)
    if gate.bounds.crosses_own:
        text = f"an order of the account rests in {plan.rules.symbol} on the other side: it would trade with itself"
        yield Reason(code=RiskCode.SELF_TRADE, text=text)


def standing_of(gate: Gate) -> RiskState:
    """Where the bot stands by the committed rows."""
    found = gate.entry
    result = found.closed_total + found.open_result
    return RiskState(
        restriction=restriction_of(gate.bot),
        realised_today=found.realised_today,
        realised_week=found.realised_week,
        unrealised=found.open_result,
        equity=gate.bot.capital + result,
        peak_equity=gate.bot.capital + max(result, result if found.baseline_peak is None else found.baseline_peak),
        account_equity=gate.equity,
    )


def account_result(gate: Gate) -> AccountResult:
    """Where the whole account stands by the committed rows."""
    return AccountResult(
        equity=gate.equity,
        peak_equity=max(gate.equity, gate.bot.account_peak or ZERO),
        today=gate.entry.account_realised_today + gate.entry.account_open_result,
        daily_loss_limit=gate.bot.account_daily_loss_limit,
        maximum_drawdown=gate.bot.account_maximum_drawdown,
    )


def installation_result(gate: Gate) -> AccountResult:
    """Where all accounts of the account's mode and quote asset stand together; nothing without a limit."""
    bounds = gate.bounds
    equity = bounds.installation_equity or ZERO
    return AccountResult(
        equity=equity,
        peak_equity=equity,
        today=bounds.installation_today or ZERO,
        daily_loss_limit=gate.bot.installation_daily_loss_limit,
        maximum_drawdown=ZERO,
    )


def _rate_reasons(plan: OrderPlan, gate: Gate, controls: Controls) -> Iterator[Reason]:
    sent, cancels = gate.entry, gate.bounds
    for count, allowed, who in (
        (sent.bot_messages + cancels.bot_cancels, controls.messages_in_window, "bot"),
        (sent.account_messages + cancels.account_cancels, controls.account_messages_in_window, "account"),
    ):
        yield from message_reasons(count, allowed, who=who, controls=controls)
    text = repeated(plan, gate, controls, more=0)
    if text:
        yield Reason(code=RiskCode.REPEAT_THROTTLE, text=text)


def repeated(plan: OrderPlan, gate: Gate, controls: Controls, *, more: int) -> str | None:
    """Why the bot's entries, and `more` such as this one, turn it off."""
    return throttle_text(
        gate.entry.entries + more,
        gate.entry.identical + more,
        maximum=gate.bot.maximum_entries_per_5_minutes,
        symbol=plan.rules.symbol,
        controls=controls,
    )


def _value_reasons(plan: OrderPlan, gate: Gate, controls: Controls) -> Iterator[Reason]:
    """At the order's worst price, which is what it reserves: whatever it fills at, the limits hold."""
    worst = multiply(plan.quantity, plan.limit_price)
    equity = gate.equity
    factor = go_live_factor(gate.bot.live_since, now=gate.bot.now)
    controls, position_value = controls.ramped(factor), factor * gate.bot.maximum_position_value
    if worst > position_value:
        yield Reason(
            code=RiskCode.POSITION_VALUE,
            text=f"the position would be worth up to {worst:.2f}; at most {position_value:.2f}",
        )
    if worst > controls.order_value(equity):
        yield Reason(
            code=RiskCode.ORDER_VALUE,
            text=f"the order is worth up to {worst:.2f}; at most {controls.order_value(equity):.2f}",
        )
    symbol, gross = exposures(plan, gate)
    for code, name, exposure, fraction in (
        (RiskCode.SYMBOL_EXPOSURE, plan.rules.symbol, symbol, controls.symbol_exposure_fraction),
        (RiskCode.GROSS_EXPOSURE, "the account", gross, controls.gross_exposure_fraction),
    ):
        if exposure > fraction * equity:
            text = f"exposure of {name} would be {exposure:.2f}; at most {fraction * equity:.2f}"
            yield Reason(code=code, text=text)
    maximum = gate.bot.installation_maximum_exposure
    if maximum is not None and gate.bounds.installation_exposure + worst > maximum:
        text = (
            f"exposure of all accounts together would be {gate.bounds.installation_exposure + worst:.2f}; "
            f"at most {maximum:.2f}"
        )
        yield Reason(code=RiskCode.INSTALLATION_EXPOSURE, text=text)


def exposures(plan: OrderPlan, gate: Gate) -> tuple[Decimal, Decimal]:
    """Of the symbol and of the whole account, with this entry and all live ones at their worst prices, in quote."""
    facts = gate.facts
    worst = multiply(plan.quantity, plan.limit_price)
    return facts.positions_symbol + facts.orders_symbol + worst, facts.positions_gross + facts.orders_gross + worst

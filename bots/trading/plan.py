"""From a proposal to an order: price, size, and every limit. Pure."""

from decimal import Decimal

from msgspec import Struct

from bots.trading.decide import Opinion, Proposal
from bots.trading.limits import BotLimits, Controls
from bots.trading.money import ZERO
from bots.trading.records import InstrumentRules, OrderPlan, PositionState, Reason
from bots.trading.risk import MarketView, RiskState, evaluate_risk
from bots.trading.sizing import TooSmall, collar_price, exit_quantity, limit_price, size_entry, slice_quantity
from bots.trading.vocabulary import ExitReason, OrderType, Purpose, Side

_DUST = Reason(code="too_small", text="what is held is less than the venue's smallest order: it cannot be sold")


class Situation(Struct, frozen=True, kw_only=True):
    """What an entry is sized and judged by. Money in quote, `depth_quantity` in base within the collar."""

    bot_id: int
    account_id: int
    rules: InstrumentRules
    limits: BotLimits
    order_type: OrderType
    risk: RiskState
    market: MarketView
    free_cash: Decimal
    sigma_annual: float | None
    depth_quantity: float | None
    now_ns: int
    slot: int
    # Base traded in 24 hours.
    day_volume: float | None = None


def plan_entry(
    *,
    situation: Situation,
    proposal: Proposal,
    opinion: Opinion,
    vetoes: tuple[Reason, ...],
    controls: Controls,
) -> OrderPlan | tuple[Reason, ...]:
    """An entry of the right size, or every reason against it."""
    rules, risk = situation.rules, situation.risk
    side = proposal.side or Side.BUY
    worst = _entry_price(situation, side)
    if worst is None:
        return _judge(situation, side, ZERO, ZERO, opinion, vetoes, controls)
    sized = size_entry(
        rules=rules,
        limits=situation.limits,
        price=float(worst),
        forecast=opinion.forecast,
        sigma_annual=situation.sigma_annual,
        equity=risk.equity,
        account_equity=risk.account_equity,
        free_cash=situation.free_cash,
        depth_quantity=situation.depth_quantity,
        day_volume=situation.day_volume,
        symbol_room=controls.symbol_exposure_fraction * risk.account_equity - risk.symbol_exposure,
        gross_room=controls.gross_exposure_fraction * risk.account_equity - risk.gross_exposure,
        controls=controls,
    )
    quantity = ZERO if isinstance(sized, TooSmall) else sized.quantity
    reasons = _judge(situation, side, quantity, worst, opinion, vetoes, controls)
    if isinstance(sized, TooSmall):
        return (*reasons, sized.reason)
    if reasons:
        return reasons
    return OrderPlan(
        bot_id=situation.bot_id,
        account_id=situation.account_id,
        rules=rules,
        side=side,
        purpose=Purpose.ENTRY,
        order_type=situation.order_type,
        quantity=quantity,
        limit_price=worst,
        slot=situation.slot,
        decided_at_ns=situation.now_ns,
        stop_loss=situation.limits.stop_loss,
        take_profit=situation.limits.take_profit,
        trailing_stop=situation.limits.trailing_stop,
        allowed=sized.limits,
        binding=sized.binding,
    )


def plan_exit(
    *,
    account_id: int,
    rules: InstrumentRules,
    position: PositionState,
    exit_reason: ExitReason,
    bid: float,
    ask: float,
    slot: int,
    now_ns: int,
    depth_quantity: float | None = None,
) -> OrderPlan | tuple[Reason, ...]:
    """Leave a position at market within the collar, whatever the bot's order type: an exit that rests does not protect.

    Where everything is being closed, in slices of the depth, each under its own slot; a stop leaves at once. Where
    somebody asked for a part, that part.
    """
    side = position.side.opposite
    leaving = position.quantity
    if exit_reason is ExitReason.MANUAL and position.quantity > position.close_to:
        leaving -= position.close_to
    quantity = exit_quantity(rules=rules, held=leaving)
    if quantity <= 0 or quantity < rules.min_quantity:
        return (_DUST,)
    collar = collar_price(side=side, mid=(bid + ask) / 2, rules=rules)
    if exit_reason is ExitReason.FLATTEN:
        quantity = slice_quantity(rules=rules, held=position.quantity, price=collar, depth_quantity=depth_quantity)
    return OrderPlan(
        bot_id=position.bot_id,
        account_id=account_id,
        rules=rules,
        side=side,
        purpose=Purpose.EXIT,
        order_type=OrderType.MARKET,
        quantity=quantity,
        limit_price=collar,
        slot=slot,
        decided_at_ns=now_ns,
        position_id=position.position_id,
        exit_reason=exit_reason,
    )


def _entry_price(situation: Situation, side: Side) -> Decimal | None:
    """The worst price of a unit: a market order's collar, or the near side of the spread for a limit order."""
    bid, ask = situation.market.bid, situation.market.ask
    if bid is None or ask is None or not 0 < bid <= ask:
        return None
    if situation.order_type is OrderType.MARKET:
        return collar_price(side=side, mid=(bid + ask) / 2, rules=situation.rules)
    return limit_price(side=side, price=bid if side is Side.BUY else ask, rules=situation.rules)


def _judge(
    situation: Situation,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    opinion: Opinion,
    vetoes: tuple[Reason, ...],
    controls: Controls,
) -> tuple[Reason, ...]:
    return evaluate_risk(
        purpose=Purpose.ENTRY,
        limits=situation.limits,
        state=situation.risk,
        market=situation.market,
        now_ns=situation.now_ns,
        rules=situation.rules,
        side=side,
        quantity=quantity,
        price=price,
        confidence=opinion.confidence,
        vetoes=vetoes,
        controls=controls,
    )

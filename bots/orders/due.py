"""What must be engaged after an entry was judged: it stands until a person clears it."""

from collections.abc import Iterator

from bots.orders.gate import Gate, account_result, repeated, standing_of
from bots.trading.conduct import conduct_reasons
from bots.trading.limits import Controls
from bots.trading.records import OrderPlan, Restriction
from bots.trading.risk import (
    RiskCode,
    account_daily_loss,
    account_drawdown,
    has_lost_the_day,
    is_drawn_down,
    loss_reasons,
)
from bots.trading.vocabulary import Ladder, Purpose

FLATTEN = "flatten"


def restriction_due(plan: OrderPlan, gate: Gate, controls: Controls, *, passed: bool) -> Restriction | None:
    """The first that is due and not in force yet, of the account's before the bot's.

    passed: the entry is on its way and counts.
    """
    if plan.purpose is not Purpose.ENTRY or gate.entry is None or gate.bot is None:
        return None
    for found in _due(plan, gate, controls, passed=passed):
        present = gate.bot.account_ladder if found.scope == "account" else gate.bot.bot_ladder
        if found.halts or found.ladder.rank > Ladder(present).rank:
            return found
    return None


def _due(plan: OrderPlan, gate: Gate, controls: Controls, *, passed: bool) -> Iterator[Restriction]:
    yield from _of_account(gate)
    yield from _of_bot(gate)
    for reason in conduct_reasons(gate.bounds.rejected, gate.bounds.slipped, controls=controls):
        yield Restriction(ladder=Ladder.PAUSE, scope="bot", reason=reason.text, halts=True)
    throttled = repeated(plan, gate, controls, more=int(passed))
    if throttled:
        yield Restriction(ladder=Ladder.PAUSE, scope="bot", reason=throttled)


def _of_account(gate: Gate) -> Iterator[Restriction]:
    result = account_result(gate)
    drawdown, lost = account_drawdown(result), account_daily_loss(result)
    if drawdown:
        yield Restriction(ladder=Ladder(gate.bot.account_on_drawdown), scope="account", reason=drawdown)
    if lost and gate.bot.account_on_daily_loss == FLATTEN:
        yield Restriction(ladder=Ladder.FLATTEN, scope="account", reason=lost)


def _of_bot(gate: Gate) -> Iterator[Restriction]:
    standing = standing_of(gate)
    texts = {reason.code: reason.text for reason in loss_reasons(gate.bot, standing)}
    if is_drawn_down(gate.bot, standing):
        yield Restriction(ladder=Ladder(gate.bot.on_drawdown), scope="bot", reason=texts[RiskCode.DRAWDOWN])
    if has_lost_the_day(gate.bot, standing) and gate.bot.on_daily_loss == FLATTEN:
        yield Restriction(ladder=Ladder.FLATTEN, scope="bot", reason=texts[RiskCode.DAILY_LOSS])

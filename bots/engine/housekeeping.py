"""What happens once a second, live and in replay: positions are told, equity is watched."""

from collections.abc import Mapping

from bots.engine import messages
from bots.engine.books import BotBooks
from bots.engine.desk import Desk
from bots.engine.symbol import SymbolWorker
from bots.trading.records import Restriction
from bots.trading.risk import RiskCode, RiskState, has_lost_the_day, is_drawn_down, loss_reasons
from bots.trading.vocabulary import Ladder

UNPROTECTED_S = 10
FLATTEN = "flatten"


def tell_positions(desk: Desk, worker: SymbolWorker) -> None:
    """Marks of open positions to their owners' browsers, once a second."""
    for bot, held in worker.held:
        data = messages.position_update(held.position, symbol=worker.symbol, mark=held.mark)
        desk.say(bot.config.owner_id, "positionUpdate", data)


def warn_unprotected(desk: Desk, worker: SymbolWorker, now_ns: int) -> None:
    """Positions whose stops cannot be judged because there is no fresh price."""
    newest_ns = worker.top.ts
    age_s = None if newest_ns is None else (now_ns - newest_ns) / 1e9
    for bot, _ in worker.held:
        code = f"unprotected:{worker.symbol}"
        if age_s is not None and age_s <= UNPROTECTED_S:
            bot.alerted.discard(code)
            continue
        since = "no price at all" if age_s is None else f"no price for {age_s:.0f} s"
        text = f"{bot.config.name} holds {worker.symbol}, and there is {since}: its stop cannot act"
        desk.alert(bot, "error", code, text)


async def check_bots(desk: Desk, now_ns: Mapping[str, int]) -> None:
    """Peaks, drawdown and day of every bot, at the time of its exchange: what its owner chose is engaged, and said."""
    for bot in list(desk.bots.values()):
        now = now_ns.get(bot.config.account.exchange)
        if now is None:
            continue
        bot.roll(now)
        equity = bot.equity
        bot.peak_equity = max(bot.peak_equity, equity)
        if not bot.trades or not bot.peak_equity or not _may_be_due(bot):
            continue
        if not bot.config.instruments:
            continue
        due = restriction_due(bot, bot.risk_state(bot.config.instruments[0].instrument_id))
        if due is not None:
            await desk.restrict(bot, due.ladder, due.reason)


def _may_be_due(bot: BotBooks) -> bool:
    """Cheap enough for every bot every second."""
    limits = bot.config.limits
    fall, today = bot.peak_equity - bot.equity, bot.realised_today + bot.open_result
    is_down = fall > 0 and fall >= limits.maximum_drawdown * bot.peak_equity
    return is_down or (bot.config.on_daily_loss == FLATTEN and today < 0)


def restriction_due(bot: BotBooks, state: RiskState) -> Restriction | None:
    """What a bot's results call for, if it is stricter than what is in force."""
    config = bot.config
    texts = {reason.code: reason.text for reason in loss_reasons(config.limits, state)}
    due = []
    if is_drawn_down(config.limits, state):
        due.append((config.on_drawdown, texts[RiskCode.DRAWDOWN]))
    if has_lost_the_day(config.limits, state) and config.on_daily_loss == FLATTEN:
        due.append((Ladder.FLATTEN, texts[RiskCode.DAILY_LOSS]))
    for ladder, text in sorted(due, key=lambda found: -found[0].rank):
        if ladder.rank > config.restriction.ladder.rank:
            return Restriction(ladder=ladder, scope="bot", reason=text)
    return None

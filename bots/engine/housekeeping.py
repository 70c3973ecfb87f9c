"""What happens once a second, live and in replay: positions are told, equity is watched."""

from collections.abc import Mapping

from bots.engine import messages
from bots.engine.desk import Desk
from bots.engine.symbol import SymbolWorker
from bots.trading.risk import is_drawn_down, loss_reasons
from bots.trading.vocabulary import Ladder

UNPROTECTED_S = 10


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
    """Peaks and drawdown of every bot, at the time of its exchange. Drawn down: exits only, and it says so."""
    for bot in list(desk.bots.values()):
        now = now_ns.get(bot.config.account.exchange)
        if now is None:
            continue
        bot.roll(now)
        equity = bot.equity
        bot.peak_equity = max(bot.peak_equity, equity)
        if not bot.trades or bot.config.restriction.ladder.rank >= Ladder.REDUCE.rank or not bot.peak_equity:
            continue
        fall = bot.peak_equity - equity
        if fall <= 0 or fall < bot.config.limits.maximum_drawdown * bot.peak_equity:
            continue
        if not bot.config.instruments:
            continue
        state = bot.risk_state(bot.config.instruments[0].instrument_id)
        if is_drawn_down(bot.config.limits, state):
            reasons = [found for found in loss_reasons(bot.config.limits, state) if found.code == "drawdown"]
            await desk.restrict(bot, Ladder.REDUCE, reasons[0].text)

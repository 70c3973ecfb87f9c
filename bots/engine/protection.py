"""When a position must be left or an order withdrawn, whatever the signals say. Pure."""

from bots.engine.books import BotBooks, Held, Working
from bots.trading.money import from_float
from bots.trading.positions import exit_reason_for
from bots.trading.vocabulary import ExitReason, Ladder, Purpose

# A limit entry that nobody took within this time was decided on a market that is gone.
ENTRY_RESTS_NS = 60_000_000_000


def exit_reason_of(bot: BotBooks, held: Held, *, bid: float, ask: float, reached: bool) -> ExitReason | None:
    """Why a position must be left now, if it must. reached: a stop or target may be due at these prices."""
    if bot.config.closing:
        return ExitReason.MANUAL
    flatten = bot.config.restriction.ladder is Ladder.FLATTEN
    position = held.position
    if not (reached or flatten or position.close_requested):
        return None
    return exit_reason_for(
        position, held.rules, flatten=flatten, bid=from_float(bid), ask=from_float(ask), reached=reached
    )


def exit_words(held: Held, reason: ExitReason, price: float) -> str:
    """One sentence for people."""
    position = held.position
    stop = f"{position.stop_price.normalize():f}"
    if reason is ExitReason.STOP_LOSS:
        return f"the price of {price:.10g} reached the stop-loss at {stop}"
    if reason is ExitReason.TRAILING_STOP:
        best = f"{position.high_water_mark.normalize():f}"
        return f"the price of {price:.10g} fell back from {best} to the trailing stop at {stop}"
    if reason is ExitReason.TAKE_PROFIT and position.target_price is not None:
        return f"the price of {price:.10g} reached the target at {position.target_price.normalize():f}"
    if reason is ExitReason.FLATTEN:
        return "everything is being closed"
    return "somebody asked for the position to be closed"


def cancel_reason(bot: BotBooks, order: Working, now_ns: int) -> str:
    """Why a resting entry is withdrawn, or ""."""
    if order.purpose is not Purpose.ENTRY or not order.is_resting or order.cancel_requested:
        return ""
    if bot.restriction.ladder.rank >= Ladder.REDUCE.rank:
        return "only exits are allowed"
    if not bot.trades:
        return f"the bot is {bot.config.state}"
    if order.instrument_id in bot.config.unwatched:
        return f"{order.symbol} was taken off the watchlist"
    if now_ns - order.decided_at_ns > ENTRY_RESTS_NS:
        return "nobody took it within a minute"
    return ""

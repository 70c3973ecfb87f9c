"""Restrictions that the system itself engages: they tighten only, and stand until a person clears them."""

from bots.orders import sql
from bots.orders.connections import Pool
from bots.orders.decisions import to_json
from bots.trading.records import LeaseToken, Restriction
from bots.trading.vocabulary import Ladder


async def latch(pool: Pool, restriction: Restriction, lease: LeaseToken, account_id: int) -> bool:
    """Engage a restriction of the bot or of its account, on record. True where it changed something."""
    values = {
        "bot_id": lease.bot_id,
        "epoch": lease.epoch,
        "account_id": account_id,
        "ladder": restriction.ladder.value,
        "reason": restriction.reason[:300],
        "weaker": [step.value for step in Ladder if step.rank < restriction.ladder.rank],
    }
    is_account = restriction.scope == "account"
    statement = sql.RESTRICT_ACCOUNT if is_account else sql.HALT_LEASED if restriction.halts else sql.RESTRICT_BOT
    target = f"account:{account_id}" if is_account else f"bot:{lease.bot_id}"
    async with pool.connection() as connection:
        changed = await connection.execute(statement, values)
        if await changed.fetchone() is None:
            return False
        detail = to_json({"reason": restriction.reason, "bot_id": lease.bot_id})
        action = "bot.halt" if restriction.halts else f"{restriction.scope}.{restriction.ladder.value}"
        await connection.execute(sql.AUDIT, {"action": action, "target": target, "detail": detail})
        await connection.execute(sql.NUDGE, {"payload": target})
    return True

"""Ending positions that no order can end: what is held is less than the venue's smallest order.

It stays in the account, at its cost a part of the position's result, as the rest of an exit does.
"""

from typing import Any

from bots.orders import sql
from bots.orders.closing import standing_values, trade_values
from bots.orders.connections import Pool, RowConnection
from bots.orders.decisions import insert_decisions, to_json
from bots.orders.rows import position_of, rules_of
from bots.trading.positions import ClosedPosition, close, is_dust
from bots.trading.records import DecisionRecord, InstrumentRules, LeaseToken, PositionState
from bots.trading.vocabulary import ExitReason

LOCK = f"""
SELECT {sql.POSITION_COLUMNS}, n.symbol, n.base, n.quote, n.tick_size, n.lot_size, n.min_quantity, n.max_quantity,
       n.min_notional, e.code AS exchange,
       EXISTS (SELECT FROM bots_intent i WHERE i.bot_id = p.bot_id AND i.instrument_id = p.instrument_id
               AND i.closed_at IS NULL) AS has_order
FROM bots_position p
JOIN marketdata_instrument n ON n.id = p.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
WHERE p.id = %(position_id)s AND p.bot_id = %(bot_id)s AND p.closed_at IS NULL
FOR UPDATE OF p
"""

LEASED = """
SELECT FROM bots_botlease WHERE bot_id = %(bot_id)s AND epoch = %(epoch)s AND holder = %(holder)s FOR SHARE
"""

CLOSE = """
UPDATE bots_position SET quantity = 0, cost = 0, dust = %(dust)s, realised_pnl = %(realised_pnl)s,
    closed_at = %(closed_at)s, exit_reason = %(exit_reason)s
WHERE id = %(position_id)s
"""


def dust_words(position: PositionState, rules: InstrumentRules) -> str:
    """One sentence for people."""
    least = max(rules.lot_size, rules.min_quantity)
    return (
        f"the {position.quantity.normalize():f} {rules.base} held are less than the smallest order of "
        f"{least.normalize():f} {rules.base}: they cannot be sold, and stay in the account as dust"
    )


async def write_off(
    pool: Pool, position_id: int, decision: DecisionRecord, lease: LeaseToken, now_ns: int
) -> ClosedPosition | None:
    """Close a position whose quantity no order can have; None where it is no dust, has a live order or another owner.

    The venue's rules are those of the database, which may have changed since the caller read them.
    """
    values: dict[str, Any] = {
        "position_id": position_id, "bot_id": lease.bot_id, "epoch": lease.epoch, "holder": lease.holder
    }  # fmt: skip
    async with pool.connection() as connection:
        leased = await connection.execute(LEASED, values)
        if leased.rowcount != 1:
            return None
        row = await (await connection.execute(LOCK, values)).fetchone()
        if row is None or row.has_order:
            return None
        position, rules = position_of(row), rules_of(row)
        if not is_dust(position, rules):
            return None
        closed = close(position, exit_reason=ExitReason.DUST, closed_at_ns=now_ns)
        await insert_decisions(connection, [decision])
        await _write(connection, closed, row.decision_id, dust_words(position, rules))
    return closed


async def _write(connection: RowConnection, closed: ClosedPosition, decision_id: Any, why: str) -> None:
    trade = trade_values(closed, decision_id)
    await connection.execute(CLOSE, trade | {"dust": closed.dust, "realised_pnl": closed.realised_pnl})
    await connection.execute(sql.INSERT_TRADE, trade)
    await connection.execute(sql.ADD_TO_STANDING, standing_values(closed))
    detail = to_json({"bot_id": closed.bot_id, "dust": closed.dust, "reason": why})
    await connection.execute(
        sql.AUDIT, {"action": "position.dust", "target": f"position:{closed.position_id}", "detail": detail}
    )

"""Booking what a venue reports: fills, order, journal, balances, position and trade in one transaction.

Idempotent: a fill is booked once however often it is reported, and an old report never takes an order back.
"""

from typing import Any

import structlog
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from bots.orders import sql
from bots.orders.booking import Booking, book
from bots.orders.connections import Pool, RowConnection
from bots.orders.decisions import to_json
from bots.orders.results import Recorded, StaleLease
from bots.orders.rows import LockedOrder, order_view
from bots.orders.times import to_datetime
from bots.trading.orders import IllegalTransition
from bots.trading.positions import ExceedsPosition
from bots.trading.records import LeaseToken, VenueReport

log = structlog.get_logger(__name__)

RETRIES = 2


class UnknownOrder(LookupError):
    """A report of an order that is not ours."""


async def record(pool: Pool, report: VenueReport, lease: LeaseToken | None) -> Recorded | StaleLease:
    """Book a report. With a lease, only its owner may: a stale owner's report is kept as evidence.

    A late fill of an ended order, more than was ordered, or what cannot be true is an incident: what can be booked is, and the
    bot is halted.
    Raises UnknownOrder, and psycopg.Error where the database fails: then nothing was booked, and it may be tried again.
    """
    for _ in range(RETRIES):
        try:
            return await _record(pool, report, lease)
        except (DeadlockDetected, LockNotAvailable, SerializationFailure) as error:
            log.warning("order.record.retried", order=report.order_id.hex, error=type(error).__name__)
    return await _record(pool, report, lease)


async def _record(pool: Pool, report: VenueReport, lease: LeaseToken | None) -> Recorded | StaleLease:
    async with pool.connection() as connection:
        locked = await _lock(connection, report)
        if locked is None:
            raise UnknownOrder(f"order {report.order_id.hex} is not in the books; was the database restored?")
        row = locked.row
        if lease is not None and (row.lease_epoch, row.lease_holder) != (lease.epoch, lease.holder):
            await _keep_evidence(connection, locked, report, {"stale_epoch": lease.epoch})
            return StaleLease(order_id=report.order_id, bot_id=row.bot_id, epoch=row.lease_epoch)
        try:
            booking = book(locked, report)
        except (IllegalTransition, ExceedsPosition) as error:
            return await _refuse(connection, locked, report, str(error))
        if not booking.changed:
            return Recorded(order=order_view(row, row.state), position=locked.position, changed=False)
        execution_ms = await _write(connection, locked, booking)
    view = order_view(row, booking.state, booking.order_values, execution_ms=execution_ms)
    return Recorded(
        order=view,
        fills=booking.fills,
        position=booking.position,
        closed=booking.closed,
        halted=booking.incident,
    )


async def _lock(connection: RowConnection, report: VenueReport) -> LockedOrder | None:
    values = {
        "order_id": report.order_id,
        "fee_assets": sorted({fill.fee_asset for fill in report.fills}),
        "has_fills": bool(report.fills),
    }
    async with connection.pipeline():
        order = await connection.execute(sql.LOCK_ORDER, values)
        position = await connection.execute(sql.LOCK_OPEN_POSITION, values)
        if report.fills:
            await connection.execute(sql.CREATE_BALANCES, values)
        await connection.execute(sql.LOCK_BALANCES, values)
        fills = await connection.execute(sql.ORDER_FILLS, values)
    row = await order.fetchone()
    if row is None:
        return None
    return LockedOrder.of(
        row=row,
        position_row=await position.fetchone(),
        trade_ids=frozenset(found.trade_id for found in await fills.fetchall()),
    )


async def _refuse(connection: RowConnection, locked: LockedOrder, report: VenueReport, why: str) -> Recorded:
    """What cannot be true of our books: kept as evidence, nothing booked, the bot halted for a person to look."""
    halted = f"order {locked.row.id.hex}: {why}"
    await _keep_evidence(connection, locked, report, {"refused": why})
    await _halt(connection, locked.row.bot_id, halted)
    view = order_view(locked.row, locked.row.state)
    return Recorded(order=view, position=locked.position, changed=False, halted=halted)


async def _halt(connection: RowConnection, bot_id: int, why: str) -> None:
    await connection.execute(sql.HALT_BOT, {"bot_id": bot_id, "reason": why[:300]})
    detail = to_json({"reason": why})
    await connection.execute(sql.AUDIT, {"action": "bot.halt", "target": f"bot:{bot_id}", "detail": detail})


async def _keep_evidence(
    connection: RowConnection, locked: LockedOrder, report: VenueReport, mark: dict[str, Any]
) -> None:
    evidence = {**mark, "report": report}
    state = locked.row.state
    values = {
        "order_id": report.order_id, "from_state": state, "to_state": state, "evidence": to_json(evidence)
    }  # fmt: skip
    await connection.execute(sql.INSERT_EVENT, values)


async def _write(connection: RowConnection, locked: LockedOrder, booking: Booking) -> float | None:
    async with connection.pipeline(), connection.cursor() as cursor:
        if booking.position_values is not None:
            statement = sql.INSERT_POSITION if booking.opens else sql.UPDATE_POSITION
            await cursor.execute(statement, booking.position_values | {"at": to_datetime(booking.at_ns)})
        if booking.fill_values:
            await cursor.executemany(sql.INSERT_FILL, booking.fill_values)
            await cursor.execute(sql.INSERT_JOURNAL_LEGS, leg_arrays(locked.row.account_id, booking))
        if booking.balance_values:
            await cursor.executemany(sql.UPDATE_BALANCE, booking.balance_values)
        if booking.event_values:
            await cursor.executemany(sql.INSERT_EVENT, booking.event_values)
        await cursor.execute(sql.UPDATE_INTENT, booking.intent_values)
        if booking.trade_values is not None:
            await cursor.execute(sql.INSERT_TRADE, booking.trade_values)
            await cursor.execute(sql.ADD_TO_STANDING, booking.standing_values)
        if booking.incident:
            await _halt(connection, locked.row.bot_id, booking.incident)
        updated = await connection.execute(sql.UPDATE_ORDER, booking.order_values)
        await connection.commit()
    row = await updated.fetchone()
    return None if row is None or row.execution_ms is None else float(row.execution_ms)


def leg_arrays(account_id: int, booking: Booking) -> dict[str, Any]:
    """The legs column by column, for one statement."""
    return {
        "account_id": account_id,
        "entries": [entry for entry, _ in booking.legs],
        "books": [leg.book for _, leg in booking.legs],
        "assets": [leg.asset for _, leg in booking.legs],
        "amounts": [leg.amount for _, leg in booking.legs],
        "kinds": [leg.kind for _, leg in booking.legs],
    }

"""Booking what a venue reports: fills, order, journal, balances, position and trade in one transaction.

Idempotent: a fill is booked once however often it is reported, and an old report never takes an order back.
"""

from bots.orders import sql
from bots.orders.booking import Booking, book
from bots.orders.connections import Pool, RowConnection
from bots.orders.decisions import to_json
from bots.orders.results import Recorded, StaleLease
from bots.orders.rows import LockedOrder, order_view
from bots.orders.times import to_datetime
from bots.trading.records import LeaseToken, VenueReport


class UnknownOrder(LookupError):
    """A report of an order that is not ours."""


async def record(pool: Pool, report: VenueReport, lease: LeaseToken | None) -> Recorded | StaleLease:
    """Book a report. With a lease, only its owner may: a stale owner's report is kept as evidence.

    A late fill of an ended order, or more than was ordered, is an incident: what can be booked is, and the bot is halted.
    Raises UnknownOrder, and psycopg.Error where the database fails: then nothing was booked, and it may be tried again.
    """
    async with pool.connection() as connection:
        locked = await _lock(connection, report)
        if locked is None:
            raise UnknownOrder(f"order {report.order_id.hex} is not in the books; was the database restored?")
        row = locked.row
        if lease is not None and (row.lease_epoch, row.lease_holder) != (lease.epoch, lease.holder):
            await _keep_evidence(connection, locked, report, lease)
            return StaleLease(order_id=report.order_id, bot_id=row.bot_id, epoch=row.lease_epoch)
        booking = book(locked, report)
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
        balances = await connection.execute(sql.LOCK_BALANCES, values)
        fills = await connection.execute(sql.ORDER_FILLS, values)
        next_id = await connection.execute(sql.NEXT_POSITION_ID, values)
    row = await order.fetchone()
    if row is None:
        return None
    next_row = await next_id.fetchone()
    return LockedOrder.of(
        row=row,
        position_row=await position.fetchone(),
        assets=frozenset(found.asset for found in await balances.fetchall()),
        trade_ids=frozenset(found.trade_id for found in await fills.fetchall()),
        next_position_id=next_row.id if next_row else None,
    )


async def _keep_evidence(
    connection: RowConnection, locked: LockedOrder, report: VenueReport, lease: LeaseToken
) -> None:
    evidence = {"stale_epoch": lease.epoch, "report": report}
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
            await cursor.executemany(sql.INSERT_JOURNAL_LEG, booking.leg_values)
        missing = [values for values in booking.balance_values if values["asset"] not in locked.assets]
        if missing:
            await cursor.executemany(sql.INSERT_BALANCE, missing)
        if booking.balance_values:
            await cursor.executemany(sql.UPDATE_BALANCE, booking.balance_values)
        if booking.event_values:
            await cursor.executemany(sql.INSERT_EVENT, booking.event_values)
        await cursor.execute(sql.UPDATE_INTENT, booking.intent_values)
        if booking.trade_values is not None:
            await cursor.execute(sql.INSERT_TRADE, booking.trade_values)
        if booking.incident:
            await cursor.execute(sql.HALT_BOT, {"bot_id": locked.row.bot_id, "reason": booking.incident[:300]})
        updated = await connection.execute(sql.UPDATE_ORDER, booking.order_values)
        await connection.commit()
    row = await updated.fetchone()
    return None if row is None or row.execution_ms is None else float(row.execution_ms)

"""Reading and booking an account at a venue: opening balances, transfers, what others did, and how far it was read."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from bots.brokers.venue import VenueOrder, VenueTrade
from bots.orders.connections import Pool, RowConnection
from bots.orders.decisions import to_json
from bots.orders.rows import rules_of
from bots.orders.sql import AUDIT, NUDGE
from bots.orders.venue import sql
from bots.orders.venue.accounting import KnownOrder, client_uuid, external_legs, transfer_kind, transfer_legs
from bots.trading.fills import JournalEntryLeg
from bots.trading.money import ZERO
from bots.trading.records import InstrumentRules
from bots.trading.vocabulary import OrderState, Side


class Owned(Struct, frozen=True, kw_only=True):
    """A known order, and whose lease its bot is under; no holder where nobody looks after it."""

    order: KnownOrder
    instrument_id: int
    holder: str


class AccountFacts(Struct, frozen=True, kw_only=True):
    """What the books have of an account. `cursors` by instrument; `opened_ms` is 0 before the first reconciliation."""

    opened_ms: int
    balances: dict[str, Decimal]
    instruments: tuple[InstrumentRules, ...]
    cursors: dict[int, int]


async def key_set_at(pool: Pool, account_id: int) -> datetime | None:
    """When the account was given its API key; None where it has none."""
    async with pool.connection() as connection:
        row = await (await connection.execute(sql.KEY, {"account_id": account_id})).fetchone()
    return row.set_at if row is not None else None


async def load_facts(pool: Pool, account_id: int, *, differing: Iterable[str] = ()) -> AccountFacts:
    """`differing`: assets whose balances do not agree; instruments between two of them are read too."""
    values = {"account_id": account_id, "differing": list(differing)}
    async with pool.connection() as connection:
        await connection.execute(sql.CREATE_STATE, values)
        state = await (await connection.execute(sql.STATE, values)).fetchone()
        balances = await (await connection.execute(sql.BALANCES, values)).fetchall()
        rows = await (await connection.execute(sql.INSTRUMENTS, values)).fetchall()
    return AccountFacts(
        opened_ms=state.opened_ms,
        balances={row.asset: row.total for row in balances},
        instruments=tuple(rules_of(row) for row in rows),
        cursors={row.instrument_id: row.since_ms for row in rows if row.since_ms is not None},
    )


async def known_orders(
    pool: Pool, account_id: int, *, client_ids: Iterable[str] = (), venue_ids: Iterable[str] = ()
) -> list[Owned]:
    """Orders of ours that have not ended, and those that these ids name."""
    named = [found for found in (client_uuid(client_id) for client_id in client_ids) if found is not None]
    values = {"account_id": account_id, "order_ids": named, "venue_ids": [name for name in venue_ids if name]}
    async with pool.connection() as connection:
        rows = await (await connection.execute(sql.KNOWN_ORDERS, values)).fetchall()
    return [
        Owned(
            order=KnownOrder(
                order_id=row.id, bot_id=row.bot_id, symbol=row.symbol, side=Side(row.side), state=OrderState(row.state),
                venue_order_id=row.venue_order_id, sign_ts_ms=row.sign_ts_ms,
            ),
            instrument_id=row.instrument_id,
            holder=row.holder if row.leased else "",
        )
        for row in rows
    ]  # fmt: skip


async def booked_trades(pool: Pool, account_id: int, instrument_id: int, trade_ids: Sequence[str]) -> set[str]:
    values = {"account_id": account_id, "instrument_id": instrument_id, "trade_ids": list(trade_ids)}
    async with pool.connection() as connection:
        rows = await (await connection.execute(sql.BOOKED_TRADES, values)).fetchall()
    return {row.trade_id for row in rows}


async def book_opening(pool: Pool, account_id: int, totals: Mapping[str, Decimal], *, at_ms: int) -> bool:
    """Make the books hold what the venue holds, once; false where it was done before."""
    async with pool.connection() as connection:
        state = await _lock(connection, account_id)
        if state.opened_ms:
            return False
        ours = await _balances(connection, account_id)
        entry = uuid.uuid4()
        for asset in sorted({*totals, *ours}):
            amount = totals.get(asset, ZERO) - ours.get(asset, ZERO)
            await _book(connection, account_id, entry, transfer_legs(asset=asset, amount=amount, kind="opening"))
        await connection.execute(sql.OPENED, {"account_id": account_id, "opened_ms": at_ms})
        detail = to_json({"balances": {asset: str(total) for asset, total in totals.items()}})
        await connection.execute(
            AUDIT, {"action": "account.opened", "target": f"account:{account_id}", "detail": detail}
        )
    return True


async def book_transfers(
    pool: Pool, account_id: int, found: Mapping[str, Decimal], totals: Mapping[str, Decimal]
) -> dict[str, str]:
    """Book differences that no trade explains, where they still are what was found. Gives their kinds by asset."""
    booked: dict[str, str] = {}
    async with pool.connection() as connection:
        await _lock(connection, account_id)
        ours = await _balances(connection, account_id)
        for asset, amount in sorted(found.items()):
            if totals.get(asset, ZERO) - ours.get(asset, ZERO) != amount:
                continue
            kind = booked[asset] = transfer_kind(amount)
            await _book(connection, account_id, uuid.uuid4(), transfer_legs(asset=asset, amount=amount, kind=kind))
            detail = to_json({"asset": asset, "amount": str(amount)})
            await connection.execute(
                AUDIT, {"action": f"account.{kind}", "target": f"account:{account_id}", "detail": detail}
            )
    return booked


async def book_external(
    pool: Pool,
    account_id: int,
    rules: InstrumentRules,
    trades: Iterable[VenueTrade],
    *,
    order_id: uuid.UUID | None = None,
) -> list[VenueTrade]:
    """Book trades that belong to no bot, once each. Gives the new ones."""
    fresh = []
    async with pool.connection() as connection:
        await _lock(connection, account_id)
        for trade in trades:
            fill = trade.fill
            name = f"{account_id}:{rules.instrument_id}:{fill.trade_id}"
            fill_id = uuid.uuid5(uuid.NAMESPACE_OID, name)
            values = {
                "id": fill_id, "account_id": account_id, "instrument_id": rules.instrument_id, "order_id": order_id,
                "trade_id": fill.trade_id, "venue_order_id": trade.venue_order_id, "side": trade.side.value,
                "price": fill.price, "quantity": fill.quantity, "fee": fill.fee, "fee_asset": fill.fee_asset,
                "ts_event": fill.ts_event,
            }  # fmt: skip
            inserted = await connection.execute(sql.INSERT_EXTERNAL_FILL, values)
            if await inserted.fetchone() is None:
                continue
            await _book(connection, account_id, fill_id, external_legs(rules, trade))
            fresh.append(trade)
    return fresh


async def save_external_orders(
    pool: Pool, account_id: int, orders: Iterable[VenueOrder], *, open_ids: Sequence[str] | None
) -> list[VenueOrder]:
    """Keep orders that are not ours as last seen; what is no longer open has ended. Gives those never seen before."""
    fresh = []
    async with pool.connection() as connection:
        for order in orders:
            values = {
                "account_id": account_id, "venue_order_id": order.venue_order_id,
                "client_order_id": order.client_order_id[:64], "symbol": order.symbol[:40], "side": order.side.value,
                "state": order.state.value, "quantity": order.quantity, "filled": order.filled,
                "limit_price": order.limit_price,
            }  # fmt: skip
            row = await (await connection.execute(sql.UPSERT_EXTERNAL_ORDER, values)).fetchone()
            if row is not None and row.is_new:
                fresh.append(order)
        if open_ids is not None:
            values = {"account_id": account_id, "open_ids": list(open_ids)}
            await connection.execute(sql.END_EXTERNAL_ORDERS, values)
    return fresh


async def pause_account(pool: Pool, account_id: int, reason: str) -> bool:
    """No entries on the account until a person looks; true where it was active."""
    values = {"account_id": account_id, "reason": reason[:300]}
    async with pool.connection() as connection:
        if await (await connection.execute(sql.PAUSE_ACCOUNT, values)).fetchone() is None:
            return False
        target = f"account:{account_id}"
        detail = to_json({"reason": reason})
        await connection.execute(AUDIT, {"action": "account.pause", "target": target, "detail": detail})
        await connection.execute(NUDGE, {"payload": target})
    return True


async def save_cursors(pool: Pool, account_id: int, cursors: Mapping[int, int]) -> None:
    """Up to where the trades of instruments are all booked; a cursor never goes back."""
    async with pool.connection() as connection:
        for instrument_id, since_ms in sorted(cursors.items()):
            values = {"account_id": account_id, "instrument_id": instrument_id, "since_ms": since_ms}
            await connection.execute(sql.SAVE_CURSOR, values)


async def save_reconciled(pool: Pool, account_id: int, *, problem: str, complete: bool) -> None:
    """complete: everything was read, whatever was found."""
    values: dict[str, Any] = {"account_id": account_id, "problem": problem[:500], "complete": complete}
    async with pool.connection() as connection:
        await connection.execute(sql.RECONCILED, values)


async def _lock(connection: RowConnection, account_id: int) -> Any:
    await connection.execute(sql.CREATE_STATE, {"account_id": account_id})
    return await (await connection.execute(sql.LOCK_STATE, {"account_id": account_id})).fetchone()


async def _balances(connection: RowConnection, account_id: int) -> dict[str, Decimal]:
    rows = await (await connection.execute(sql.LOCK_BALANCES, {"account_id": account_id})).fetchall()
    return {row.asset: row.total for row in rows}


async def _book(connection: RowConnection, account_id: int, entry: uuid.UUID, legs: Iterable[JournalEntryLeg]) -> None:
    """Journal legs, and the balances that the wallet's change; in the order of assets, as balances are locked everywhere."""
    for leg in sorted(legs, key=lambda leg: leg.asset):
        values = {
            "account_id": account_id, "entry": entry, "book": leg.book, "asset": leg.asset, "amount": leg.amount,
            "kind": leg.kind,
        }  # fmt: skip
        await connection.execute(sql.INSERT_LEG, values)
        if leg.book == "wallet":
            await connection.execute(sql.ADD_BALANCE, values)

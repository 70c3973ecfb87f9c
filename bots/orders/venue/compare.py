"""I8: what a venue has of an account is what we have, exactly: balances, open orders, trades. Changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from bots.brokers.venue import Venue, VenueUnavailable
from bots.orders.checks import Broken
from bots.orders.connections import Pool
from bots.orders.venue.accounting import differences, totals_of
from bots.orders.venue.books import AccountFacts, booked_trades, load_facts

NAME = "what the venue has is what we have"
READINGS = 3
BETWEEN_S = 2.0

OPEN_ORDERS = """
SELECT replace(id::text, '-', '') AS client_id, venue_order_id FROM bots_order
WHERE account_id = %(account_id)s AND state IN ('open', 'partial')
"""
EXTERNAL_ORDERS = """
SELECT venue_order_id FROM bots_externalorder WHERE account_id = %(account_id)s AND state IN ('open', 'partial')
"""
UNSETTLED = """
SELECT count(*) AS n FROM bots_order WHERE account_id = %(account_id)s AND state IN ('sending', 'unknown')
"""
TRADES = """
SELECT trade_id FROM bots_fill
WHERE account_id = %(account_id)s AND instrument_id = %(instrument_id)s AND ts_event >= %(since_ns)s
UNION ALL
SELECT trade_id FROM bots_externalfill
WHERE account_id = %(account_id)s AND instrument_id = %(instrument_id)s AND ts_event >= %(since_ns)s
"""


class Comparison(Struct, frozen=True, kw_only=True):
    """Of one account. `unchecked` says why nothing could be compared; then `broken` says nothing."""

    account_id: int
    broken: tuple[Broken, ...] = ()
    unchecked: str = ""


async def compare_account(
    pool: Pool, account_id: int, connect: Callable[[], Awaitable[Venue]], *, since_ms: int = 0
) -> Comparison:
    """Compare one account with its venue. What differs must differ in every one of three readings: trading goes on.

    since_ms: trades before are taken as compared; the opening of the books at the earliest.
    """
    try:
        venue = await connect()
    except (VenueUnavailable, RuntimeError, LookupError, ValueError, OSError) as error:
        # Keys that cannot be opened, a venue that is not known or not there.
        return Comparison(account_id=account_id, unchecked=str(error) or type(error).__name__)
    try:
        return await _compare(pool, account_id, venue, since_ms)
    except VenueUnavailable as error:
        return Comparison(account_id=account_id, unchecked=str(error))
    finally:
        await venue.close()


async def _compare(pool: Pool, account_id: int, venue: Venue, since_ms: int) -> Comparison:
    standing: dict[str, str] | None = None
    unsettled = 0
    for reading in range(READINGS):
        if reading:
            await asyncio.sleep(BETWEEN_S)
        facts = await load_facts(pool, account_id)
        if not facts.opened_ms:
            return Comparison(
                account_id=account_id, unchecked="its books have not been opened: no engine has reconciled it yet"
            )
        unsettled = (await _rows(pool, UNSETTLED, account_id))[0].n
        found = await _differing(pool, account_id, facts, venue, max(since_ms, facts.opened_ms))
        standing = found if standing is None else {row: found[row] for row in standing if row in found}
        if not standing and not unsettled:
            return Comparison(account_id=account_id)
    if unsettled:
        return Comparison(account_id=account_id, unchecked=f"{unsettled} orders are without an answer: not at rest")
    broken = [
        Broken(code="I8", name=NAME, row=f"account {account_id}: {row}", detail=detail)
        for row, detail in sorted((standing or {}).items())
    ]
    return Comparison(account_id=account_id, broken=tuple(broken))


async def _differing(pool: Pool, account_id: int, facts: AccountFacts, venue: Venue, since_ms: int) -> dict[str, str]:
    """What differs in one reading, and how."""
    found: dict[str, str] = {}
    totals = totals_of(await venue.balances())
    for asset in differences(facts.balances, totals):
        ours, theirs = facts.balances.get(asset, Decimal(0)), totals.get(asset, Decimal(0))
        found[asset] = f"we have {ours.normalize():f}, the venue {theirs.normalize():f}"
    listed = {order.venue_order_id: order.client_order_id for order in await venue.open_orders()}
    ours_open = {row.venue_order_id: row.client_id for row in await _rows(pool, OPEN_ORDERS, account_id)}
    known = {*ours_open, *(row.venue_order_id for row in await _rows(pool, EXTERNAL_ORDERS, account_id))}
    for venue_id in sorted({*listed} - known):
        found[f"order {listed[venue_id] or venue_id}"] = "open at the venue, not in the books"
    for venue_id in sorted(known - {*listed}):
        found[f"order {ours_open.get(venue_id, venue_id)}"] = "open in the books, not at the venue"
    for rules in facts.instruments:
        trades = [trade.fill.trade_id for trade in await venue.trades(rules.symbol, since_ms=since_ms)]
        booked = await booked_trades(pool, account_id, rules.instrument_id, trades)
        values = {"instrument_id": rules.instrument_id, "since_ns": since_ms * 1_000_000}
        known_trades = {row.trade_id for row in await _rows(pool, TRADES, account_id, **values)}
        found |= {f"trade {trade_id} of {rules.symbol}": "not booked" for trade_id in trades if trade_id not in booked}
        found |= {
            f"trade {trade_id} of {rules.symbol}": "not at the venue" for trade_id in sorted(known_trades - {*trades})
        }
    return found


async def _rows(pool: Pool, statement: str, account_id: int, **values: Any) -> Sequence[Any]:
    async with pool.connection() as connection:
        rows: list[Any] = await (await connection.execute(statement, {"account_id": account_id} | values)).fetchall()
        return rows

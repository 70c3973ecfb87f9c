"""All accounts at real venues against their venues: the ledger check's I8."""

from functools import partial

from bots.engine.connecting import connect_account
from bots.engine.venue_desk import Connect
from bots.orders.connections import open_pool
from bots.orders.load import AccountConfig
from bots.orders.venue.compare import Comparison, compare_account

ACCOUNTS = """
SELECT a.id, a.owner_id, a.mode, a.quote_asset, a.maker_fee_bps, a.taker_fee_bps, a.latency_ms, e.code, e.clock
FROM bots_account a JOIN marketdata_exchange e ON e.id = a.exchange_id
WHERE a.mode <> 'paper' ORDER BY a.id
"""


async def compare_accounts(*, connect: Connect = connect_account) -> list[Comparison]:
    """Compare every account at a real venue, one after another. Raises psycopg.Error."""
    pool = await open_pool(min_size=1, max_size=2)
    try:
        async with pool.connection() as connection:
            rows = await (await connection.execute(ACCOUNTS)).fetchall()
        found = []
        for row in rows:
            account = AccountConfig(
                account_id=row.id, owner_id=row.owner_id, exchange=row.code, stream_clock=row.clock == "stream",
                mode=row.mode, quote_asset=row.quote_asset, maker_fee_bps=row.maker_fee_bps,
                taker_fee_bps=row.taker_fee_bps, latency_ms=row.latency_ms,
            )  # fmt: skip
            found.append(await compare_account(pool, row.id, partial(connect, account)))
        return found
    finally:
        await pool.close()

"""Orders: decision → durable intent → paper fill, booked, beside a bare durable insert on the same disk in the same run.

In a process of its own, with a PostgreSQL of its own that really flushes: the rest of the benchmarks run without.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from tests.benchmarks import performance
from tests.benchmarks.rows import Row, percentile

ROUNDS = 300
WARM_UP = 30
EXTRA_P50_MS = 3.0
EXTRA_P99_MS = 20.0


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.orders"], capture_output=True, text=True, check=True, timeout=300
    )
    samples: dict[str, list[float]] = json.loads(measured.stdout.splitlines()[-1])
    rows = {}
    for q, extra in ((50, EXTRA_P50_MS), (99, EXTRA_P99_MS)):
        # Booking the fill is a second durable commit, so its floor is two.
        for name, commits in (("decision_to_fill", 1), ("decision_to_booked_fill", 2)):
            floor = percentile(samples["bare"], q) * commits
            rows[f"order.{name}_p{q}"] = Row(
                value=percentile(samples[name], q), unit="ms", floor=floor, budget=floor + extra * commits
            )
    return rows | performance.run()


def main() -> None:
    from tradingsite.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), durable=True, valkey=False)
        servers.start()
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "LOCAL_DIR": folder,
                "LOG_FILES": "false",
            }
            print(json.dumps(measure()))
        finally:
            servers.stop()


def measure() -> dict[str, list[float]]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    from tests.integration.orders.cast import make_cast

    cast = make_cast()
    cast.bot.maximum_trades_per_day = 100_000
    cast.bot.maximum_entries_per_5_minutes = 300
    # Each round trip costs its fees, and three hundred of them are no bot's day.
    cast.bot.daily_loss_limit = cast.bot.maximum_drawdown = 1
    cast.bot.save()
    connections.close_all()
    return uvloop.run(_measure(cast))


async def _measure(cast: Any) -> dict[str, list[float]]:
    from bots.orders.connections import open_pool
    from bots.orders.leases import LeaseTerms
    from bots.orders.store import OrderStore
    from bots.trading.matching import PaperFees, PaperMatcher
    from bots.trading.records import SubmittedOrder
    from tests.integration.orders.cast import D

    pool = await open_pool(min_size=2, max_size=4)
    store = OrderStore(pool, terms=LeaseTerms(ttl_s=300))
    lease = await cast.lease(store)
    matcher, fees = PaperMatcher(), PaperFees(maker_bps=D(10), taker_bps=D(10))
    samples: dict[str, list[float]] = {"bare": [], "decision_to_fill": [], "decision_to_booked_fill": []}
    async with pool.connection() as connection:
        await connection.execute("CREATE TABLE bench (id bigserial PRIMARY KEY, at timestamptz, text text)")
    position = None
    for number in range(ROUNDS + WARM_UP):
        bare = await _bare_insert_ms(pool)
        plan = cast.exit_plan(position, D("0.00299")) if position else cast.plan(stop_loss=D("0.02"))
        decision = cast.decision(plan)
        matcher.on_event(_book(number), number)
        begun = time.perf_counter()
        order = await store.submit(plan, decision, lease, plan.decided_at_ns)
        assert isinstance(order, SubmittedOrder)
        (report,) = matcher.submit(order, plan.decided_at_ns, fees=fees)
        filled = time.perf_counter()
        booked = await store.record(report, lease)
        ended = time.perf_counter()
        assert report.fills
        position = booked.position
        if number >= WARM_UP:
            samples["bare"].append(bare)
            samples["decision_to_fill"].append((filled - begun) * 1e3)
            samples["decision_to_booked_fill"].append((ended - begun) * 1e3)
    await pool.close()
    return samples


async def _bare_insert_ms(pool: Any) -> float:
    begun = time.perf_counter()
    async with pool.connection() as connection:
        await connection.execute("INSERT INTO bench (at, text) VALUES (clock_timestamp(), 'an order')")
    return (time.perf_counter() - begun) * 1e3


def _book(number: int) -> Any:
    from marketdata.events import BookSnapshot

    return BookSnapshot(
        exchange="simulated", symbol="BTC/USDT", bids=((99_999.0, 5.0),), asks=((100_000.0, 5.0),), update_id=number,
        ts_event=number, ts_init=number,
    )  # fmt: skip


if __name__ == "__main__":
    main()

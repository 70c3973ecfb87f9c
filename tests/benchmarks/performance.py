"""The monitor's performance of a thousand bots that have run for thirty days, beside the bare insert of its rows.

In a process of its own, with a PostgreSQL of its own. History is an hour apart: none of it is read.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.rows import Row, best_seconds

BOTS = 1_000
BUDGET_S = 5.0

HISTORY = """
INSERT INTO bots_performancesnapshot (bot_id, at, equity, realised_pnl, unrealised_pnl, fees, trades, maximum_drawdown)
SELECT b.id, at, 2000 + extract(epoch FROM at)::bigint %% 97, extract(epoch FROM at)::bigint %% 97, 0, 1, 10, 0.01
FROM bots_bot b, generate_series(%s::timestamptz, %s::timestamptz, interval '1 hour') AS at
"""
STANDINGS = """
INSERT INTO bots_standing (bot_id, trades, wins, gained, lost, fees, realised_day, realised_week)
SELECT id, 3000, 1600, 900, 850, 120, 0, 0 FROM bots_bot
"""
BARE = """
INSERT INTO bots_performancesnapshot (bot_id, at, equity, realised_pnl, unrealised_pnl, fees, trades, maximum_drawdown)
SELECT id, %s, 2000, 0, 0, 1, 10, 0.01 FROM bots_bot
"""


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.performance"], capture_output=True, text=True, check=True, timeout=300
    )
    found: dict[str, float] = json.loads(measured.stdout.splitlines()[-1])
    row = Row(value=found["computed_s"] * 1e3, unit="ms", floor=found["bare_s"] * 1e3, budget=BUDGET_S * 1e3)
    return {f"order.performance_{BOTS}_bots": row}


def main() -> None:
    from tradingsite.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder))
        servers.start()
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "LOCAL_DIR": folder,
                "LOG_FILES": "false",
                "LOG_LEVEL": "ERROR",
            }
            print(json.dumps(measure()))
        finally:
            servers.stop()


def measure() -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from bots.models import Bot, Position
    from bots.monitor.performance import compute_performance
    from tests.integration.orders.cast import make_cast

    cast, now = make_cast(), datetime.now(UTC)
    common = {"owner": cast.alice, "account": cast.account, "state": "running"}
    bots = Bot.objects.bulk_create(Bot(name=f"Bot {number}", **common) for number in range(BOTS - 1))
    Position.objects.bulk_create(
        Position(
            bot=bot, account=cast.account, instrument=cast.btc, side="buy", quantity=1, opened_quantity=1,
            entry_price=100, cost=100, stop_price=98, high_water_mark=100, mark_price=101, opened_at=now,
        )
        for bot in bots
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(STANDINGS)
        cursor.execute(HISTORY, [now - timedelta(days=30), now])
    moments = iter(range(1, 100))

    def computed() -> None:
        assert len(compute_performance(now=now + timedelta(seconds=30 * next(moments)))) == BOTS

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(BARE, [now + timedelta(days=1, seconds=next(moments))])

    computed()
    return {"computed_s": best_seconds(computed, repeat=3), "bare_s": best_seconds(bare, repeat=3)}


if __name__ == "__main__":
    begun = time.perf_counter()
    main()
    print(f"measured in {time.perf_counter() - begun:.0f} s", file=sys.stderr)

"""A database of an earlier version, with its rows, is one of this version after `migrate`, and the engine loads it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from bots.models.choices import BotState
from bots.orders.connections import open_pool
from bots.orders.load import EngineState, load_engine_state

pytestmark = pytest.mark.django_db(transaction=True)

# Before there were standings, switched strategies, models and modes.
EARLIER = [("bots", "0005_second_source"), ("marketdata", "0003_slow_sources")]
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def empty_database() -> Iterator[str]:
    """One beside the tests' own, which is `connection`'s until the test is over."""
    own, name = connection.settings_dict["NAME"], "earlier_version"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield name
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(apps: Any) -> int:
    """Somebody whose bot bought twice: one position was closed, the other is held. The bot's number."""

    def make(label: str, **fields: Any) -> Any:
        return apps.get_model(*label.split(".")).objects.create(**fields)

    owner = make("bots.User", username="alice", email="alice@example.org", password="!")
    venue = make("marketdata.Exchange", code="simulated", name="Simulated", adapter="binance")
    btc = make(
        "marketdata.Instrument", exchange=venue, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"), min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9000), min_notional=Decimal(5), updated_at=AT,
    )  # fmt: skip
    account = make("bots.Account", name="Paper", exchange=venue, owner=owner, created_at=AT)
    make("bots.Balance", account=account, asset="USDT", total=Decimal(9900))
    make("bots.Balance", account=account, asset="BTC", total=Decimal("0.002"))
    bot = make(
        "bots.Bot", name="Demo", owner=owner, account=account, state="running", timeframes={"1m": 1.0},
        created_at=AT, updated_at=AT,
    )  # fmt: skip
    bot.instruments.add(btc)
    make("bots.Session", bot=bot, started_at=AT, started_by=owner)
    for closed_at in (AT, None):
        decision = make(
            "bots.Decision", bot=bot, instrument=btc, ts_event=int(AT.timestamp() * 1e9), created_at=AT, trigger="bar",
            action="buy", verdict="order", price=Decimal(50_000), signal=0.4, confidence=0.5, coverage=1.0,
        )  # fmt: skip
        position = make(
            "bots.Position", account=account, bot=bot, instrument=btc, decision=decision, side="buy",
            quantity=Decimal(0) if closed_at else Decimal("0.002"), opened_quantity=Decimal("0.002"),
            entry_price=Decimal(50_000), cost=Decimal(0) if closed_at else Decimal(100),
            exited_quantity=Decimal("0.002") if closed_at else Decimal(0),
            exit_price=Decimal(51_000) if closed_at else None, stop_price=Decimal(49_000),
            high_water_mark=Decimal(50_000), opened_at=AT, closed_at=closed_at,
            realised_pnl=Decimal(2) if closed_at else Decimal(0), exit_reason="target" if closed_at else "",
        )  # fmt: skip
        if closed_at:
            make(
                "bots.Trade", bot=bot, instrument=btc, decision=decision, position=position, side="buy",
                quantity=Decimal("0.002"), entry_price=Decimal(50_000), exit_price=Decimal(51_000), fees=Decimal(0),
                realised_pnl=Decimal(2), exit_reason="target", opened_at=AT, closed_at=AT,
            )  # fmt: skip
    return int(bot.pk)


async def load(bot_id: int) -> EngineState:
    pool = await open_pool(min_size=1, max_size=1)
    try:
        return await load_engine_state(pool, [bot_id], int(AT.timestamp() * 1e9))
    finally:
        await pool.close()


def test_rows_of_an_earlier_version_are_traded_on_by_this_one(empty_database):
    executor = MigrationExecutor(connection)
    executor.migrate(EARLIER)
    bot_id = fill(executor.loader.project_state(EARLIER).apps)

    newest = MigrationExecutor(connection)
    newest.migrate(newest.loader.graph.leaf_nodes())

    state = asyncio.run(load(bot_id))
    bot = state.bots[bot_id]
    assert bot.state == BotState.RUNNING
    assert [rules.symbol for rules in bot.instruments] == ["BTC/USDT"]
    assert bot.disabled_strategies == ()
    assert [(held.quantity, held.entry_price) for held in state.positions] == [(Decimal("0.002"), Decimal(50_000))]
    assert (state.results[bot_id].realised_total, state.results[bot_id].trades_today) == (Decimal(2), 2)
    (account_id,) = state.balances
    assert state.balances[account_id]["USDT"].total == 9900

"""Bars of several timeframes with weights, from minutes to days, in the running engine."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.models import Decision
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from marketdata.history import to_bar
from marketdata.models import BarRow
from quant.reading import Component
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot
from tests.integration.orders.cast import Cast

FRAMES: dict[Timeframe, float] = {"1m": 1.0, "5m": 0.5, "1h": 1.5, "4h": 2.0, "1d": 1.0}


def rows(instrument: Any, timeframe: Timeframe, count: int) -> list[BarRow]:
    """Stored bars until the last one that is over."""
    length = TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
    end = time.time_ns() // length * length
    return [
        BarRow(
            instrument=instrument, timeframe=timeframe, ts_open=end - (count - i) * length, open=PRICE + i,
            high=PRICE + i + 3, low=PRICE + i - 3, close=PRICE + i + (1 if i % 3 else -1), volume=1.0, trades=5,
            source="rest",
        )
        for i in range(count)
    ]  # fmt: skip


@pytest.fixture
async def last_part(cast: Cast, redis_flush: None) -> AsyncIterator[Bar]:
    """Everything is stored but the last day and the four hours that ended it; those are given."""
    stored = list(await sync_to_async(bars_rows)(cast.btc, price=PRICE, count=200))
    for timeframe in ("5m", "1h"):
        stored += rows(cast.btc, timeframe, 120)  # type: ignore[arg-type]
    stored += rows(cast.btc, "1d", 80)[:-1]
    midnight = time.time_ns() // 86_400_000_000_000 * 86_400_000_000_000
    parts = [row for row in rows(cast.btc, "4h", 120) if row.ts_open < midnight]
    stored += parts[:-1]
    await sync_to_async(BarRow.objects.bulk_create)(stored)
    yield to_bar(parts[-1], exchange="simulated", symbol="BTC/USDT")
    await sync_to_async(connections.close_all)()


async def test_every_timeframe_weighs_and_a_day_closes_with_its_last_hours(cast: Cast, last_part: Bar) -> None:
    changes = {"timeframes": FRAMES, "minimum_confidence": 1.0, "evaluation": "interval", "interval_s": 1}
    bot = await eager_bot(cast, **changes)
    await sync_to_async(bot.full_clean)()
    feed = TestFeed()
    async with RunningEngine() as engine:
        decision = await feed.play(lambda i: PRICE + i % 3, lambda: Decision.objects.filter(confidence__gt=0).first())
        parts = {row["timeframe"]: row for row in decision.components if row["name"] == "technical"}
        assert list(parts) == list(FRAMES)
        assert all(row["value"] is not None for row in parts.values())
        total = sum(FRAMES.values())
        for timeframe, weight in FRAMES.items():
            assert parts[timeframe]["weight"] == pytest.approx(weight / total, abs=1e-6)
        assert parts["1d"]["n_obs"] == 79
        runner = engine.roster.runners["simulated", "BTC/USDT"]

        def days() -> int:
            return runner.worker.signals.read(now_ns=time.time_ns()).reading(Component.TECHNICAL, "1d").n_obs

        await feed.send(last_part)
        await eventually(lambda: days() == 80)
        await asyncio.sleep(0)

"""The nightly fit from stored quotes, and its way into a running engine."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.engine.microprices import Microprices
from bots.microprice import fit_all, load_tables
from bots.models import MicropriceFit
from marketdata.events import BookSnapshot, QuoteTick
from marketdata.models import Exchange, Subscription
from marketdata.store.writer import EventStore
from quant.features.microprice import fit
from tests.integration.engine.market import eventually
from tests.integration.engine.test_engine import RunningEngine, eager_bot
from tests.integration.orders.cast import Cast

TICK = 0.01


def quotes(n: int, *, end_ns: int) -> list[QuoteTick]:
    """A mid that follows the imbalance, a quote every 100 ms."""
    rng = np.random.default_rng(1)
    mid, found = 100_000, []
    for i in range(n):
        share = float(rng.uniform(0.02, 0.98))
        mid += int(rng.uniform() < share) - int(rng.uniform() < 1 - share)
        ts = end_ns - (n - i) * 100_000_000
        found.append(
            QuoteTick(
                exchange="simulated", symbol="BTC/USDT", bid=round((mid - 1) * TICK, 2), bid_size=10 * share,
                ask=round((mid + 1) * TICK, 2), ask_size=10 * (1 - share), ts_event=ts, ts_init=ts, update_id=i + 1,
            )
        )  # fmt: skip
    return found


def store(root: Path, events: list[Any]) -> None:
    problems: list[str] = []
    with_store = EventStore(root, clock_ns=time.time_ns, on_problem=problems.append, max_rows=10_000_000)
    with_store.append(events)
    with_store.close()
    assert problems == []


@pytest.fixture
async def followed(cast: Cast, redis_flush: None) -> AsyncIterator[Cast]:
    await Subscription.objects.acreate(
        exchange=await Exchange.objects.aget(code="simulated"), symbol="BTC/USDT", follower="bot:1"
    )
    yield cast
    await sync_to_async(connections.close_all)()


async def test_without_stored_quotes_it_says_so_and_stays_silent(followed: Cast, tmp_path: Path) -> None:
    told = await sync_to_async(fit_all)(tmp_path, now_ns=time.time_ns())
    assert "EVENT_STORE_KINDS" in next(iter(told.values()))
    row = await MicropriceFit.objects.aget()
    assert row.table is None
    assert "EVENT_STORE_KINDS" in row.reason
    assert row.fitted_at is None


async def test_the_fit_is_that_of_the_stored_quotes_and_reaches_the_engine(followed: Cast, tmp_path: Path) -> None:
    now = time.time_ns()
    ticks = quotes(6_000, end_ns=now)
    await sync_to_async(store)(tmp_path, ticks)
    told = await sync_to_async(fit_all)(tmp_path, now_ns=now)
    assert "fitted from" in next(iter(told.values()))
    columns = np.array([(q.bid, q.bid_size, q.ask, q.ask_size) for q in ticks])
    expected = fit(*columns.T, tick=TICK)
    tables = await sync_to_async(load_tables)(now=(await MicropriceFit.objects.aget()).fitted_at)
    assert tables["simulated", "BTC/USDT"] == expected

    await eager_bot(followed)
    async with RunningEngine() as engine:
        engine.microprices = Microprices(engine.roster.runners, refresh_s=0.1)
        runner = await eventually(lambda: engine.roster.runners.get(("simulated", "BTC/USDT")))
        await eventually(lambda: runner.worker.signals._micro._table == expected)
        await MicropriceFit.objects.all().adelete()
        await eventually(lambda: runner.worker.signals._micro._table is None)


async def test_a_night_without_quotes_keeps_the_table_of_the_night_before(followed: Cast, tmp_path: Path) -> None:
    now = time.time_ns()
    await sync_to_async(store)(tmp_path / "one", quotes(6_000, end_ns=now))
    await sync_to_async(fit_all)(tmp_path / "one", now_ns=now)
    await sync_to_async(fit_all)(tmp_path / "none", now_ns=now + 1)
    row = await MicropriceFit.objects.aget()
    assert row.table is not None
    assert "EVENT_STORE_KINDS" in row.reason


async def test_books_do_where_no_quotes_are_stored(followed: Cast, tmp_path: Path) -> None:
    now = time.time_ns()
    books = [
        BookSnapshot(
            exchange=q.exchange, symbol=q.symbol, bids=((q.bid, q.bid_size),), asks=((q.ask, q.ask_size),),
            ts_event=q.ts_event, ts_init=q.ts_init, update_id=q.update_id,
        )
        for q in quotes(6_000, end_ns=now)
    ]  # fmt: skip
    await sync_to_async(store)(tmp_path, books)
    told = await sync_to_async(fit_all)(tmp_path, now_ns=now)
    assert "fitted from" in next(iter(told.values()))

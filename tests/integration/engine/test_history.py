"""Bars that were missed and stored later: the signals begin anew from the whole history."""

import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from bots.engine.inbox import Inbox
from bots.engine.runner import SymbolRunner
from bots.trading.limits import DEFAULT_CONTROLS
from marketdata import cache
from marketdata.cache import LatestSnapshot
from marketdata.clock import venue_clock
from marketdata.events import Bar, HistoryReady
from marketdata.history import load_bars
from marketdata.models import BarRow
from tests.integration.engine.market import bars_rows
from tests.integration.orders.cast import Cast

MISSED = 10


@pytest.fixture
async def runner(redis_flush: None) -> AsyncIterator[SymbolRunner]:
    # Signals need no desk.
    desk: Any = SimpleNamespace(
        bots={}, database_error="", traditional_weight=0.5, quant_weight=0.5,
        store=SimpleNamespace(controls=DEFAULT_CONTROLS),
    )  # fmt: skip
    yield SymbolRunner(
        exchange="simulated", symbol="BTC/USDT", desk=desk, inbox=Inbox(), clock=venue_clock("system"),
        stream_clock=False, timeframes=("1m",),
    )  # fmt: skip
    await sync_to_async(connections.close_all)()


def technical(runner: SymbolRunner) -> Any:
    return runner.worker.signals.read(now_ns=time.time_ns()).readings[0]


async def hear(runner: SymbolRunner, event: Bar | HistoryReady) -> None:
    runner._inbox.queue.put(event)
    await runner._drain()
    await runner.second()


async def test_a_pause_is_healed_when_its_bars_are_stored(cast: Cast, runner: SymbolRunner) -> None:
    rows = list(bars_rows(cast.btc, price=100_000.0, count=600))
    before, missed, newest = rows[: -MISSED - 1], rows[-MISSED - 1 : -1], rows[-1]
    await sync_to_async(BarRow.objects.bulk_create)(before)
    await runner.bootstrap()
    assert technical(runner).value is not None
    await sync_to_async(BarRow.objects.bulk_create)([newest])
    (bar,) = await sync_to_async(load_bars)("simulated", "BTC/USDT", "1m", 1)
    await hear(runner, bar)
    # So long a hole cannot be bridged.
    assert technical(runner).value is None
    await sync_to_async(BarRow.objects.bulk_create)(missed)
    ids: dict[str, Any] = {"exchange": "simulated", "symbol": "BTC/USDT"}
    await hear(runner, HistoryReady(**ids, timeframe="1m", ts_event=bar.ts_close, ts_init=bar.ts_close))
    assert technical(runner).value is not None
    assert technical(runner).as_of == bar.ts_close


async def test_a_bar_not_yet_stored_is_not_lost_by_beginning_anew(cast: Cast, runner: SymbolRunner) -> None:
    rows = list(bars_rows(cast.btc, price=100_000.0, count=120))
    await sync_to_async(BarRow.objects.bulk_create)(rows)
    (bar,) = await sync_to_async(load_bars)("simulated", "BTC/USDT", "1m", 1)
    await sync_to_async(BarRow.objects.filter(ts_open=bar.ts_open).delete)()
    await runner.bootstrap()
    await hear(runner, bar)
    ids: dict[str, Any] = {"exchange": "simulated", "symbol": "BTC/USDT"}
    await hear(runner, HistoryReady(**ids, timeframe="1m", ts_event=bar.ts_close, ts_init=bar.ts_close))
    assert technical(runner).as_of == bar.ts_close


def keep_source(state: str, source: str) -> None:
    snapshot = LatestSnapshot(
        exchange="simulated",
        symbol="BTC/USDT",
        epoch=1,
        sequence=1,
        state=state,
        reason="",
        book=None,
        forming=(),
        now_ns=time.time_ns(),
        source=source,
    )
    cache.store([], [snapshot], exchange="simulated", epoch=1)


@pytest.mark.parametrize(("state", "source"), [("live", "websocket"), ("fallback", "other")])
async def test_who_joins_late_knows_whose_prices_these_are(
    cast: Cast, runner: SymbolRunner, state: str, source: str
) -> None:
    await sync_to_async(keep_source)(state, source)
    await runner.bootstrap()
    assert (runner.worker.feed_state, runner.worker.feed_source) == (state, source)
    assert (runner.worker._foreign() is None) == (source == "websocket")


async def test_after_a_hole_it_is_asked_again_whose_prices_these_are(cast: Cast, runner: SymbolRunner) -> None:
    await sync_to_async(keep_source)("live", "websocket")
    await runner.bootstrap()
    await sync_to_async(keep_source)("fallback", "other")
    runner._inbox.hole = True
    await runner._drain()
    assert (runner.worker.feed_state, runner.worker.feed_source) == ("fallback", "other")


@pytest.mark.parametrize("state", ["refused", "closed", "connecting", "stale", "one of tomorrow"])
async def test_nothing_is_decided_on_a_feed_that_is_not_current(cast: Cast, runner: SymbolRunner, state: str) -> None:
    runner._inbox.is_stale = False
    await sync_to_async(keep_source)("live", "websocket")
    await runner._drain()
    assert runner.worker._trouble() is None
    await sync_to_async(keep_source)(state, "websocket")
    runner._inbox.hole = True
    await runner._drain()
    trouble = runner.worker._trouble()
    assert trouble is not None
    assert state in trouble.text

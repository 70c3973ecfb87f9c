"""History after a pause: what was missed is fetched, stored, and told when it can be loaded."""

import time
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from marketdata.events import Bar, Event, HistoryReady, Timeframe
from marketdata.feed.recorder import Recorder
from marketdata.history import BOOTSTRAP_BARS, load_bars
from marketdata.models import BarRow, Exchange, Instrument
from tests.integration.marketdata.cast import Listener, afollow, eventually, listening, running_feed

MINUTE_NS = 60_000_000_000


async def hear_ready(listener: Listener, timeframe: Timeframe) -> None:
    def is_ready(event: Event) -> bool:
        return isinstance(event, HistoryReady) and event.timeframe == timeframe

    await listener.heard(is_ready)


def loaded(timeframe: Timeframe) -> list[Bar]:
    return load_bars("simulated", "BTC/USDT", timeframe, 200)


def erase_the_last(minutes: int) -> int:
    """As if nothing had run for so long."""
    since_ns = time.time_ns() - minutes * MINUTE_NS
    return BarRow.objects.filter(ts_open__gte=since_ns).delete()[0]


@pytest.mark.usefixtures("venue")
async def test_after_a_pause_the_hole_is_filled_before_it_is_told():
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    async with listening() as listener, running_feed():
        # Of a day there is no whole one in the simulator's short past.
        for timeframe in [name for name in BOOTSTRAP_BARS if name != "1d"]:
            await hear_ready(listener, timeframe)
    assert await sync_to_async(erase_the_last)(20) >= 19
    async with listening() as listener, running_feed():
        for timeframe, seconds in (("1m", 60), ("3m", 180), ("5m", 300)):
            await hear_ready(listener, timeframe)
            bars = await sync_to_async(loaded)(timeframe)
            assert len(bars) == 200
            assert {b.ts_open - a.ts_open for a, b in pairwise(bars)} == {seconds * 10**9}
            assert time.time_ns() - bars[-1].ts_close < (seconds + 5) * 10**9


def minute(number: int) -> Bar:
    begin_ns = 1_700_000_040_000_000_000 + number * MINUTE_NS
    return Bar(
        exchange="simulated", symbol="BTC/USDT", timeframe="1m", ts_open=begin_ns, ts_close=begin_ns + MINUTE_NS,
        open=100.0, high=101.0, low=99.0, close=100.0, volume=1.0, taker_buy_volume=None, trades=1, source="rest",
    )  # fmt: skip


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


@pytest.mark.usefixtures("transactional_db")
async def test_nothing_is_told_before_it_is_stored():
    exchange = await Exchange.objects.acreate(code="simulated", name="Simulated", adapter="binance")
    instrument = await Instrument.objects.acreate(
        exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT",
        tick_size="0.01", lot_size="0.00001", min_quantity="0.00001", max_quantity="9000", min_notional="5",
    )  # fmt: skip
    recorder = Recorder(exchange_id=exchange.pk, exchange="simulated", enabled=True)
    told: list[int] = []
    recorder.keep_bar(instrument.pk, minute(0))
    recorder.when_stored(lambda: told.append(1))
    await sync_to_async(rename)("marketdata_bar", "bars_in_repair")
    try:
        await recorder.write([])
        assert told == []
    finally:
        await sync_to_async(rename)("bars_in_repair", "marketdata_bar")
    await recorder.write([])
    assert told == [1]
    assert await eventually(lambda: BarRow.objects.count() == 1)

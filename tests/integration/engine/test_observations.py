"""Slow observations in the running engine: stored ones at the start, those of the stream, and holes in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connections
from msgspec import structs

from bots.engine.past_observations import DAY_NS, STEP_NS, past_observations
from bots.models import Decision
from marketdata.batches import MESSAGE_TYPE, encode_batch, tick_group
from marketdata.bus import TickPublisher
from marketdata.events import Batch, Event, OpenInterest, Sentiment
from marketdata.models import BarRow, Observation, SlowSource
from marketdata.observations import store_observations
from marketdata.sources.service import OBSERVATIONS
from quant.reading import Component
from quant.symbol_signals import SymbolSignals
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot
from tests.integration.marketdata.slow_cast import add_source, running_sources, state_of
from tests.integration.orders.cast import Cast
from tests.simulator_fixture import running_simulator
from tests.unit.quant.slow_market import everything, options, summary

SLOW_ONES = ("open_interest", "options_flow", "sentiment")
SIM = "deribit:sim"


@pytest.fixture
async def market(cast: Cast, redis_flush: None) -> AsyncIterator[TestFeed]:
    await sync_to_async(BarRow.objects.bulk_create)(await sync_to_async(bars_rows)(cast.btc, price=PRICE))
    yield TestFeed()
    await sync_to_async(connections.close_all)()


def values_in(decision: Decision) -> dict[str, Any]:
    return {part["name"]: part["value"] for part in decision.components}


def heard() -> Decision | None:
    """The newest decision in which all slow signals speak."""
    newest = Decision.objects.first()
    return newest if newest and all(values_in(newest).get(name) is not None for name in SLOW_ONES) else None


def past(days: int = 31) -> Sequence[Any]:
    now = time.time_ns()
    return [
        structs.replace(event, exchange=f"{event.exchange}:sim", ts_init=event.ts_event)
        for event in everything(days, end=now - 60_000_000_000)
    ]


ALWAYS: dict[str, Any] = {
    "component_weights": {"technical": 1, **dict.fromkeys(SLOW_ONES, 1)},
    "minimum_confidence": 1.0,
    "evaluation": "interval",
    "interval_s": 1,
    "signal_storage": "all",
}


@pytest.mark.slow
async def test_stored_observations_speak_in_the_first_decisions(cast: Cast, market: TestFeed) -> None:
    await sync_to_async(store_observations)(past())
    await eager_bot(cast, **ALWAYS)
    async with RunningEngine() as engine:
        await eventually(lambda: engine.observations.loads)
        decision = await market.play(lambda i: PRICE + i % 3, heard)
    parts = {part["name"]: part for part in decision.components}
    assert parts["open_interest"]["parts"]["quadrant"] is not None
    assert parts["options_flow"]["parts"]["skew"] is not None
    assert parts["sentiment"]["parts"]["index"] is not None
    assert all(parts[name]["quality"] > 0 for name in SLOW_ONES)


def batch_of(source: str, *events: Event, epoch: int = 1, sequence: int = 1) -> dict[str, Any]:
    batch = Batch(
        exchange=source, symbol=events[0].symbol, epoch=epoch, sequence=sequence, now_ns=time.time_ns(), events=events
    )
    return {"type": MESSAGE_TYPE, "payload": encode_batch(batch)}


async def test_the_stream_reaches_the_signals_and_a_hole_in_it_leaves_the_book_alone(
    cast: Cast, market: TestFeed
) -> None:
    await eager_bot(cast, **ALWAYS)
    layer: Any = get_channel_layer()
    async with RunningEngine() as engine:
        runner = await eventually(lambda: engine.roster.runners.get(("simulated", "BTC/USDT")))
        await eventually(lambda: engine.observations.loads)
        signals = runner.worker.signals

        async def tell(sequence: int, *, epoch: int = 5) -> None:
            event = structs.replace(summary(time.time_ns()), exchange=SIM)
            message = batch_of(SIM, event, epoch=epoch, sequence=sequence)
            # A group may not be joined yet; what comes again counts once.
            await layer.group_send(tick_group(OBSERVATIONS, "BTC"), message)

        def n_obs() -> int:
            return signals.read(now_ns=time.time_ns()).reading(Component.OPTIONS_FLOW).n_obs

        for sequence in range(1, 200):
            await market.send(*market.market(PRICE))
            await tell(sequence)
            if n_obs() >= 1:
                break
            await asyncio.sleep(0.05)
        assert n_obs() >= 1
        assert not runner.worker.is_stale
        loads = engine.observations.loads
        await tell(1_000)
        # What was missed is read from the database again, where there is nothing, and the stream's own is kept.
        await eventually(lambda: engine.observations.loads > loads)
        await eventually(lambda: n_obs() >= 2)
        assert not runner.worker.is_stale
        assert runner.worker.feed_state == "live"
        seen = n_obs()
        await tell(1, epoch=6)
        await eventually(lambda: n_obs() > seen)
        assert not runner.worker.is_stale


async def test_the_publisher_of_sources_is_heard(cast: Cast, market: TestFeed) -> None:
    await eager_bot(cast, **ALWAYS)
    async with RunningEngine() as engine:
        await eventually(lambda: engine.roster.runners.get(("simulated", "BTC/USDT")))
        await eventually(lambda: engine.observations.membership._joined >= {"ticks.observations.CRYPTO"})
        publisher = TickPublisher(
            exchange="fear-greed:sim", epoch=time.time_ns() // 1_000_000, now_ns=time.time_ns, group=OBSERVATIONS
        )
        task = asyncio.create_task(publisher.run())
        ts = time.time_ns()
        publisher.add("CRYPTO", [Sentiment(exchange="x", symbol="CRYPTO", index=10.0, ts_event=ts, ts_init=ts)])
        signals = engine.roster.runners["simulated", "BTC/USDT"].worker.signals
        await eventually(
            lambda: signals.read(now_ns=time.time_ns()).reading(Component.SENTIMENT).parts.get("index") == 10.0
        )
        task.cancel()


async def test_the_past_is_bounded_and_thin_and_says_the_same(cast: Cast, market: TestFeed) -> None:
    now = time.time_ns()
    await sync_to_async(store_observations)(past(31))
    dense = [
        OpenInterest(exchange="b", symbol="ETH", contracts=1e5, ts_event=now - i * 10**9, ts_init=now)
        for i in range(1, 30_000)
    ]
    await sync_to_async(store_observations)(dense)
    found = await sync_to_async(past_observations)("BTC", now)
    assert {event.symbol for event in found} == {"BTC", "CRYPTO"}
    assert sum(isinstance(event, Sentiment) for event in found) == 31
    assert min(event.ts_event for event in found) > now - 100 * DAY_NS
    eth = [e for e in await sync_to_async(past_observations)("ETH", now) if isinstance(e, OpenInterest)]
    # Three hours in full, the rest every ten minutes.
    assert len(eth) == pytest.approx(3 * 3600 + (30_000 - 3 * 3600) * 10**9 / STEP_NS, abs=3)
    thin, whole = (SymbolSignals(exchange="x", symbol="BTC/USDT:USDT") for _ in range(2))
    thin.load_observations(found)
    whole.load_observations(past(31))
    for component in (Component.OPEN_INTEREST, Component.OPTIONS_FLOW, Component.SENTIMENT):
        one = thin.read(now_ns=now).reading(component)
        other = whole.read(now_ns=now).reading(component)
        assert one.value is not None
        assert one.value == pytest.approx(other.value, abs=0.05)


@pytest.mark.slow
async def test_the_slow_endpoints_of_the_simulator_are_in_the_trace(
    cast: Cast, market: TestFeed, settings: Any
) -> None:
    """The whole way: the simulated exchange over HTTP, sources, database and channel layer, engine, decision."""
    await sync_to_async(SlowSource.objects.all().delete)()
    # A month of option chains is compared with; the venue tells today's only, and the installation remembers the others.
    month = [structs.replace(e, exchange=SIM) for e in options(31, end=time.time_ns() - DAY_NS)]
    await sync_to_async(store_observations)(month)
    with running_simulator("--symbols", "BTC/USDT", "--history-days", "1") as simulator:
        settings.SIMULATOR_URL = simulator.rest_url
        await sync_to_async(_follow)()
        for kind in ("binance-futures", "deribit", "fear-greed", "rss"):
            await add_source(kind)
        await eager_bot(cast, **ALWAYS)
        async with running_sources():
            for name in ("binance-futures", "deribit", "fear-greed", "rss"):
                await state_of(name, "live")
            await eventually(lambda: Observation.objects.filter(kind="open_interest").count() > 8_000)
            async with RunningEngine() as engine:
                await eventually(lambda: engine.observations.loads)
                decision = await market.play(lambda i: PRICE + i % 3, heard, timeout_s=60, every_s=0.2)
    assert all(values_in(decision)[name] is not None for name in SLOW_ONES)


def _follow() -> None:
    from marketdata.models import Exchange, Subscription

    Subscription.objects.create(exchange=Exchange.objects.get(code="simulated"), symbol="BTC/USDT", follower="bot:test")

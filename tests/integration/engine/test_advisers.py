"""Models and remote servers in the running engine: asked at the close of a bar, and never waited for."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from bots.engine.advisers import Advisers
from bots.engine.engine import Engine
from bots.models import Decision
from marketdata.events import Bar
from marketdata.history import to_bar
from marketdata.models import BarRow
from quant.learning.registry import roll_back
from quant.models import ModelVersion, SignalSample
from quant.reading import Component, Reading
from quant.remote.client import QuantClient
from quant.remote.transport import Terms
from quant.remote.voter import RemoteVoter
from tests.integration.engine.market import TestFeed, bars_rows, eventually
from tests.integration.engine.models import make_version
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot
from tests.integration.orders.cast import Cast
from tests.integration.quant.remote.servers import Handler, never, says, serve, signals
from tests.patience import PATIENCE_S

TERMS = Terms(timeout_ms=20_000, attempts=1)
PATIENT: dict[str, Any] = {
    "component_weights": {"technical": 1, "sentiment": 1, "model": 1, "policy": 1},
    "minimum_confidence": 1.0,
    "evaluation": "tick",
}


class Scene:
    """A market with a minute that is about to close."""

    def __init__(self, feed: TestFeed, closing: Bar) -> None:
        self.feed, self.closing = feed, closing

    async def close_minute(self) -> None:
        await self.feed.send(*self.feed.market(PRICE))
        await self.feed.send(self.closing)

    async def ticks(self, n: int = 5) -> None:
        for i in range(n):
            await self.feed.send(*self.feed.market(PRICE + i % 3))
            await asyncio.sleep(0.02)


@pytest.fixture
async def scene(cast: Cast, redis_flush: None) -> AsyncIterator[Scene]:
    rows = await sync_to_async(bars_rows)(cast.btc, price=PRICE, count=200)
    await sync_to_async(BarRow.objects.bulk_create)(rows[:-1])
    yield Scene(TestFeed(), to_bar(rows[-1], exchange="simulated", symbol="BTC/USDT"))
    await sync_to_async(connections.close_all)()


async def reading(engine: Engine, component: Component) -> Reading:
    worker = engine.roster.runners["simulated", "BTC/USDT"].worker
    return worker.signals.read(now_ns=time.time_ns()).reading(component)


async def until(engine: Engine, scene: Scene, component: Component, value: float | None) -> Reading:
    """Ticks go on until the component says so."""
    for _ in range(200):
        found = await reading(engine, component)
        if found.value == value or (value is not None and found.value == pytest.approx(value, abs=1e-9)):
            return found
        await scene.ticks(1)
    raise AssertionError(f"{component} says {found.value} ({found.reason}), not {value}")


def advised_by(engine: Engine, **advisers: Any) -> Advisers:
    """Before the engine runs: other advisers than the settings name."""
    made = Advisers(**advisers)
    engine.advisers = made
    engine.roster.on_gone = made.forget
    return made


async def seated(engine: Engine) -> None:
    await eventually(lambda: ("simulated", "BTC/USDT") in engine.roster.runners)
    # The layer has no memory: what is sent before the group is joined is lost.
    await eventually(lambda: "ticks.simulated.BTC-USDT" in engine.intake.membership._joined)


@pytest.mark.parametrize("lie", [{"speed": 1e9}, {"sentiment": -2}])
async def test_a_lying_quant_server_moves_nothing(cast: Cast, scene: Scene, lie: dict[str, Any]) -> None:
    await eager_bot(cast, **PATIENT)
    async with serve(says(signals(signals=lie))) as (url, server):
        client = QuantClient(url, terms=TERMS)
        async with RunningEngine() as engine:
            advisers = advised_by(engine, quant=client)
            await seated(engine)
            await scene.close_minute()
            await asyncio.wait_for(server.was_asked.wait(), PATIENCE_S)
            await eventually(lambda: not advisers._tasks)
            assert client.health.failures >= 1
            assert (await reading(engine, Component.SENTIMENT)).value is None
            assert (await reading(engine, Component.SPEED)).parts.get("remote") is None


async def test_a_quant_servers_values_stand_in_for_the_built_in_ones(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    async with serve(says(signals())) as (url, server), RunningEngine() as engine:
        advised_by(engine, quant=QuantClient(url, terms=TERMS))
        await seated(engine)
        await scene.close_minute()
        found = await until(engine, scene, Component.SENTIMENT, 1.0)
        assert found.parts["remote"] == 1.0
    (asked,) = server.asked
    assert asked["symbol"] == "BTC/USDT"
    assert len(asked["candles"]) == 200
    assert asked["candles"][-1]["timestamp"] == scene.closing.ts_open // 1_000_000


@pytest.mark.parametrize("failing", [says("no", status=500), says(signals(signals={}))])
async def test_a_quant_servers_values_hold_until_the_next_minute_and_fall_back_when_it_fails(
    cast: Cast, scene: Scene, failing: Handler
) -> None:
    await eager_bot(cast, **PATIENT)
    async with serve(says(signals())) as (url, server), RunningEngine() as engine:
        advisers = advised_by(engine, quant=QuantClient(url, terms=TERMS))
        await seated(engine)
        await scene.close_minute()
        await until(engine, scene, Component.SENTIMENT, 1.0)
        await eventually(lambda: not advisers._tasks)
        runner = engine.roster.runners["simulated", "BTC/USDT"]
        before_the_next = runner.worker.signals.read(now_ns=time.time_ns() + 50_000_000_000)
        for component, value in {Component.SPEED: 0.5, Component.MICROSTRUCTURE: -0.25}.items():
            place = [column.component for column in before_the_next.columns].index(component)
            assert (before_the_next.values[place], before_the_next.quality[place]) == (value, 1.0)
        server.handler = failing
        advisers.on_bar(runner, scene.closing, time.time_ns())
        await until(engine, scene, Component.SENTIMENT, None)
        for component in (Component.SPEED, Component.MICROSTRUCTURE, Component.VOLATILITY):
            assert "remote" not in (await reading(engine, component)).parts
    assert len(server.asked) == 2


async def test_a_slow_server_holds_up_no_decision(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **{**PATIENT, "minimum_confidence": 0.01})
    async with serve(never) as (url, server), RunningEngine() as engine:
        advisers = advised_by(
            engine,
            quant=QuantClient(url, terms=TERMS),
            voters={Component.MODEL: RemoteVoter(Component.MODEL, url, terms=TERMS)},
        )
        await seated(engine)
        await scene.close_minute()
        await eventually(lambda: len(server.asked) == 2)
        # Both servers have been asked and say nothing; the bot trades all the same.
        await scene.feed.play(lambda i: PRICE + i % 3, lambda: Decision.objects.filter(verdict="approved").first())
        assert len(advisers._tasks) == 2
        assert (await reading(engine, Component.MODEL)).value is None
        # The next bar finds them thinking still: they are left out of it.
        later = scene.closing
        advisers.on_bar(engine.roster.runners["simulated", "BTC/USDT"], later, time.time_ns())
        assert advisers.left_out == 2


async def test_a_remote_model_votes_with_its_bots_weight(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    answer = {"action": "BUY", "confidence": 0.9, "probabilities": [0.1, 0.2, 0.7]}
    async with serve(says(answer)) as (url, server), RunningEngine() as engine:
        advised_by(engine, voters={Component.MODEL: RemoteVoter(Component.MODEL, url, terms=TERMS)})
        await seated(engine)
        await scene.close_minute()
        found = await until(engine, scene, Component.MODEL, 0.6)
        assert (found.parts["action"], found.parts["confidence"]) == (1.0, 0.9)
        worker = engine.roster.runners["simulated", "BTC/USDT"].worker
        place = [column.component for column in worker.signals.columns].index(Component.MODEL)
        assert worker.seats.weights[0][place] == pytest.approx(0.25)
    (asked,) = server.asked
    assert asked["features"]["rsi_14"] is not None or len(asked["features"]) > 30


async def test_a_policy_is_recorded_and_moves_nothing_whatever_its_weight(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    async with serve(says({"action": "BUY", "confidence": 0.9})) as (url, _), RunningEngine() as engine:
        advised_by(engine, voters={Component.POLICY: RemoteVoter(Component.POLICY, url, terms=TERMS)})
        await seated(engine)
        await scene.close_minute()
        await until(engine, scene, Component.POLICY, 0.9)
        worker = engine.roster.runners["simulated", "BTC/USDT"].worker
        place = [column.component for column in worker.signals.columns].index(Component.POLICY)
        await eventually(lambda: worker.factors[Component.POLICY] == 0.0)
        await eventually(lambda: worker.seats.weights[0][place] == 0.0)


async def model(status: str, leaning: int, number: int = 1) -> ModelVersion:
    return await sync_to_async(make_version)(status=status, leaning=leaning, now=datetime.now(UTC), number=number)


async def voted(engine: Engine, scene: Scene) -> Reading:
    for _ in range(300):
        found = await reading(engine, Component.MODEL)
        if found.value is not None:
            return found
        await scene.ticks(1)
    raise AssertionError("the model has not voted")


async def test_a_live_model_votes_and_a_rollback_ends_it_without_a_restart(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    version = await model("live", 2)
    async with RunningEngine() as engine:
        advisers = advised_by(engine, refresh_s=0.1)
        await seated(engine)
        await eventually(lambda: advisers.shelf.statuses == (("test v1", "live"),))
        await scene.close_minute()
        found = await voted(engine, scene)
        assert found.value is not None
        assert found.value > 0.2
        assert found.as_of == scene.closing.ts_close
        assert set(found.parts) >= {"p_sell", "p_hold", "p_buy", "confidence"}
        worker = engine.roster.runners["simulated", "BTC/USDT"].worker
        assert worker.factors[Component.MODEL] == 1.0
        await sync_to_async(roll_back)(version.pk, actor="alice", now=datetime.now(UTC))
        await until(engine, scene, Component.MODEL, None)
        assert not worker.signals.read(now_ns=time.time_ns()).exists[-2]


async def test_a_model_in_canary_has_a_quarter_of_its_weight(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    await model("canary", 0)
    async with RunningEngine() as engine:
        advisers = advised_by(engine, refresh_s=0.1)
        await seated(engine)
        await eventually(lambda: advisers.shelf.statuses)
        await scene.close_minute()
        found = await voted(engine, scene)
        assert found.value is not None
        assert found.value < -0.2
        worker = engine.roster.runners["simulated", "BTC/USDT"].worker
        assert worker.factors[Component.MODEL] == 0.25
        await eventually(lambda: worker.seats.weights[0][-2] == pytest.approx(0.25 / 3.25))


async def test_a_model_in_shadow_and_one_that_was_changed_say_nothing(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    await model("shadow", 2)
    changed = await model("live", 2, number=2)
    await sync_to_async(ModelVersion.objects.filter(pk=changed.pk).update)(sha256="0" * 64)
    async with RunningEngine() as engine:
        advisers = advised_by(engine, refresh_s=0.1)
        await seated(engine)
        await eventually(lambda: len(advisers.shelf.statuses) == 2)
        await scene.close_minute()
        await scene.ticks(10)
        assert (await reading(engine, Component.MODEL)).reason == "no model votes here"
        assert advisers.asked == 0


async def test_every_minute_of_a_symbol_is_kept_as_a_sample(cast: Cast, scene: Scene) -> None:
    await eager_bot(cast, **PATIENT)
    async with RunningEngine() as engine:
        await seated(engine)
        await scene.close_minute()
        row = await eventually(lambda: SignalSample.objects.first())
    assert (row.exchange, row.symbol) == ("simulated", "BTC/USDT")
    assert row.combined is not None
    assert "technical 1m" in row.names
    assert row.mid == pytest.approx(PRICE, rel=1e-4)
    assert row.schema_hash


async def test_the_regime_is_told_to_browsers_rest_and_the_trace(cast: Cast, scene: Scene) -> None:
    from redis import Redis

    from bots.queries.market import market
    from marketdata.models import FeedStatus

    await eager_bot(cast, **PATIENT)
    await sync_to_async(FeedStatus.objects.update_or_create)(
        exchange=cast.exchange, symbol="BTC/USDT", defaults={"updated_at": datetime.now(UTC)}
    )
    async with RunningEngine() as engine:
        await seated(engine)
        await scene.close_minute()
        decision = await scene.feed.play(lambda i: PRICE + i % 3, lambda: Decision.objects.exclude(market={}).first())
        shown = await eventually(lambda: [row for row in market(["BTC/USDT"]) if row["regime"]])
        await eventually(lambda: engine.broadcaster.sent)
    one = decision.market["regimes"]["1m"]
    assert one["phase"] in ("trend", "range", "neutral")
    assert one["quality"] > 0
    assert set(decision.market["regimes"]) == {"1m", "5m", "15m", "1h"}
    assert decision.market["size"]["multiplier"] == 1.0
    assert decision.market["stop_multiplier"] == 1.0
    assert shown[0]["regime"]["timeframes"]["1m"]["phase"] == one["phase"]

    def events() -> list[bytes]:
        with Redis.from_url(settings.REDIS_URL) as redis:
            return [fields[b"payload"] for _, fields in redis.xrange("events:all")]

    assert any(b'"regimeUpdate"' in payload and b'"phase"' in payload for payload in await sync_to_async(events)())

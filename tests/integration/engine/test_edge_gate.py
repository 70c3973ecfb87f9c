"""The edge of an entry in the running engine: shown in every decision, a veto only where a bot asks for it."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models import F

from bots.engine.edges import Edges
from bots.models import Bot, Decision, Position
from quant.models import EvidenceRow
from tests.integration.engine.market import TestFeed, eventually
from tests.integration.engine.test_engine import PRICE, RunningEngine, eager_bot, enter, market
from tests.integration.evidence.test_rest import weighed
from tests.integration.orders.cast import Cast

__all__ = ["market"]

# Two families, of which one decides.
VALIDATED: dict[str, Any] = {"validator_enabled": True, "component_weights": {"technical": 1.0, "volatility": 0.01}}
WEAK = {"component": "combined", "kind": "blend", "ic": 0.001}


def refused_by_edge() -> Decision | None:
    return next((d for d in Decision.objects.all() if [r["code"] for r in d.reasons] == ["edge"]), None)


async def test_a_weak_edge_refuses_where_the_bot_asks_for_it(cast: Cast, market: TestFeed) -> None:
    bot = await eager_bot(cast, **VALIDATED, edge_gate=True)
    await sync_to_async(weighed)(**WEAK, verdict="supports")
    async with RunningEngine() as engine:
        await eventually(lambda: engine.desk.edges)
        refused = await market.play(lambda i: PRICE + i % 3, refused_by_edge)
        assert not await Position.objects.aexists()
        edge = refused.trace["edge"]
        # In and out at 10 bps each at least; the quotes are .02 apart.
        assert edge["cost_bps"] >= 20.0
        assert edge["needed_bps"] == pytest.approx(1.5 * edge["cost_bps"])
        assert 0.0 < edge["expected_bps"] < edge["needed_bps"]
        assert edge["is_significant"]
        assert "edge is" in refused.outlook
        await Bot.objects.filter(pk=bot.pk).aupdate(edge_gate=False, version=F("version") + 1)
        position = await enter(market)
    assert position.decision_id is not None
    entered = await Decision.objects.aget(pk=position.decision_id)
    (shown,) = [found for found in entered.validators if found["code"] == "edge"]
    assert shown["passed"]
    assert "the gate is off" in shown["text"]


@pytest.mark.parametrize(("evidence", "words"), [(None, "insufficient evidence"), ("insufficient", "not significant")])
async def test_an_edge_that_is_not_proven_refuses_nothing(
    cast: Cast, market: TestFeed, evidence: str | None, words: str
) -> None:
    await eager_bot(cast, **VALIDATED, edge_gate=True)
    if evidence is not None:
        await sync_to_async(weighed)(**WEAK, verdict=evidence)
    async with RunningEngine() as engine:
        await eventually(lambda: bool(engine.desk.edges) == (evidence is not None))
        position = await enter(market)
    assert position.decision_id is not None
    entered = await Decision.objects.aget(pk=position.decision_id)
    (shown,) = [found for found in entered.validators if found["code"] == "edge"]
    assert shown["passed"]
    assert words in shown["text"]


async def test_evidence_that_is_computed_meanwhile_is_followed(cast: Cast, market: TestFeed) -> None:
    async with RunningEngine() as engine:
        engine.edges = Edges(engine.desk, refresh_s=0.05)
        await sync_to_async(weighed)(**WEAK, verdict="supports")
        await eventually(lambda: engine.desk.edges)
        await EvidenceRow.objects.all().adelete()
        await eventually(lambda: not engine.desk.edges)

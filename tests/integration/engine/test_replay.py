"""A real recorded session through the engine, twice: the same decisions, bit for bit, and clean books."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from msgspec import structs

from bots.models import Decision, Evaluation, Fill, Order, Position, Signal, Trade
from bots.orders.checks import broken_invariants
from bots.replay.session import ReplayReport, first_price, replay_session
from marketdata.observations import store_observations
from tests.integration.orders.cast import Cast, make_bot
from tests.unit.quant.market import recording
from tests.unit.quant.slow_market import everything

CAPTURE = "captures/binance_spot_btcusdt_20240808.gz"
EAGER: dict[str, Any] = {
    "minimum_confidence": 0.02,
    "minimum_coverage": 0.1,
    "validator_enabled": False,
    "stop_loss": Decimal("0.0004"),
    "take_profit": Decimal("0.0004"),
}


def make_bots(cast: Cast) -> list[Any]:
    return [
        make_bot(cast.account, [cast.btc], "Ticker", evaluation=Evaluation.TICK, **EAGER),
        make_bot(cast.account, [cast.btc], "Every five", evaluation=Evaluation.INTERVAL, interval_s=5, **EAGER),
        make_bot(cast.account, [cast.btc], "Minutes", evaluation=Evaluation.BAR_CLOSE, **EAGER),
    ]


def store_a_month() -> None:
    """Slow observations until a minute into the recording, first seen as they happened."""
    _, begin_ns = first_price(
        recording(CAPTURE), adapter="binance", exchange="simulated", symbol="BTC/USDT", venue_symbol="BTCUSDT"
    )
    past = everything(31, end=begin_ns + 60_000_000_000)
    store_observations([structs.replace(event, exchange=f"{event.exchange}:sim") for event in past])  # type: ignore[type-var, misc, union-attr]


async def play(bots: list[Any]) -> ReplayReport:
    return await replay_session(
        recording(CAPTURE),
        bots=bots,
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        clock=lambda: datetime.now(UTC),
    )


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_same_recording_twice_gives_the_same_decisions_bit_for_bit(cast: Cast) -> None:
    bots = await sync_to_async(make_bots)(cast)
    await sync_to_async(store_a_month)()
    first, second = await play(bots), await play(bots)
    assert first.digest == second.digest
    assert first.frames == second.frames == 41_249
    assert first.events.get("malformed", 0) == 0
    assert first.evaluations > 30_000
    assert first.fills > 0
    assert first.trades > 0
    assert (first.orders, first.fills, first.trades) == (second.orders, second.fills, second.trades)
    await sync_to_async(look_at_the_books)(first)
    await sync_to_async(connections.close_all)()


def look_at_the_books(report: ReplayReport) -> None:
    assert broken_invariants() == []
    assert not Position.objects.filter(closed_at=None).exists()
    mine = {"bot__in": report.bot_ids}
    assert Order.objects.filter(**mine).count() == report.orders
    assert Trade.objects.filter(**mine).count() == report.trades
    assert Fill.objects.filter(order__bot__in=report.bot_ids).count() == report.fills
    assert {row["source"] for row in Signal.objects.filter(**mine).values("source")} == {
        "technical",
        "quant",
        "combined",
    }
    # Every order's decision is there, with its signals.
    sent = Decision.objects.filter(**mine, verdict="approved", exit_reason__in=("", "signal"))
    assert sent.exists()
    assert all(decision.components for decision in sent)
    # What sources had told by then is heard in the replay.
    heard = {row["name"] for decision in sent for row in decision.components if row["value"] is not None}
    assert heard >= {"open_interest", "options_flow", "sentiment"}
    behind = set(Signal.objects.filter(**mine, source="combined").values_list("decision_id", flat=True))
    assert set(sent.values_list("id", flat=True)) <= behind

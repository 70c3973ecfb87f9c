"""What is old goes, what is young stays, and a peak is never thinned away."""

from datetime import UTC, datetime, timedelta

from bots.models import PerformanceSnapshot, Signal
from bots.monitor.retention import prune_feed_events, prune_signals, thin_performance
from marketdata.models import FeedEvent
from tests.integration.monitor.scene import Scene

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def snap(scene: Scene, at: datetime, result: int) -> None:
    PerformanceSnapshot.objects.create(
        bot=scene.cast.bot, at=at, equity=2000 + result, realised_pnl=result, unrealised_pnl=0, fees=0, trades=0
    )


def test_signals_beyond_their_days_go_in_batches(scene: Scene) -> None:
    cast = scene.cast
    ages = [timedelta(days=days) for days in (40, 31, 30.1, 29, 0)]
    Signal.objects.bulk_create(
        Signal(
            bot=cast.bot, instrument=cast.btc, source="combined", action="hold", confidence=0, price=1, reasoning="",
            ts_event=0, created_at=NOON - age,
        )
        for age in ages
    )  # fmt: skip
    assert prune_signals(now=NOON, keep_days=30, batch=2) == 3
    assert Signal.objects.count() == 2


def test_feed_events_stay_for_thirty_days(scene: Scene) -> None:
    for days in (31, 29):
        FeedEvent.objects.create(exchange=scene.cast.exchange, kind="gap", message="", at=NOON - timedelta(days=days))
    assert prune_feed_events(now=NOON) == 1
    assert FeedEvent.objects.get().at == NOON - timedelta(days=29)


def test_snapshots_are_thinned_with_age_but_keep_the_last_and_the_best(scene: Scene) -> None:
    for start, results in (
        (NOON - timedelta(minutes=5), (1, 9, 2, 3)),
        (NOON - timedelta(days=2), (1, 9, 2, 3)),
        (NOON - timedelta(days=40), (1, 9, 2, 3)),
        (NOON - timedelta(days=40) + timedelta(minutes=30), (4, 5)),
    ):
        for number, result in enumerate(results):
            snap(scene, start + timedelta(seconds=30 * number), result)
    assert thin_performance(now=NOON, batch=1) == 2 + 4
    left = PerformanceSnapshot.objects.order_by("at").values_list("at", "realised_pnl")
    assert [result for _, result in left] == [9, 5, 9, 3, 1, 9, 2, 3]
    assert thin_performance(now=NOON) == 0

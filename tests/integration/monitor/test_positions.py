"""Positions without an engine are left at their stops, once; with one they are only watched."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from bots import tasks
from bots.models import Account, AuditEntry, Bot, BotLease, Decision, Fill, Installation, Order, Position, Trade
from bots.monitor.positions import Watch, monitor_positions
from bots.operations.stop_bot import stop_bot
from bots.orders.checks import broken_invariants
from bots.trading.money import floor_to
from tests.integration.monitor.scene import SECOND_NS, Scene
from tests.integration.orders.cast import make_bot

D = Decimal


def test_nothing_held_is_nothing_to_watch(scene: Scene) -> None:
    assert scene.watch() == Watch()


def test_a_stop_reached_without_an_engine_closes_the_position(scene: Scene) -> None:
    position = scene.hold()
    scene.price(97_500.0)
    assert scene.watch().unled == 1
    position.refresh_from_db()
    assert (position.quantity, position.exit_reason) == (D(0), "stop_loss")
    trade = Trade.objects.get(position=position)
    assert trade.exit_price == D("97500")
    decision = Decision.objects.get(trigger="monitor")
    assert (decision.verdict, decision.exit_reason) == ("approved", "stop_loss")
    assert "the price of 97500 reached the stop-loss at 98000" in decision.reasoning
    assert scene.lease().expires_at is None
    assert [data["exit_reason"] for data in scene.told("positionUpdate")] == ["stop_loss"]
    assert [data["state"] for data in scene.told("orderUpdate")] == ["sending", "filled"]
    assert broken_invariants() == []


def test_a_position_at_a_real_venue_is_not_closed_by_the_monitor_and_its_owner_is_told(scene: Scene) -> None:
    Account.objects.update(mode="sandbox")
    position = scene.hold()
    scene.price(97_500.0)
    watch = scene.watch()
    assert (watch.unled, watch.alarms) == (1, 1)
    assert Order.objects.filter(side="sell").count() == 0
    assert Position.objects.get(pk=position.pk).closed_at is None
    assert scene.lease().expires_at is None
    assert [data["code"] for data in scene.told("alert")] == ["adrift"]


def test_three_runs_at_once_close_it_once(scene: Scene) -> None:
    scene.hold()
    scene.price(97_500.0)
    begin = threading.Barrier(3)

    def run(number: int) -> None:
        begin.wait()
        try:
            monitor_positions(now_ns=scene.now_ns, holder=f"monitor:{number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as runs:
        list(runs.map(run, range(3)))
    assert Order.objects.filter(side="sell").count() == Trade.objects.count() == 1
    assert Fill.objects.filter(side="sell").count() == 1
    assert broken_invariants() == []


def test_a_redelivered_run_changes_nothing(scene: Scene) -> None:
    scene.hold()
    scene.price(97_500.0)
    scene.watch()
    before = (Order.objects.count(), Fill.objects.count(), Decision.objects.count(), scene.lease().epoch)
    assert scene.watch() == Watch()
    assert (Order.objects.count(), Fill.objects.count(), Decision.objects.count(), scene.lease().epoch) == before


def test_a_target_is_taken(scene: Scene) -> None:
    position = scene.hold()
    scene.price(104_000.0)
    scene.watch()
    position.refresh_from_db()
    assert position.exit_reason == "take_profit"


def test_a_trailing_stop_follows_the_price_up_and_is_taken_on_the_way_down(scene: Scene) -> None:
    position = scene.hold(trailing_stop=D("0.01"))
    scene.price(103_000.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.high_water_mark, position.stop_price, position.mark_price) == (D(103_000), D(101_970), D(103_000))
    scene.price(101_900.0)
    scene.watch(after_s=5)
    position.refresh_from_db()
    assert (position.exit_reason, position.closed_at is not None) == ("trailing_stop", True)


def test_a_price_between_stop_and_target_only_marks(scene: Scene) -> None:
    position = scene.hold()
    scene.price(99_000.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.mark_price, position.closed_at) == (D(99_000), None)
    assert position.high_water_mark == 100_000
    assert Order.objects.count() == 1
    assert scene.lease().expires_at is None


@pytest.mark.parametrize("quote", [{"age_s": 11.0}, {"state": "stale"}, None])
def test_without_a_fresh_quote_nothing_trades_and_the_owner_is_told_once_a_minute(
    scene: Scene, quote: dict[str, float] | None
) -> None:
    position = scene.hold()
    epoch = scene.lease().epoch
    if quote is not None:
        scene.price(97_500.0, **quote)  # type: ignore[arg-type]
    assert scene.watch() == Watch(unled=1, blind=1, alarms=1)
    assert scene.watch(after_s=5) == Watch(unled=1, blind=1, alarms=0)
    position.refresh_from_db()
    assert position.closed_at is None
    assert scene.lease().epoch == epoch
    assert [data["code"] for data in scene.told("alert")] == ["no_price"]
    assert AuditEntry.objects.get(action="monitor.no_price").target == f"position:{position.pk}"


def test_with_a_live_lease_a_breach_that_stands_is_alarmed_and_nothing_else(scene: Scene) -> None:
    position = scene.hold(trailing_stop=D("0.01"))
    scene.lead()
    scene.price(97_500.0)
    assert scene.watch() == Watch(led=1)
    scene.price(97_500.0)
    assert scene.watch(after_s=5).alarms == 0
    scene.price(97_500.0)
    assert scene.watch(after_s=6).alarms == 1
    scene.price(97_500.0)
    assert scene.watch(after_s=5).alarms == 0, "at most once a minute"
    position.refresh_from_db()
    assert (position.closed_at, position.stop_price, position.high_water_mark) == (None, D(99_000), D(100_000))
    assert Order.objects.filter(side="sell").count() == 0
    alert = scene.told("alert")[0]
    assert (alert["code"], alert["bot_id"]) == ("exit_overdue", scene.cast.bot.pk)
    assert "engine-2" in alert["text"]
    assert scene.lease().holder == "engine-2"


def test_with_a_live_lease_a_breach_that_passes_is_no_alarm(scene: Scene) -> None:
    scene.hold()
    scene.lead()
    for bid in (97_500.0, 99_000.0, 97_500.0):
        scene.price(bid)
        assert scene.watch(after_s=6).alarms == 0


def test_with_a_live_lease_a_neglected_position_is_marked_but_its_stop_stays(scene: Scene) -> None:
    position = scene.hold(trailing_stop=D("0.01"))
    scene.lead()
    scene.price(103_000.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.mark_price, position.stop_price, position.high_water_mark) == (D(103_000), D(99_000), D(100_000))


def test_an_expired_lease_is_no_lease(scene: Scene) -> None:
    position = scene.hold()
    scene.lead()
    BotLease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    scene.price(97_500.0)
    scene.watch()
    position.refresh_from_db()
    assert position.closed_at is not None


def test_a_requested_close_is_done_without_an_engine(scene: Scene) -> None:
    position = scene.hold()
    Position.objects.update(close_requested_at=timezone.now())
    scene.price(100_000.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.exit_reason, position.quantity) == ("manual", D(0))


def test_a_requested_part_is_closed_without_an_engine_once(scene: Scene) -> None:
    position = scene.hold()
    left = D("0.001")
    Position.objects.update(close_requested_at=timezone.now(), close_to=left)
    scene.price(100_000.0)
    for _ in range(2):
        scene.watch()
        scene.now_ns += 60 * SECOND_NS
        scene.price(100_000.0)
    part = floor_to(position.quantity - left, D("0.00001"))
    held = position.quantity - part
    position.refresh_from_db()
    assert (position.closed_at, position.quantity) == (None, held)
    assert broken_invariants() == []


@pytest.mark.parametrize("scope", [Bot, Account, Installation])
def test_a_bot_to_be_flattened_is_flattened_without_an_engine(scene: Scene, scope: type[Bot]) -> None:
    position = scene.hold()
    scope.objects.update(ladder="flatten")
    Bot.objects.update(state="stopped")
    scene.price(100_000.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.exit_reason, position.quantity) == ("flatten", D(0))
    assert broken_invariants() == []


def test_what_a_dead_engine_was_sending_is_settled_first(scene: Scene) -> None:
    """Its exit was committed and never filled: it is absent, and the monitor's own goes out."""
    position = scene.hold()
    scene.abandon_exit()
    scene.price(97_500.0)
    scene.watch()
    position.refresh_from_db()
    assert position.closed_at is not None
    assert sorted(Order.objects.filter(side="sell").values_list("state", flat=True)) == ["absent", "filled"]
    assert broken_invariants() == []


def test_a_thin_book_is_left_in_parts_one_in_each_slot(scene: Scene) -> None:
    position = scene.hold()
    scene.price(97_500.0, size=0.001, book=False)
    scene.watch()
    position.refresh_from_db()
    assert position.quantity == D("0.001997")
    scene.watch()
    position.refresh_from_db()
    assert position.quantity == D("0.001997"), "the slot is used"
    scene.price(97_500.0)
    scene.watch(after_s=5)
    position.refresh_from_db()
    assert position.closed_at is not None
    assert broken_invariants() == []


def test_the_rest_of_an_entry_is_cancelled_before_its_position_is_left(scene: Scene) -> None:
    entry = scene.rest("0.001")
    scene.price(97_500.0)
    scene.watch()
    assert Order.objects.get(pk=entry).state == "canceled"
    assert Position.objects.get().exit_reason == "stop_loss"
    assert broken_invariants() == []


def test_an_entry_that_rests_elsewhere_goes_on_resting(scene: Scene) -> None:
    entry = scene.rest(instrument=scene.cast.eth)
    scene.hold()
    scene.price(97_500.0)
    scene.watch()
    assert Order.objects.get(pk=entry).state == "open"
    assert Position.objects.get().exit_reason == "stop_loss"


def test_one_bot_that_cannot_be_read_does_not_keep_another_from_its_stop(scene: Scene) -> None:
    entry = scene.rest(instrument=scene.cast.eth)
    broken = scene.hold()
    Order.objects.filter(pk=entry).update(order_type="nonsense")
    whole = scene.hold(bot=make_bot(scene.cast.account, [scene.cast.btc], "Second"))
    scene.price(97_500.0)
    scene.watch()
    for position in (broken, whole):
        position.refresh_from_db()
    assert (broken.closed_at, whole.exit_reason) == (None, "stop_loss")
    assert set(BotLease.objects.values_list("expires_at", flat=True)) == {None}


def test_the_task_does_it_with_the_clock_of_this_machine(scene: Scene) -> None:
    position = scene.hold()
    scene.price(97_500.0)
    tasks.monitor_positions()
    position.refresh_from_db()
    assert position.closed_at is not None


def test_less_than_a_raised_lot_is_closed_as_dust_and_said_so(scene: Scene) -> None:
    position = scene.hold()
    scene.cast.btc.lot_size = D("0.01")
    scene.cast.btc.save()
    scene.price(97_500.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.quantity, position.dust, position.exit_reason) == (D(0), D("0.002997"), "dust")
    assert [data["code"] for data in scene.told("alert")] == ["dust"]
    assert broken_invariants() == []


def test_what_filled_after_its_bot_was_stopped_with_everything_to_be_closed_is_closed_without_an_engine(
    scene: Scene,
) -> None:
    Bot.objects.update(state="running")
    stop_bot(bot_id=scene.cast.bot.pk, actor=None, now=timezone.now(), close_positions=True)
    Bot.objects.update(state="running")
    position = scene.hold()
    Bot.objects.update(state="stopped")
    scene.price(100_000.0)
    scene.watch()
    position.refresh_from_db()
    assert (position.close_requested_at, position.exit_reason) == (None, "manual")

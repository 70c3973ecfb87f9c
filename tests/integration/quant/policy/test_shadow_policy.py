"""The policy beside real rows: it chooses before it knows, learns each outcome once, and touches no order."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from bots.models import Decision, Fill, Intent, Order, Position
from bots.shadow_policy import update_policy
from bots.tasks import update_policy as task
from marketdata.models import BarRow
from quant.models import PolicyChoice, PolicyState
from quant.policy.shadow import read_state, settle
from quant.policy.summary import summaries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

D = Decimal
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
COMPONENTS = [
    {"name": "microstructure", "value": 0.1, "parts": {"book_imbalance": 0.5, "spread_bps": 5.0}},
    {"name": "volatility", "value": 0.1, "parts": {"percentile": 0.75}},
    {"name": "speed", "value": -0.25, "parts": {}},
]


def enter(cast, *, order_type="market", price="100", filled="2", closed=True, fee="0.1", fee_asset="USDT", **changes):
    """An entry of 2 BTC decided at 100, as the gate leaves it: filled, in part or not, over or not."""
    decision = Decision.objects.create(
        bot=cast.bot, instrument=cast.btc, ts_event=1, trigger="interval", action="buy", verdict="approved",
        price=changes.pop("arrival", 100.0), components=COMPONENTS, reasoning="up",
    )  # fmt: skip
    intent = Intent.objects.create(
        bot=cast.bot, account=cast.account, instrument=cast.btc, decision=decision, side="buy", purpose="entry",
        slot=next(cast.slots), order_type=order_type, quantity=2, limit_price=101, reserved_asset="USDT",
        reserved_amount=0, reserved_left=0, closed_at=NOW if closed else None,
    )  # fmt: skip
    Intent.objects.filter(pk=intent.pk).update(created_at=NOW - timedelta(minutes=1))
    order = Order.objects.create(
        id=uuid.uuid4(), intent=intent, bot=cast.bot, account=cast.account, instrument=cast.btc,
        state="filled" if closed else "open", side="buy", order_type=order_type, quantity=2, limit_price=101, epoch=1,
        sign_ts_ms=1, valid_until_ms=2, payload_hash="x", decided_at=NOW, created_at=NOW, updated_at=NOW,
        acknowledged_at=changes.pop("acknowledged_at", NOW),
    )  # fmt: skip
    if D(filled):
        position = Position.objects.create(
            bot=cast.bot, account=cast.account, instrument=cast.btc, decision=decision, side="buy", quantity=0,
            opened_quantity=2, entry_price=100, cost=200, mark_price=100, stop_price=98, high_water_mark=100,
            opened_at=NOW, closed_at=NOW,
        )  # fmt: skip
        Fill.objects.create(
            order=order, account=cast.account, instrument=cast.btc, position=position, trade_id=str(order.pk),
            side="buy", price=D(price), quantity=D(filled), fee=D(fee), fee_asset=fee_asset, ts_event=1,
            created_at=NOW,
        )  # fmt: skip
    return intent


def choice_of(intent) -> PolicyChoice:
    return PolicyChoice.objects.get(intent_id=intent.pk)


def test_it_chooses_and_learns_what_the_fill_cost(cast):
    intent = enter(cast, price="100.1", fee="0.2")
    assert update_policy(now=NOW) == (1, 1)
    choice = choice_of(intent)
    assert choice.features == {"constant": 1, "spread": 0.5, "volatility": 0.5, "imbalance": 0.5, "urgency": -0.25}
    assert (choice.used, choice.missing, choice.learned_from, choice.filled) == ("taker", [], 0, 1.0)
    assert (choice.shortfall_bps, choice.fee_bps) == (pytest.approx(10), pytest.approx(10))
    assert choice.reward_bps == pytest.approx(-20)
    state = PolicyState.objects.get(name="execution:paper")
    assert (state.name, state.updates) == ("execution:paper", 1)
    assert read_state(state.state).arms["taker"].n == 1
    assert read_state(state.state).arms["maker"].n == 0


def test_no_row_of_trading_changes(cast):
    enter(cast)
    tables = (Intent, Order, Fill, Position, Decision)
    before = [list(model.objects.order_by("pk").values()) for model in tables]
    task()
    update_policy(now=NOW)
    assert [list(model.objects.order_by("pk").values()) for model in tables] == before


def test_every_outcome_counts_once(cast):
    intents = [enter(cast) for _ in range(3)]
    assert update_policy(now=NOW) == (3, 3)
    assert update_policy(now=NOW) == (0, 0)
    assert not settle(intents[0].pk, "again", now=NOW)
    assert PolicyState.objects.get(name="execution:paper").updates == 3


def test_two_workers_at_once_learn_it_once(cast):
    for _ in range(10):
        enter(cast)
    start = threading.Barrier(2)

    def work():
        start.wait()
        try:
            update_policy(now=NOW)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = PolicyState.objects.get(name="execution:paper")
    assert (state.updates, read_state(state.state).updates, PolicyChoice.objects.count()) == (10, 10, 10)


def test_a_choice_made_again_is_the_same(cast):
    intents = [enter(cast) for _ in range(12)]
    update_policy(now=NOW)
    first = [choice_of(intent).chosen for intent in intents]
    PolicyState.objects.all().delete()
    update_policy(now=NOW)
    assert [choice_of(intent).chosen for intent in intents] == first
    assert len(set(first)) == 2


def test_an_open_entry_is_learned_from_once_it_is_over(cast):
    intent = enter(cast, order_type="limit", closed=False)
    assert update_policy(now=NOW) == (1, 0)
    before = choice_of(intent)
    assert (before.used, before.settled_at, before.reward_bps) == ("maker", None, None)
    Intent.objects.filter(pk=intent.pk).update(closed_at=NOW)
    assert update_policy(now=NOW) == (0, 1)
    after = choice_of(intent)
    assert (after.chosen, after.estimates, after.learned_from) == (before.chosen, before.estimates, 0)
    assert after.reward_bps == pytest.approx(-5)


def test_what_was_missed_is_measured_by_the_bar(cast):
    minute = int((NOW - timedelta(minutes=1)).timestamp() * 1e9)
    BarRow.objects.create(
        instrument=cast.btc, timeframe="1m", ts_open=minute, open=100, high=102, low=100, close=101, volume=1,
        source="trades",
    )  # fmt: skip
    intent = enter(cast, order_type="limit", filled="0")
    update_policy(now=NOW)
    choice = choice_of(intent)
    assert (choice.filled, choice.reward_bps) == (0.0, pytest.approx(-100))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"filled": "1"}, "no price is known"),
        ({"filled": "0", "acknowledged_at": None}, "never took"),
        ({"fee_asset": "BNB"}, "another asset"),
        ({"arrival": 0.0}, "no price"),
    ],
)
def test_what_cannot_be_told_is_not_learned_from(cast, changes, reason):
    intent = enter(cast, **changes)
    assert update_policy(now=NOW) == (1, 1)
    choice = choice_of(intent)
    assert reason in choice.unusable
    assert (choice.reward_bps, PolicyState.objects.get(name="execution:paper").updates) == (None, 0)


def test_fees_in_base_are_worth_their_price(cast):
    intent = enter(cast, price="100", fee="0.002", fee_asset="BTC")
    update_policy(now=NOW)
    assert choice_of(intent).fee_bps == pytest.approx(10)


def test_a_counterfactual_is_an_estimate_and_only_after_enough_outcomes(cast):
    for _ in range(30):
        enter(cast, order_type="limit", price="99.9")
    update_policy(now=NOW)
    assert set(PolicyChoice.objects.values_list("counterfactual_bps", flat=True)) == {None}
    intents = [enter(cast, price="100.5") for _ in range(10)]
    update_policy(now=NOW)
    others = [choice for choice in map(choice_of, intents) if choice.chosen == "maker"]
    assert others, "a maker that saved 10 bp thirty times is chosen at times"
    for choice in others:
        assert choice.counterfactual_bps == choice.estimates["maker"]["mean"]
        assert choice.counterfactual_deviation_bps > 0
        assert choice.reward_bps < 0 < choice.counterfactual_bps
    assert all(choice.counterfactual_bps is None for choice in map(choice_of, intents) if choice.chosen == choice.used)


def test_what_is_said_of_it_is_what_was_measured(cast, client):
    from django.contrib.auth import get_user_model

    for price in ("100.1", "100.3"):
        enter(cast, price=price, fee="0")
    enter(cast, fee_asset="BNB")
    update_policy(now=NOW)
    PolicyChoice.objects.update(chosen="taker")
    (summary,) = summaries(PolicyState.objects.get(name="execution:paper"))
    assert (summary.used, summary.agreed.n, summary.differed.n) == ("taker", 2, 0)
    assert summary.agreed.mean_bps == pytest.approx(-20)
    assert summary.agreed.error_bps == pytest.approx(10)
    assert summary.words == (
        "taker: the policy agreed: -20.0 ± 19.6 bp over 2, too few to tell; "
        "the policy would have done otherwise: no outcome"
    )
    client.force_login(
        get_user_model().objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend"
    )
    pk = PolicyState.objects.get(name="execution:paper").pk
    for address in ("policystate/", f"policystate/{pk}/change/", "policychoice/?q=BTC"):
        page = client.get(f"/admin/quant/{address}")
        assert page.status_code == 200
    assert client.get("/admin/quant/policystate/add/").status_code == 403
    assert "too few to tell" in client.get("/admin/quant/policystate/").content.decode()

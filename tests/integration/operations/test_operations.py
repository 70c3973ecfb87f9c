"""What people do to bots, positions and the kill switch: done whole or refused with a sentence, and on record."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db.models import F

from bots.models import AuditEntry, Balance, Bot, Installation, JournalLeg, Position, Session, User
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.close_position import CannotClose, close_position
from bots.operations.create_account import create_account
from bots.operations.create_demo import SYMBOLS, DemoExists, create_demo
from bots.operations.edit_bot import CannotEdit, edit_bot
from bots.operations.edit_position import CannotEditPosition, edit_position
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import CannotRestrict, Scope
from bots.operations.pause_bot import CannotPause, pause_bot
from bots.operations.resume_bot import CannotResume, resume_bot
from bots.operations.speak import NoSuchBot
from bots.operations.start_bot import CannotStart, start_bot
from bots.operations.stop_bot import CannotStop, stop_bot
from bots.orders.checks import broken_invariants
from bots.orders.connections import open_connection
from bots.trading.vocabulary import Ladder
from marketdata.models import Exchange, Instrument, Subscription
from tests.integration.orders.cast import Cast, make_cast, make_instrument

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    Bot.objects.update(state="stopped")
    made.bot.refresh_from_db()
    return made


def act(operation: Any, cast: Cast) -> str:
    operation(bot_id=cast.bot.pk, actor=cast.alice, now=NOW)
    cast.bot.refresh_from_db()
    state: str = cast.bot.state
    return state


def followed() -> list[str]:
    return sorted(Subscription.objects.values_list("symbol", flat=True))


def open_position(cast: Cast) -> Position:
    return Position.objects.create(
        bot=cast.bot, account=cast.account, instrument=cast.btc, side="buy", quantity=1, opened_quantity=1,
        entry_price=100, cost=100, stop_price=98, high_water_mark=100, opened_at=NOW,
    )  # fmt: skip


def test_a_bot_lives_through_start_pause_resume_stop(cast: Cast) -> None:
    assert [act(verb, cast) for verb in (start_bot, pause_bot, resume_bot, stop_bot)] == [
        "running", "paused", "running", "stopped"
    ]  # fmt: skip
    session = Session.objects.get()
    assert (session.started_by, session.ended_at, session.end_reason) == (cast.alice, NOW, "stopped")
    actions = AuditEntry.objects.filter(target=f"bot:{cast.bot.pk}").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["bot.start", "bot.pause", "bot.resume", "bot.stop"]


def test_feeds_follow_an_active_bot_and_what_a_stopped_one_still_holds(cast: Cast) -> None:
    act(start_bot, cast)
    assert followed() == ["BTC/USDT", "ETH/USDT"]
    open_position(cast)
    act(stop_bot, cast)
    assert followed() == ["BTC/USDT"]


@pytest.mark.parametrize(
    ("before", "verb", "refusal"),
    [
        ([start_bot], start_bot, CannotStart),
        ([], pause_bot, CannotPause),
        ([start_bot], resume_bot, CannotResume),
        ([], stop_bot, CannotStop),
        ([start_bot, pause_bot], pause_bot, CannotPause),
    ],
)
def test_what_makes_no_sense_is_refused(cast: Cast, before: list, verb: Any, refusal: type[Exception]) -> None:
    for earlier in before:
        act(earlier, cast)
    with pytest.raises(refusal, match="Follower"):
        act(verb, cast)


def test_a_bot_that_is_not_there_is_named() -> None:
    Installation.objects.get_or_create(pk=1)
    with pytest.raises(NoSuchBot, match="no bot 99"):
        start_bot(bot_id=99, actor=None, now=NOW)


def test_a_bot_starts_only_with_what_its_account_can_trade(cast: Cast) -> None:
    cast.bot.instruments.clear()
    with pytest.raises(CannotStart, match="no instruments"):
        act(start_bot, cast)
    other = Exchange.objects.create(code="other", name="Other", adapter="binance")
    cast.bot.instruments.set([make_instrument(other, "BTC")])
    with pytest.raises(CannotStart, match="is not on Simulated"):
        act(start_bot, cast)
    assert Session.objects.count() == 0


def test_a_bot_in_error_can_be_started_again(cast: Cast) -> None:
    act(start_bot, cast)
    Bot.objects.update(state="error", state_reason="late fill")
    assert act(start_bot, cast) == "running"
    assert [row.end_reason for row in Session.objects.exclude(ended_at=None)] == ["late fill"]


def test_closing_is_asked_for_once_and_only_of_what_is_open(cast: Cast) -> None:
    position = open_position(cast)
    for _ in range(2):
        close_position(position_id=position.pk, actor=cast.alice, now=NOW)
    position.refresh_from_db()
    assert position.close_requested_at == NOW
    assert AuditEntry.objects.filter(action="position.close").count() == 1
    with pytest.raises(CannotClose, match="404"):
        close_position(position_id=404, actor=cast.alice, now=NOW)


def test_stopping_can_ask_for_everything_to_be_closed(cast: Cast) -> None:
    act(start_bot, cast)
    position = open_position(cast)
    stop_bot(bot_id=cast.bot.pk, actor=cast.alice, now=NOW, close_positions=True)
    position.refresh_from_db()
    assert position.close_requested_at == NOW


def test_the_kill_switch_latches_until_it_is_cleared_with_a_reason(cast: Cast) -> None:
    common: dict[str, Any] = {"scope": Scope.INSTALLATION, "actor": cast.alice, "now": NOW}
    assert engage_kill_switch(ladder=Ladder.REDUCE, reason="odd prices", **common) is Ladder.ACTIVE
    with pytest.raises(CannotRestrict, match="stricter"):
        engage_kill_switch(ladder=Ladder.PAUSE, reason="less", **common)
    assert engage_kill_switch(ladder=Ladder.FLATTEN, reason="worse", **common) is Ladder.REDUCE
    with pytest.raises(CannotRestrict, match="reason"):
        clear_kill_switch(reason=" ", **common)
    assert clear_kill_switch(reason="looked at it", **common) is Ladder.FLATTEN
    row = Installation.objects.get()
    assert (row.ladder, row.ladder_reason) == ("active", "")
    with pytest.raises(CannotRestrict, match="not restricted"):
        clear_kill_switch(reason="again", **common)
    assert AuditEntry.objects.filter(action__startswith="kill_switch").count() == 3


def test_the_kill_switch_of_a_missing_account_is_refused(cast: Cast) -> None:
    with pytest.raises(CannotRestrict, match="no account 77"):
        engage_kill_switch(scope=Scope.ACCOUNT, target_id=77, ladder=Ladder.PAUSE, reason="x", actor=None, now=NOW)


def test_engines_hear_of_a_change_when_it_commits(cast: Cast) -> None:
    with open_connection() as listener:
        listener.autocommit = True
        listener.execute("LISTEN bots_changed")
        act(start_bot, cast)
        heard = next(iter(listener.notifies(timeout=10, stop_after=1)))
    assert heard.payload == f"bot:{cast.bot.pk}"


def test_settings_change_with_a_version_and_new_symbols_are_followed(cast: Cast) -> None:
    act(start_bot, cast)
    edited = edit_bot(
        bot_id=cast.bot.pk, changes={"stop_loss": Decimal("0.05")}, instruments=[cast.eth], actor=cast.alice, now=NOW
    )
    assert (edited.version, edited.stop_loss) == (2, Decimal("0.05"))
    assert followed() == ["ETH/USDT"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stop_loss": Decimal(2)}, "stop_loss"),
        ({"stop_loss": Decimal(0)}, "stop_loss"),
        ({"component_weights": {"astrology": 1}}, "component_weights"),
        ({"timeframes": {"2m": 1}}, "timeframes"),
        ({"maximum_position_value": Decimal(99_999)}, "maximum_position_value"),
    ],
)
def test_settings_out_of_range_are_refused_by_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        edit_bot(bot_id=cast.bot.pk, changes=changes, actor=cast.alice, now=NOW)
    assert field in refused.value.message_dict
    cast.bot.refresh_from_db()
    assert cast.bot.version == 1


def test_states_are_not_settings(cast: Cast) -> None:
    with pytest.raises(CannotEdit, match="state cannot be edited"):
        edit_bot(bot_id=cast.bot.pk, changes={"state": "running"}, actor=cast.alice, now=NOW)


def test_an_account_opens_with_its_cash_in_the_journal(cast: Cast) -> None:
    account = create_account(
        owner=cast.alice, name="Second", exchange=cast.exchange, opening_cash=Decimal(500), actor=cast.alice, now=NOW
    )
    assert Balance.objects.get(account=account).total == 500
    assert sum(leg.amount for leg in JournalLeg.objects.filter(account=account)) == 0
    assert broken_invariants() == []
    with pytest.raises(ValidationError):
        create_account(
            owner=cast.alice, name="Second", exchange=cast.exchange, opening_cash=Decimal(1), actor=None, now=NOW
        )


def test_the_demo_is_made_once_runs_and_has_clean_books() -> None:
    Installation.objects.get_or_create(pk=1)
    said = StringIO()
    call_command("createdemo", stdout=said)
    user = User.objects.get()
    password = said.getvalue().split("/")[-1].strip()
    assert user.check_password(password)
    assert list(Bot.objects.values_list("state", flat=True)) == ["running"] * 3
    assert set(followed()) == set(SYMBOLS)
    assert Instrument.objects.count() == 8
    assert broken_invariants() == []
    with pytest.raises(DemoExists):
        create_demo(now=NOW)


def test_bots_are_managed_from_the_terminal(cast: Cast) -> None:
    def said(*arguments: str) -> str:
        out = StringIO()
        call_command("bots", *arguments, stdout=out)
        return out.getvalue()

    assert "Follower is running." in said("start", "Follower")
    assert "Follower is paused." in said("pause", str(cast.bot.pk))
    assert "Follower" in said("list")
    assert "paused" in said("list")
    with pytest.raises(CommandError, match="no bot 'Nobody'") as unknown:
        said("stop", "Nobody")
    with pytest.raises(CommandError, match="Name a bot") as unnamed:
        said("stop")
    with pytest.raises(CommandError, match="only a running bot") as refused:
        said("pause", "Follower")
    assert [error.value.returncode for error in (unknown, unnamed, refused)] == [2, 2, 1]


def test_the_kill_switch_works_from_the_terminal_without_redis(cast: Cast, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    def said(*arguments: str) -> str:
        out = StringIO()
        call_command("killswitch", *arguments, stdout=out)
        return out.getvalue()

    assert "Nothing is restricted." in said("status")
    assert "installation: reduce (a drill)" in said("on", "--reason", "a drill")
    assert f"bot {cast.bot.pk} (Follower): flatten" in said(
        "on", "--scope", "bot", "--id", str(cast.bot.pk), "--ladder", "flatten", "--reason", "out"
    )
    with pytest.raises(CommandError, match="Give a reason") as unexplained:
        said("off")
    with pytest.raises(CommandError, match="no account 77") as unknown:
        said("on", "--scope", "account", "--id", "77", "--reason", "a drill")
    with pytest.raises(CommandError, match="clear it first") as refused:
        said("on", "--ladder", "pause", "--reason", "less")
    assert [error.value.returncode for error in (unexplained, unknown, refused)] == [2, 2, 1]
    assert "installation" not in said("off", "--reason", "over")


def test_a_part_is_asked_for_once_at_a_time_and_all_of_it_at_any_time(cast: Cast) -> None:
    position = open_position(cast)
    half = D("0.5")
    close_position(position_id=position.pk, actor=cast.alice, now=NOW, quantity=half)
    position.refresh_from_db()
    assert (position.close_requested_at, position.close_to) == (NOW, half)
    with pytest.raises(CannotClose, match="already"):
        close_position(position_id=position.pk, actor=cast.alice, now=NOW, fraction=D("0.1"))
    close_position(position_id=position.pk, actor=cast.alice, now=NOW)
    position.refresh_from_db()
    assert position.close_to == 0
    details = AuditEntry.objects.filter(action="position.close").order_by("pk").values_list("detail", flat=True)
    assert [sorted(detail) for detail in details] == [["bot_id", "left", "quantity"], ["bot_id"]]


def test_another_part_may_be_asked_for_when_the_first_is_sold(cast: Cast) -> None:
    position = open_position(cast)
    close_position(position_id=position.pk, actor=cast.alice, now=NOW, fraction=D("0.5"))
    Position.objects.update(quantity=F("close_to"))
    close_position(position_id=position.pk, actor=cast.alice, now=NOW, fraction=D("0.5"))
    position.refresh_from_db()
    assert position.close_to == position.quantity / 2


def test_stopping_with_the_wish_to_hold_nothing_closes_all_of_what_was_to_be_closed_in_part(cast: Cast) -> None:
    act(start_bot, cast)
    position = open_position(cast)
    close_position(position_id=position.pk, actor=cast.alice, now=NOW, fraction=D("0.5"))
    stop_bot(bot_id=cast.bot.pk, actor=cast.alice, now=NOW, close_positions=True)
    position.refresh_from_db()
    assert position.close_to == 0


@pytest.mark.parametrize(
    ("asked", "field", "says"),
    [
        ({"fraction": D(0)}, "fraction", "more than 0"),
        ({"fraction": D("1.01")}, "fraction", "at most 1"),
        ({"quantity": D(10_000)}, "quantity", "held"),
        ({"quantity": D("0.000011")}, "quantity", "smallest order"),
        ({"fraction": D("0.999999")}, "fraction", "would be left"),
        ({"quantity": D(1), "fraction": D(1)}, "fraction", "not both"),
    ],
)
def test_a_part_that_cannot_be_sold_is_refused_by_name(cast: Cast, asked: Any, field: str, says: str) -> None:
    position = open_position(cast)
    with pytest.raises(ValidationError) as refused:
        close_position(position_id=position.pk, actor=cast.alice, now=NOW, **asked)
    assert says in refused.value.message_dict[field][0]
    position.refresh_from_db()
    assert position.close_requested_at is None


@pytest.mark.parametrize(
    ("side", "changes", "wrong"),
    [
        ("buy", {"stop_price": D(101)}, ["stop_price"]),
        ("buy", {"stop_price": D(100)}, ["stop_price"]),
        ("buy", {"stop_price": None}, ["stop_price"]),
        ("buy", {"stop_price": D(99), "target_price": D(100)}, ["target_price"]),
        ("buy", {"stop_price": D(-1), "target_price": D(-1)}, ["stop_price", "target_price"]),
        ("buy", {"quantity": D(1)}, ["quantity"]),
        ("sell", {"stop_price": D(99)}, ["stop_price"]),
        ("sell", {"target_price": D(101)}, ["target_price"]),
    ],
)
def test_a_stop_or_target_on_the_wrong_side_of_the_market_is_refused_by_name(
    cast: Cast, side: str, changes: Any, wrong: list[str]
) -> None:
    position = open_position(cast)
    Position.objects.update(side=side, mark_price=100)
    with pytest.raises(ValidationError) as refused:
        edit_position(position_id=position.pk, changes=changes, actor=cast.alice, now=NOW)
    assert sorted(refused.value.message_dict) == wrong
    position.refresh_from_db()
    assert position.revision == 0


def test_a_stop_and_target_are_set_and_audited_once(cast: Cast) -> None:
    position = open_position(cast)
    Position.objects.update(mark_price=100, stop_price=90)
    for _ in range(2):
        edit_position(
            position_id=position.pk, changes={"stop_price": D(95), "target_price": None}, actor=cast.alice, now=NOW
        )
    position.refresh_from_db()
    assert (position.stop_price, position.target_price, position.revision) == (95, None, 1)
    entry = AuditEntry.objects.get(action="position.edit")
    assert (entry.actor, entry.detail["stop_price"]) == (cast.alice, ["90", "95"])
    Position.objects.update(closed_at=NOW, quantity=0)
    with pytest.raises(CannotEditPosition, match="not open"):
        edit_position(position_id=position.pk, changes={"stop_price": D(95)}, actor=cast.alice, now=NOW)

"""A bot on a sandbox or live account starts only when everything about it is in order, through every door."""

import threading
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from bots.brokers.venue import KeyScope
from bots.models import Account, AccountCredentials, Bot, Mode, PreflightRun, Session
from bots.operations.edit_bot import edit_bot
from bots.operations.start_bot import CannotStart, start_bot
from bots.preflight.run import run_preflight
from marketdata.models import FeedLease, FeedStatus, Instrument, Subscription
from tests.integration.credentials.cast import AWAY, CANARY
from tests.integration.preflight.cast import Cast, make_trade

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def start(cast: Cast) -> Session:
    return start_bot(bot_id=cast.bot.pk, actor=cast.alice, now=timezone.now())


def failing(cast: Cast) -> list[str]:
    """Which checks fail, after a refused start."""
    with pytest.raises(CannotStart) as refused:
        start(cast)
    run = PreflightRun.objects.filter(bot=cast.bot).latest("pk")
    names = [found["name"] for found in run.failures]
    assert all(f"{name}: " in str(refused.value) for name in names)
    assert not Session.objects.exists()
    assert cast.fresh().state == "stopped"
    return names


def test_with_everything_in_order_it_starts_and_the_run_is_kept(cast):
    start(cast)
    run = PreflightRun.objects.get()
    assert (run.passed, run.mode, run.asked_by, run.is_about(cast.fresh())) == (True, "live", cast.alice, True)
    assert {found["level"] for found in run.results} == {"ok"}
    assert cast.fresh().state == "running"
    assert AccountCredentials.objects.get().can_withdraw is False
    assert list(Subscription.objects.values_list("follower", flat=True)) == [f"bot:{cast.bot.pk}"]


def _restrict_scope(cast: Cast) -> None:
    cast.venue.told_scope = KeyScope(can_trade=True, can_withdraw=True)


def _venue_away(cast: Cast) -> None:
    cast.venue.offset_ms = AWAY


def _broke(cast: Cast) -> None:
    cast.venue.told_balances = ()


def _stale_rules(cast: Cast) -> None:
    Instrument.objects.update(updated_at=timezone.now() - timedelta(days=2))


def _not_listed(cast: Cast) -> None:
    Instrument.objects.update(active=False)


def _no_key(cast: Cast) -> None:
    AccountCredentials.objects.all().delete()


def _other_key(cast: Cast) -> None:
    AccountCredentials.objects.update(sealed="x", key_id="deadbeef")


ALL_OF_VENUE = ["API key", "clock", "balance"]


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (_restrict_scope, ["API key"]),
        (_venue_away, ALL_OF_VENUE),
        (_no_key, ALL_OF_VENUE),
        (_other_key, ALL_OF_VENUE),
        (_broke, ["balance"]),
        (lambda cast: setattr(cast.venue, "offset_ms", 900.0), ["clock"]),
        (_stale_rules, ["instrument rules"]),
        (lambda cast: FeedStatus.objects.update(updated_at=timezone.now() - timedelta(seconds=30)), ["prices"]),
        (lambda cast: FeedStatus.objects.update(state="resyncing"), ["prices"]),
        (lambda cast: FeedStatus.objects.all().delete(), ["prices"]),
        (lambda cast: Account.objects.update(daily_loss_limit=0), ["limits"]),
        (lambda cast: Bot.objects.update(daily_loss_limit=0), ["limits"]),
        (lambda cast: Bot.objects.filter(pk=cast.bot.pk).update(stop_loss="0.03"), ["paper record"]),
        (lambda cast: cast.paper.trades.first().delete(), ["paper record"]),
        (lambda cast: Account.objects.filter(pk=cast.account.pk).update(live_since=None), ["going live"]),
        (
            lambda cast: Bot.objects.update(component_weights={"technical": 0.5, "model": 0.5}),
            ["model"],
        ),
    ],
)  # fmt: skip
def test_what_is_not_in_order_is_named_and_nothing_starts(cast, spoil, names):
    spoil(cast)
    assert failing(cast) == names


def test_a_site_without_https_trades_no_real_money(cast, settings):
    settings.SITE_URL = "http://bots.example.org"
    assert failing(cast) == ["site"]


def test_a_sandbox_account_starts_without_a_record_and_is_told(cast):
    Account.objects.filter(pk=cast.account.pk).update(mode=Mode.SANDBOX, live_since=None)
    cast.paper.trades.all().delete()
    start(cast)
    assert [found["name"] for found in PreflightRun.objects.get().results if found["level"] == "warning"] == [
        "paper record"
    ]


def test_paper_starts_as_ever_and_asks_nobody(cast):
    start_bot(bot_id=cast.paper.pk, actor=cast.alice, now=timezone.now())
    assert not PreflightRun.objects.exists()
    assert cast.venue.asked_with == []


def test_a_change_while_it_is_looked_at_begins_anew(cast, monkeypatch):
    def meddling(*, bot: Bot, **asked: Any) -> PreflightRun:
        run = run_preflight(bot=bot, **asked)
        edit_bot(bot_id=bot.pk, changes={"maximum_positions": 9}, actor=cast.alice, now=timezone.now())
        return run

    monkeypatch.setattr("bots.operations.start_bot.run_preflight", meddling)
    with pytest.raises(CannotStart, match="changed while it was looked at"):
        start(cast)


def test_an_edit_of_the_paper_bots_strategy_begins_its_record_anew(cast):
    edit = {"bot_id": cast.paper.pk, "actor": cast.alice, "now": cast.now - timedelta(days=2)}
    edit_bot(changes={"capital": Decimal(60_000)}, **edit)
    start(cast)
    Bot.objects.update(state="stopped")
    Session.objects.all().delete()
    edit_bot(changes={"take_profit": cast.paper.take_profit}, **edit)
    assert failing(cast) == ["paper record"]


def test_trades_of_other_settings_symbols_people_and_modes_are_no_record(cast, bob):
    cast.paper.trades.all().delete()
    other = Bot.objects.create(owner=cast.alice, account=cast.paper.account, name="Other", stop_loss="0.05")
    theirs = Bot.objects.create(owner=bob, account=cast.paper.account, name="Bob's")
    Bot.objects.filter(pk__in=(other.pk, theirs.pk, cast.bot.pk)).update(created_at=cast.now - timedelta(days=90))
    for bot in (other, theirs, cast.bot):
        for number in range(31):
            make_trade(bot, cast.btc, closed_at=cast.now - timedelta(days=9, hours=-number))
    assert failing(cast) == ["paper record"]


def test_prices_that_nobody_watched_are_waited_for(cast):
    FeedStatus.objects.all().delete()
    FeedLease.objects.create(
        exchange=cast.exchange, holder="feed", epoch=1, expires_at=timezone.now() + timedelta(days=1)
    )
    stopped = threading.Event()

    def feed() -> None:
        try:
            while not stopped.is_set():
                for row in Subscription.objects.filter(follower=f"preflight:{cast.bot.pk}"):
                    now = timezone.now()
                    FeedStatus.objects.update_or_create(
                        exchange=row.exchange, symbol=row.symbol,
                        defaults={"state": "live", "last_price": 1, "last_tick_at": now, "updated_at": now},
                    )  # fmt: skip
                stopped.wait(0.05)
        finally:
            connection.close()

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        run = run_preflight(bot=cast.fresh(), actor=None, now=timezone.now(), patience_s=60)
    finally:
        stopped.set()
        thread.join()
    assert run.passed, run.failures
    assert not Subscription.objects.exists()


def test_every_door_refuses_and_says_why(cast):
    _broke(cast)
    api = APIClient()
    api.force_login(cast.alice, backend=BACKEND)
    for address in (f"/api/v1/bots/{cast.bot.pk}/start", "/api/trading/start"):
        body = (
            {"account": cast.account.pk, "name": cast.bot.name, "symbols": ["BTC/USDT"]} if "trading" in address else {}
        )
        answer = api.post(address, body)
        assert (answer.status_code, "balance: 0 USDT free" in answer.json()["detail"]) == (409, True), answer.json()
    with pytest.raises(CommandError, match="balance: 0 USDT free"):
        call_command("bots", "start", cast.bot.name, stdout=StringIO())
    cast.alice.is_staff = cast.alice.is_superuser = True
    cast.alice.save()
    admin = Client()
    admin.force_login(cast.alice, BACKEND)
    data = {"action": "start", "_selected_action": [cast.bot.pk]}
    page = admin.post(reverse("admin:bots_bot_changelist"), data, follow=True).content.decode()
    assert "balance: 0 USDT free" in page
    assert PreflightRun.objects.count() == 4
    assert not Session.objects.exists()
    shown = admin.get(reverse("admin:bots_bot_change", args=[cast.bot.pk])).content.decode()
    assert "failed: the bot does not start" in shown
    assert "0 USDT free" in shown


def test_the_command_says_what_it_saw_and_exits_by_it(cast):
    out = StringIO()
    call_command("preflight", cast.bot.name, stdout=out)
    assert "✓ ok       clock" in out.getvalue()
    _broke(cast)
    out = StringIO()
    with pytest.raises(CommandError, match=r"would not start: balance\."):
        call_command("preflight", str(cast.bot.pk), "--json", stdout=out)
    assert '"passed": false' in out.getvalue()
    assert CANARY not in out.getvalue()


def test_it_is_asked_for_and_read_over_rest(cast):
    api = APIClient()
    api.force_login(cast.alice, backend=BACKEND)
    address = f"/api/v1/bots/{cast.bot.pk}/preflight"
    assert api.get(address).json()["passed"] is None
    asked = api.post(address).json()
    assert (asked["passed"], asked["is_current"], len(asked["results"])) == (True, True, 11)
    edit_bot(bot_id=cast.bot.pk, changes={"maximum_positions": 9}, actor=cast.alice, now=timezone.now())
    assert api.get(address).json() == asked | {"is_current": False}

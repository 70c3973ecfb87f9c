"""API keys are given, replaced, checked and removed; real money needs a typed name."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from bots.credentials.secrets import Secrets
from bots.credentials.vault import CannotOpen
from bots.credentials.venue_account import venue_account
from bots.models import Account, AccountCredentials, AuditEntry, Balance, Bot, BotState, JournalLeg, Mode
from bots.operations.account_rules import NotTheOwner, tidy
from bots.operations.check_credentials import CannotCheck, check_credentials
from bots.operations.create_account import create_account
from bots.operations.go_live import CannotGoLive, go_live
from bots.operations.remove_credentials import CannotRemoveCredentials, remove_credentials
from bots.operations.set_credentials import CannotSetCredentials, set_credentials
from marketdata.models import Environment
from tests.integration.credentials.cast import AWAY, CANARY, NOW, SECRETS, make_account, make_exchange

pytestmark = pytest.mark.django_db
OTHER = Secrets(api_key="other", secret="another")


def test_a_live_account_opens_with_its_key_and_without_cash(alice):
    account = make_account(alice)
    assert not Balance.objects.exists()
    assert not JournalLeg.objects.exists()
    at = venue_account(account)
    assert (at.api_key, at.secret, at.password) == (SECRETS.api_key, SECRETS.secret, SECRETS.password)
    assert (at.mode, at.adapter, at.rest_url) == ("live", "binance", None)
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == [
        "account.create", "account.credentials.set",
    ]  # fmt: skip


def test_the_simulated_exchange_stands_in_where_the_exchange_is_simulated(alice, settings):
    account = make_account(alice, mode=Mode.SANDBOX)
    account.exchange = make_exchange(Environment.SIMULATED)
    at = venue_account(account)
    assert (at.mode, at.rest_url) == ("sandbox", settings.SIMULATOR_URL)
    assert at.ws_url is not None
    assert at.ws_url.startswith("ws")


@pytest.mark.parametrize(
    ("mode", "environment", "cash", "secrets", "field"),
    [
        (Mode.LIVE, Environment.LIVE, 0, None, "api_key"),
        (Mode.SANDBOX, Environment.TESTNET, 0, None, "api_key"),
        (Mode.LIVE, Environment.TESTNET, 0, SECRETS, "exchange"),
        (Mode.LIVE, Environment.SIMULATED, 0, SECRETS, "exchange"),
        (Mode.SANDBOX, Environment.LIVE, 0, SECRETS, "exchange"),
        (Mode.LIVE, Environment.LIVE, 5, SECRETS, "opening_cash"),
        (Mode.PAPER, Environment.LIVE, 5, SECRETS, "api_key"),
        (Mode.LIVE, Environment.LIVE, 0, Secrets(api_key=" ", secret="x"), "api_key"),
        (Mode.LIVE, Environment.LIVE, 0, Secrets(api_key="x", secret=""), "secret"),
        (Mode.LIVE, Environment.LIVE, 0, Secrets(api_key="x\x00", secret="y"), "api_key"),
        (Mode.LIVE, Environment.LIVE, 0, Secrets(api_key="x", secret="y" * 5000), "secret"),
    ],
)
def test_what_does_not_fit_the_mode_is_refused_at_its_field(alice, mode, environment, cash, secrets, field):
    with pytest.raises(ValidationError) as refused:
        create_account(
            owner=alice, name="Odd", exchange=make_exchange(environment), opening_cash=Decimal(cash), actor=alice,
            now=NOW, secrets=secrets, mode=mode,
        )  # fmt: skip
    assert field in refused.value.message_dict
    assert not Account.objects.exists()


def test_only_the_owner_gives_replaces_and_removes_keys(alice, bob):
    bob.is_superuser = True
    account = make_account(alice)
    for act in (
        lambda: set_credentials(account_id=account.pk, secrets=OTHER, actor=bob, now=NOW),
        lambda: remove_credentials(account_id=account.pk, actor=bob, now=NOW),
        lambda: go_live(account_id=account.pk, typed_name="Real", actor=bob, now=NOW),
    ):
        with pytest.raises(NotTheOwner):
            act()
    with pytest.raises(ValidationError, match="Only its owner"):
        create_account(
            owner=alice, name="B", exchange=make_exchange(), opening_cash=Decimal(0), actor=bob, now=NOW,
            secrets=SECRETS, mode=Mode.LIVE,
        )  # fmt: skip
    assert venue_account(account).api_key == SECRETS.api_key


def test_a_replaced_key_forgets_what_was_seen_of_the_old_one(alice, broker):
    account = make_account(alice)
    check_credentials(account_id=account.pk, actor=alice, now=NOW)
    row = set_credentials(account_id=account.pk, secrets=OTHER, actor=alice, now=NOW + timedelta(hours=1))
    assert (row.checked_at, row.can_trade) == (None, None)
    assert venue_account(account).api_key == "other"
    assert AuditEntry.objects.filter(action="account.credentials.replace").count() == 1


def test_a_check_keeps_what_the_venue_told(alice, broker):
    account = make_account(alice)
    row = check_credentials(account_id=account.pk, actor=alice, now=NOW)
    assert (row.checked_at, row.check_error, row.can_trade, row.can_withdraw) == (NOW, "", True, False)
    assert broker.asked_with[0].secret == SECRETS.secret
    assert broker.closed == 1
    broker.told_scope = AWAY
    row = check_credentials(account_id=account.pk, actor=alice, now=NOW)
    assert (row.check_error, row.can_trade) == ("connection refused", None)
    broker.offset_ms = AWAY
    assert check_credentials(account_id=account.pk, actor=alice, now=NOW).check_error == "connection refused"


def test_a_row_swapped_with_another_accounts_does_not_open(alice, bob):
    mine, theirs = make_account(alice), make_account(bob)
    rows = {row.pk: row for row in AccountCredentials.objects.all()}
    AccountCredentials.objects.filter(pk=mine.pk).update(sealed=rows[theirs.pk].sealed)
    with pytest.raises(CannotOpen, match="another account"):
        venue_account(mine)
    assert venue_account(theirs).api_key == SECRETS.api_key


def test_an_account_given_away_takes_its_key_with_it_unopened(alice, bob):
    account = make_account(alice)
    account.owner = bob
    account.save()
    with pytest.raises(CannotOpen, match="another account or owner"):
        venue_account(account)


def test_keys_stay_while_somebody_trades_with_them(alice):
    account = make_account(alice)
    bot = Bot.objects.create(owner=alice, account=account, name="Busy", state=BotState.PAUSED)
    with pytest.raises(CannotRemoveCredentials, match="Busy is paused"):
        remove_credentials(account_id=account.pk, actor=alice, now=NOW)
    Bot.objects.filter(pk=bot.pk).update(state=BotState.STOPPED)
    remove_credentials(account_id=account.pk, actor=alice, now=NOW)
    with pytest.raises(CannotRemoveCredentials, match="no API key"):
        remove_credentials(account_id=account.pk, actor=alice, now=NOW)
    with pytest.raises(CannotCheck):
        check_credentials(account_id=account.pk, actor=alice, now=NOW)
    with pytest.raises(CannotOpen, match="has no API key"):
        venue_account(account)


def test_paper_takes_no_key(alice):
    account = create_account(
        owner=alice, name="P", exchange=make_exchange(), opening_cash=Decimal(9), actor=alice, now=NOW
    )
    with pytest.raises(CannotSetCredentials):
        set_credentials(account_id=account.pk, secrets=OTHER, actor=alice, now=NOW)
    with pytest.raises(CannotGoLive):
        go_live(account_id=account.pk, typed_name="P", actor=alice, now=NOW)


def test_real_money_needs_https_the_key_and_the_typed_name(alice, settings):
    account = make_account(alice)

    def refused(typed="Real"):
        with pytest.raises(CannotGoLive) as refusal:
            go_live(account_id=account.pk, typed_name=typed, actor=alice, now=NOW)
        return str(refusal.value)

    assert "needs https" in refused()
    settings.SITE_IS_HTTPS = True
    assert "not the account's" in refused("real")
    remove_credentials(account_id=account.pk, actor=alice, now=NOW)
    assert "no API key" in refused()
    set_credentials(account_id=account.pk, secrets=SECRETS, actor=alice, now=NOW)
    assert go_live(account_id=account.pk, typed_name="Real", actor=alice, now=NOW).live_since == NOW
    assert "is live since" in refused()
    assert AuditEntry.objects.get(action="account.go_live").actor == alice


def test_the_mode_of_an_account_with_orders_stays(alice):
    from tests.integration.web.cast import furnish, make_instrument

    exchange = make_exchange(Environment.SIMULATED)
    account = furnish("carol", exchange, make_instrument(exchange, "BTC")).account
    with pytest.raises(IntegrityError, match="has orders: its mode stays paper"), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(mode=Mode.LIVE)
    Account.objects.filter(pk=account.pk).update(mode=Mode.PAPER, name="renamed")
    unused = make_account(alice)
    Account.objects.filter(pk=unused.pk).update(mode=Mode.SANDBOX)


@pytest.mark.parametrize(
    "pasted",
    [
        "-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIBkg\\nAwEHoUQD\\n-----END EC PRIVATE KEY-----\\n",
        "  -----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBkg\nAwEHoUQD\n-----END EC PRIVATE KEY-----  ",
        "-----BEGIN EC PRIVATE KEY----- MHcCAQEEIBkgAwEHoUQD -----END EC PRIVATE KEY-----",
    ],
)
def test_a_private_key_has_its_lines_however_it_was_pasted(pasted):
    secret = tidy(Secrets(api_key=" k ", secret=pasted)).secret
    first, *body, last = secret.strip().split("\n")
    assert (first, "".join(body), last) == (
        "-----BEGIN EC PRIVATE KEY-----", "MHcCAQEEIBkgAwEHoUQD", "-----END EC PRIVATE KEY-----",
    )  # fmt: skip


def test_an_ordinary_secret_is_only_trimmed():
    assert tidy(Secrets(api_key=" k ", secret=f" {CANARY}+/= ")) == Secrets(api_key="k", secret=f"{CANARY}+/=")

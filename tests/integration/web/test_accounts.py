"""Accounts in the admin and over REST: who may do what, and what is asked before."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bots.models import Account, AccountCredentials, AuditEntry, Balance
from tests.integration.credentials.cast import CANARY, make_account
from tests.integration.credentials.conftest import broker, folder  # noqa: F401 fixtures
from tests.integration.web.test_admin import form_of, root, staff  # noqa: F401 fixtures

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice) -> Account:
    return make_account(alice.user)


def page(client: Client, account: Account) -> str:
    return client.get(reverse("admin:bots_account_change", args=[account.pk])).content.decode()


def test_the_form_asks_for_what_the_mode_needs(staff, alice, account):  # noqa: F811
    add = staff.get(reverse("admin:bots_account_add")).content.decode()
    assert all(f'name="{name}"' in add for name in ("opening_cash", "latency_ms", "api_key", "secret", "password"))
    real, paper = page(staff, account), page(staff, alice.account)
    assert 'name="api_key"' in real
    assert 'name="latency_ms"' not in real
    assert "Opening cash" not in real
    assert 'name="api_key"' not in paper
    assert 'name="latency_ms"' in paper


def test_a_key_is_replaced_in_the_form_and_an_empty_one_keeps_it(staff, account):  # noqa: F811
    address = reverse("admin:bots_account_change", args=[account.pk])
    before = AccountCredentials.objects.get().sealed
    assert staff.post(address, form_of(staff, address) | {"maker_fee_bps": "7"}).status_code == 302
    assert AccountCredentials.objects.get().sealed == before
    typed = {"api_key": "other", "secret": "another"}
    assert staff.post(address, form_of(staff, address) | typed).status_code == 302
    assert AccountCredentials.objects.get().sealed != before
    half = staff.post(address, form_of(staff, address) | {"api_key": "other"})
    assert half.context["adminform"].form.errors.keys() == {"secret"}
    fields = [entry.detail.get("fields") for entry in AuditEntry.objects.filter(action="account.edit")]
    assert fields == [["maker_fee_bps"]]


def test_who_sees_everything_still_gives_nobody_a_key(root, account):  # noqa: F811
    body = page(root, account)
    assert "Set on" in body
    assert 'name="api_key"' not in body
    address = reverse("admin:bots_account_change", args=[account.pk])
    answer = root.post(address, form_of(root, address) | {"api_key": "mine", "secret": "now"})
    assert "Only the account" in answer.content.decode()
    for name in ("check_key", "remove_key", "go_live"):
        assert root.post(reverse(f"admin:account_{name}", args=[account.pk]), {"name": "Real"}).status_code == 403
    assert AccountCredentials.objects.exists()


def test_pages_that_ask_are_the_owners(staff, bob):  # noqa: F811
    theirs = make_account(bob.user, "Theirs")
    for name in ("check_key", "remove_key", "go_live"):
        assert staff.get(reverse(f"admin:account_{name}", args=[theirs.pk])).status_code == 404


def test_a_key_is_removed_after_a_question(staff, account):  # noqa: F811
    address = reverse("admin:account_remove_key", args=[account.pk])
    assert "revoke it at" in staff.get(address).content.decode()
    assert AccountCredentials.objects.exists()
    assert staff.post(address).status_code == 302
    assert not AccountCredentials.objects.exists()
    assert "None: its bots cannot start." in page(staff, account)


def test_real_money_is_let_by_the_typed_name(staff, account, settings):  # noqa: F811
    settings.SITE_IS_HTTPS = True
    address = reverse("admin:account_go_live", args=[account.pk])
    assert "Go live" in page(staff, account)
    assert "not the account&#x27;s" in staff.post(address, {"name": "real"}).content.decode()
    assert staff.post(address, {"name": "Real"}).status_code == 302
    assert "limits are a tenth until" in page(staff, account)


def test_an_account_is_opened_and_kept_over_rest(alice, broker, settings):  # noqa: F811
    from tests.integration.credentials.cast import make_exchange

    keys = {"api_key": f"{CANARY}key", "secret": f"{CANARY}secret"}
    wanted = {"name": "Real", "exchange": make_exchange().code, "mode": "live"}
    without = alice.api.post("/api/v1/accounts", wanted)
    assert (without.status_code, list(without.json()["errors"])) == (400, ["api_key"])
    made = alice.api.post("/api/v1/accounts", wanted | {"credentials": keys})
    assert made.status_code == 201, made.json()
    assert (made.json()["opening_cash"], made.json()["balances"], made.json()["key"]["checked_at"]) == ("0", [], None)
    address = f"/api/v1/accounts/{made.json()['id']}"
    assert alice.api.post(f"{address}/credentials/check").json()["can_withdraw"] is False
    settings.SITE_IS_HTTPS = True
    assert alice.api.post(f"{address}/go-live", {"confirm": "Real "}).status_code == 409
    assert alice.api.post(f"{address}/go-live", {"confirm": "Real"}).json()["live_since"] is not None
    assert alice.api.get(f"{address}/credentials").status_code == 405
    assert alice.api.delete(f"{address}/credentials").status_code == 204
    assert alice.api.get(address).json()["key"] is None


def test_a_paper_account_over_rest_has_its_cash(alice, broker):  # noqa: F811
    from tests.integration.credentials.cast import make_exchange

    wanted = {"name": "Small", "exchange": make_exchange().code, "opening_cash": "50"}
    made = alice.api.post("/api/v1/accounts", wanted)
    assert (made.status_code, made.json()["balances"][0]["free"]) == (201, "50")
    again = alice.api.post("/api/v1/accounts", wanted)
    assert again.status_code == 400
    assert Balance.objects.filter(account__name="Small").count() == 1
    assert AuditEntry.objects.filter(action="account.create", at__lte=timezone.now()).count() == 1


def test_a_key_that_something_else_kept_from_being_stored_is_asked_for_again(staff, account):  # noqa: F811
    address = reverse("admin:bots_account_change", args=[account.pk])
    typed = {"api_key": "other", "secret": "another", "maker_fee_bps": "many"}
    answer = staff.post(address, form_of(staff, address) | typed)
    assert set(answer.context["adminform"].form.errors) == {"maker_fee_bps", "api_key"}

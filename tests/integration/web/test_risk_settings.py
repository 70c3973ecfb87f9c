"""What a loss limit does is its owner's choice; what all accounts may hold together is the installation's."""

from decimal import Decimal

from django.test import Client
from django.urls import reverse

from bots.models import AuditEntry, Bot, Installation

BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGE = {"maximum_exposure": "5000", "daily_loss_limit": "0.02"}


def test_owners_choose_over_rest_that_a_loss_closes_everything(alice):
    choice = {"on_daily_loss": "flatten", "on_drawdown": "flatten"}
    answer = alice.api.patch(f"/api/v1/bots/{alice.bot.pk}", choice | {"version": 1})
    assert (answer.status_code, answer.json()["on_drawdown"]) == (200, "flatten"), answer.content
    assert Bot.objects.get(pk=alice.bot.pk).on_daily_loss == "flatten"
    assert alice.api.patch(f"/api/v1/bots/{alice.bot.pk}", {"on_drawdown": "pause", "version": 2}).status_code == 400
    assert alice.api.get(f"/api/v1/accounts/{alice.account.pk}").json()["on_drawdown"] == "reduce"


def test_limits_of_the_installation_are_a_superusers_and_on_record(alice):
    Installation.objects.update_or_create(pk=1, defaults={"ladder": "reduce", "ladder_reason": "a drill"})
    alice.user.is_staff = True
    alice.user.save()
    client = Client()
    client.force_login(alice.user, BACKEND)
    page = reverse("admin:bots_installation_change", args=[1])
    assert client.post(page, PAGE).status_code in (302, 403)
    assert Installation.objects.get().maximum_exposure is None
    alice.user.is_superuser = True
    alice.user.save()
    assert client.post(page, PAGE | {"ladder": "active"}).status_code == 302
    row = Installation.objects.get()
    assert (row.maximum_exposure, row.daily_loss_limit) == (Decimal(5000), Decimal("0.02"))
    # The kill switch is cleared elsewhere, with a reason.
    assert row.ladder == "reduce"
    detail = AuditEntry.objects.get(action="installation.edit").detail
    assert detail == {"maximum_exposure": "5000", "daily_loss_limit": "0.02"}

"""The admin: what it lists, who sees it, what it refuses."""

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from bots.models import Account, AuditEntry, Balance, Bot, Order
from tests.conftest import TRADERS

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
OURS = sorted(str(model._meta.model_name) for model in site._registry if model._meta.app_label == "bots")
LEDGERS = sorted(set(OURS) - {"bot", "account", "user"})


@pytest.fixture
def staff(alice) -> Client:
    """Alice, who manages her own bots."""
    alice.user.is_staff = True
    alice.user.save()
    group, was_emptied = Group.objects.get_or_create(name="traders")
    if was_emptied:
        for label, codename in TRADERS:
            group.permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))
    alice.user.groups.add(group)
    client = Client()
    client.force_login(alice.user, BACKEND)
    return client


@pytest.fixture
def root(bob) -> Client:
    bob.user.is_staff = bob.user.is_superuser = True
    bob.user.save()
    client = Client()
    client.force_login(bob.user, BACKEND)
    return client


@pytest.mark.parametrize("model", OURS)
def test_every_list_loads_for_who_sees_everything(root, alice, model):
    assert root.get(reverse(f"admin:bots_{model}_changelist"), {"q": "alice"}).status_code == 200


@pytest.mark.parametrize("model", sorted(set(OURS) - {"user", "micropricefit"}))
def test_staff_see_their_own_rows(staff, alice, bob, model):
    answer = staff.get(reverse(f"admin:bots_{model}_changelist"))
    assert answer.status_code == 200
    assert "bob" not in answer.content.decode()


def test_fitted_microprices_belong_to_the_installation(staff):
    assert staff.get(reverse("admin:bots_micropricefit_changelist")).status_code == 403


@pytest.mark.parametrize("name", ["bot", "account", "order", "decision", "position", "trade", "fill", "signal"])
def test_rows_of_others_cannot_be_opened(staff, alice, bob, name):
    def page(person):
        return staff.get(reverse(f"admin:bots_{name}_change", args=[getattr(person, name).pk]))

    assert page(alice).status_code == 200
    assert page(bob).status_code == 302
    assert "bob" not in page(alice).content.decode()


def test_staff_do_not_manage_people(staff):
    assert staff.get(reverse("admin:bots_user_changelist")).status_code == 403


@pytest.mark.parametrize("model", LEDGERS)
def test_ledgers_are_read_only_for_everybody(root, alice, model):
    assert root.get(reverse(f"admin:bots_{model}_add")).status_code == 403
    if model == "order":
        change = root.post(reverse("admin:bots_order_change", args=[alice.order.pk]), {"state": "open"})
        assert change.status_code == 403
        assert root.post(reverse("admin:bots_order_delete", args=[alice.order.pk]), {"post": "yes"}).status_code == 403
        assert Order.objects.get(pk=alice.order.pk).state == "filled"


def form_of(client: Client, address: str) -> dict[str, object]:
    """What the browser would send back unchanged."""
    answer = client.get(address)
    form = answer.context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    for formset in answer.context["inline_admin_formsets"]:
        for name, field in formset.formset.management_form.fields.items():
            data[f"{formset.formset.prefix}-{name}"] = field.initial or formset.formset.management_form[name].value()
    data = {name: "" if value is None else value for name, value in data.items()}
    for name, value in data.items():
        if name == "instruments":
            data[name] = [getattr(row, "pk", row) for row in value]
    # Fields with a computed default carry what they began with in a hidden twin.
    data |= {f"initial-{name}": data[name] for name, field in form.fields.items() if field.show_hidden_initial}
    return {name: value for name, value in data.items() if value is not False}


def test_a_bot_is_added_with_its_owner_filled_in(staff, alice, bob, btc):
    address = reverse("admin:bots_bot_add")
    body = staff.get(address).content.decode()
    assert f'value="{bob.account.pk}"' not in body.split('id="id_account"')[1].split("</select>")[0]
    data = form_of(staff, address) | {"name": "made here", "account": alice.account.pk, "instruments": [btc.pk]}
    answer = staff.post(address, data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Bot.objects.get(name="made here").owner == alice.user
    theirs = staff.post(address, data | {"name": "stolen", "account": bob.account.pk})
    assert theirs.context["adminform"].form.errors.keys() == {"account"}


def test_an_edit_counts_up_the_version_and_is_audited(staff, alice):
    address = reverse("admin:bots_bot_change", args=[alice.bot.pk])
    assert staff.post(address, form_of(staff, address) | {"stop_loss": "0.05"}).status_code == 302
    alice.bot.refresh_from_db()
    assert alice.bot.version == 2
    assert AuditEntry.objects.get(action="bot.edit").detail["fields"] == ["stop_loss"]
    assert staff.post(address, form_of(staff, address)).status_code == 302
    alice.bot.refresh_from_db()
    assert alice.bot.version == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stop_loss", "2"), ("minimum_confidence", "9"), ("interval_s", "0"), ("component_weights", '{"luck": 1}'),
        ("timeframes", "[]"), ("disabled_strategies", '["luck"]'), ("disabled_strategies", '{"trend": 1}'),
        ("regime_timeframes", '{"7m": 1}'), ("maximum_volatility", "0.1"), ("maximum_volatility", "nan"), ("maximum_position_value", "99999999"), ("capital", "-5"), ("capital", ""),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_errors_at_their_field(staff, alice, field, value):
    address = reverse("admin:bots_bot_change", args=[alice.bot.pk])
    answer = staff.post(address, form_of(staff, address) | {field: value})
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    alice.bot.refresh_from_db()
    assert alice.bot.version == 1


def test_a_bots_figures_are_shown_as_a_person_writes_them(staff, alice):
    Bot.objects.filter(pk=alice.bot.pk).update(capital=30_000, stop_loss="0.020000")
    alice.bot.refresh_from_db()
    form = staff.get(reverse("admin:bots_bot_change", args=[alice.bot.pk])).context["adminform"].form
    assert (str(form["capital"].value()), str(form["stop_loss"].value())) == ("30000", "0.02")
    assert 'value="30000"' in str(form["capital"])
    assert form["component_weights"].value().startswith('{\n  "technical": ')
    assert (form["interval_s"].label, form["capital"].label) == ("Interval (seconds)", "Capital (quote asset)")


def test_the_edge_gate_is_off_until_it_is_switched_on(staff, alice):
    address = reverse("admin:bots_bot_change", args=[alice.bot.pk])
    assert not alice.bot.edge_gate
    assert staff.post(address, form_of(staff, address) | {"edge_gate": "on"}).status_code == 302
    alice.bot.refresh_from_db()
    assert alice.bot.edge_gate
    assert alice.api.get(f"/api/v1/bots/{alice.bot.pk}").data["edge_gate"] is True


def test_a_watchlist_lies_on_the_accounts_exchange(staff, alice):
    from marketdata.models import Exchange
    from tests.integration.web.cast import make_instrument

    elsewhere = make_instrument(Exchange.objects.create(code="other", name="Other", adapter="binance"), "BTC")
    address = reverse("admin:bots_bot_change", args=[alice.bot.pk])
    answer = staff.post(address, form_of(staff, address) | {"instruments": [elsewhere.pk]})
    assert "is not on Simulated" in answer.context["adminform"].form.errors["instruments"][0]


def act(client: Client, model: str, action: str, *rows) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(f"admin:bots_{model}_changelist"), data, follow=True).content.decode()


def test_actions_act_on_each_bot_and_say_what_came_of_it(staff, alice, bob):
    assert escape("Alice's bot is started") in act(staff, "bot", "start", alice.bot)
    assert escape("Alice's bot is running already.") in act(staff, "bot", "start", alice.bot)
    act(staff, "bot", "pause", alice.bot)
    act(staff, "bot", "resume", alice.bot)
    act(staff, "bot", "stop", alice.bot)
    act(staff, "bot", "start", bob.bot)
    assert list(Bot.objects.order_by("pk").values_list("state", flat=True)) == ["stopped", "stopped"]
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == [
        "bot.start", "bot.pause", "bot.resume", "bot.stop",
    ]  # fmt: skip


@pytest.mark.parametrize("model", ["account", "bot"])
def test_every_field_to_fill_in_is_explained(root, model):
    fields = root.get(reverse(f"admin:bots_{model}_add")).context["adminform"].form.fields
    assert [name for name, field in fields.items() if not field.help_text] == []


def test_accounts_open_with_their_books_and_are_restricted_by_actions(staff, alice, venue):
    address = reverse("admin:bots_account_add")
    data = form_of(staff, address) | {"name": "second", "exchange": venue.pk, "opening_cash": "500"}
    answer = staff.post(address, data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    made = Account.objects.get(name="second")
    assert made.owner == alice.user
    assert Balance.objects.get(account=made).total == 500
    act(staff, "account", "exits_only", made)
    made.refresh_from_db()
    assert (made.ladder, made.ladder_reason) == ("reduce", "alice in the admin")
    act(staff, "account", "allow", made)
    made.refresh_from_db()
    assert made.ladder == "active"


def test_the_list_of_bots_costs_the_same_for_two_and_for_ten(root, alice, btc, django_assert_max_num_queries):
    address = reverse("admin:bots_bot_changelist")
    with django_assert_max_num_queries(30) as few:
        assert "+13.50 USDT" in root.get(address).content.decode()
    for number in range(8):
        Bot.objects.create(owner=alice.user, account=alice.account, name=f"bot {number}").instruments.add(btc)
    with django_assert_max_num_queries(len(few)):
        root.get(address)


def test_a_bot_that_holds_something_stays_on_its_account(staff, alice, venue):
    other = Account.objects.create(owner=alice.user, name="other", exchange=venue)
    address = reverse("admin:bots_bot_change", args=[alice.bot.pk])
    answer = staff.post(address, form_of(staff, address) | {"account": other.pk})
    assert "holds open positions" in answer.context["adminform"].form.errors["account"][0]
    type(alice.position).objects.filter(closed_at=None).update(closed_at=timezone.now(), quantity=0)
    Order.objects.update(state="open", filled_at=None)
    answer = staff.post(address, form_of(staff, address) | {"account": other.pk})
    assert "have not ended" in answer.context["adminform"].form.errors["account"][0]
    Order.objects.update(state="filled")
    assert staff.post(address, form_of(staff, address) | {"account": other.pk}).status_code == 302

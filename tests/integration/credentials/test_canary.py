"""A key that is easy to find is given through every door, and then looked for everywhere: it is nowhere."""

import io
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as site
from django.contrib.admin import site as admin_site
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from bots.credentials.keys import keyring
from bots.credentials.venue_account import venue_account
from bots.models import Account, AccountCredentials, Bot, Mode
from bots.operations.check_credentials import check_credentials
from marketdata.models import Environment
from tests.integration.credentials.cast import AWAY, CANARY, SECRETS, make_account, make_exchange
from tradingsite.logs import logging_config

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "django.contrib.auth.backends.ModelBackend"
TYPED = {"api_key": f"{CANARY}key", "secret": f"{CANARY}secret", "password": f"{CANARY}password"}


@pytest.fixture
def browser(alice) -> Client:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = Client(raise_request_exception=False)
    client.force_login(alice, BACKEND)
    return client


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Everything that is logged, of every library, at DEBUG, as both of our formatters write it."""
    written = io.StringIO()
    formatters = logging_config(level="DEBUG", folder=None)["formatters"]
    handlers = []
    for spec in formatters.values():
        handler = logging.StreamHandler(written)
        handler.setFormatter(spec["()"](**{name: value for name, value in spec.items() if name != "()"}))
        handlers.append(handler)
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    for handler in handlers:
        root.addHandler(handler)
    yield written
    root.setLevel(before)
    for handler in handlers:
        root.removeHandler(handler)


def admin_form(account_name: str, exchange_id: int, owner_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": account_name, "owner": owner_id, "mode": "live", "exchange": exchange_id, "quote_asset": "USDT",
        "opening_cash": "10000", "maker_fee_bps": "10", "taker_fee_bps": "10", "latency_ms": "50",
        "daily_loss_limit": "0.03", "maximum_drawdown": "0.1", **TYPED, **changes,
    }  # fmt: skip


def every_page(account: Account, bot: Bot) -> list[str]:
    change = [reverse("admin:bots_account_change", args=[account.pk]), reverse("admin:bots_bot_change", args=[bot.pk])]
    lists = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin_site._registry
    ]
    acts = [reverse(f"admin:account_{name}", args=[account.pk]) for name in ("check_key", "remove_key", "go_live")]
    history = [reverse("admin:bots_account_history", args=[account.pk])]
    pages = ["/", "/trades/", "/feeds/", "/evidence/", "/admin/", "/metrics", "/readyz"]
    rest = [
        f"/api/v1/{name}"
        for name in ("accounts", f"accounts/{account.pk}", "bots", f"bots/{bot.pk}", f"bots/{bot.pk}/preflight",
                     "killswitch", "live/snapshot", "health", "version")
    ]  # fmt: skip
    return [*change, *lists, *acts, *history, *pages, *rest, "/api/schema/"]


def database_dump() -> str:
    """Every row of every table as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        text = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text += [row[0] for row in cursor.fetchall()]
    return "\n".join(text)


def redis_dump() -> str:
    with redis.Redis.from_url(site.REDIS_URL) as server:
        text = []
        for key in server.scan_iter():
            try:
                text.append(f"{key!r} {server.dump(key)!r}")
            except redis.RedisError:
                text.append(repr(key))
    return "\n".join(text)


def test_given_through_every_door_it_is_found_nowhere(browser, alice, broker, logs):
    exchange = make_exchange(Environment.LIVE)
    add = reverse("admin:bots_account_add")
    answers = [
        browser.post(add, admin_form("Broken", exchange.pk, alice.pk, maker_fee_bps="many")),
        browser.post(add, admin_form("On paper", exchange.pk, alice.pk, mode="paper")),
        browser.post(add, admin_form("By hand", exchange.pk, alice.pk), follow=True),
    ]
    account = Account.objects.get(name="By hand")
    assert venue_account(account).secret == SECRETS.secret
    bot = Bot.objects.create(owner=alice, account=account, name="Follower")
    settings = {"name": "By REST", "exchange": exchange.code, "mode": "live", "credentials": TYPED}
    keys = f"/api/v1/accounts/{account.pk}/credentials"
    answers += [
        browser.post("/api/v1/accounts", settings, "application/json"),
        browser.post("/api/v1/accounts", settings | {"mode": "paper"}, "application/json"),
        browser.post("/api/v1/accounts", settings | {"credentials": TYPED | {"secret": [CANARY]}}, "application/json"),
        browser.put(keys, TYPED, "application/json"),
        browser.put(keys, TYPED | {"api_key": f"{CANARY}\x01"}, "application/json"),
        browser.put(keys, TYPED | {"secret": CANARY * 1000}, "application/json"),
        browser.put(keys, f'{{"api_key": "{CANARY}" "secret"', "application/json"),
        browser.post(f"{keys}/check", {}, "application/json"),
        browser.post(f"/api/v1/bots/{bot.pk}/preflight", {}, "application/json"),
        browser.post(f"/api/v1/bots/{bot.pk}/start", {}, "application/json"),
        browser.post(reverse("admin:bots_account_change", args=[account.pk]), TYPED | {"name": ""}),
        browser.post(
            reverse("admin:bots_account_change", args=[account.pk]),
            {"name": "By hand", "maker_fee_bps": "9", "taker_fee_bps": "9", "daily_loss_limit": "0.03",
             "maximum_drawdown": "0.1", "balances-TOTAL_FORMS": 0, "balances-INITIAL_FORMS": 0, **TYPED},
            follow=True,
        ),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [
        200, 200, 200, 201, 400, 400, 200, 400, 400, 400, 200, 200, 409, 200, 200,
    ]  # fmt: skip
    broker.told_scope = AWAY
    check_credentials(account_id=account.pk, actor=alice, now=timezone.now())
    pages = {page: browser.get(page) for page in every_page(account, bot)}
    assert {page: answer.status_code for page, answer in pages.items() if answer.status_code != 200} == {}
    said = [answer.content.decode() for answer in (*answers, *pages.values())]
    places = {
        "answers": "\n".join(said),
        "database": database_dump(),
        "redis": redis_dump(),
        "logs": logs.getvalue(),
        "reprs": repr([venue_account(account), AccountCredentials.objects.get(account=account), broker.asked_with]),
    }
    assert {name for name, text in places.items() if CANARY in text} == set()
    assert "By REST" in places["database"]
    assert "preflight.run" in places["logs"]
    first = keyring().keys[0]
    assert {name for name, text in places.items() if first in text} == set()


def failing_door(browser: Client, account: Account, door: str) -> Any:
    if door == "admin add":
        form = admin_form("Other", account.exchange_id, account.owner_id)
        return browser.post(reverse("admin:bots_account_add"), form)
    if door == "admin change":
        form = admin_form(account.name, account.exchange_id, account.owner_id)
        form |= {"balances-TOTAL_FORMS": 0, "balances-INITIAL_FORMS": 0}
        return browser.post(reverse("admin:bots_account_change", args=[account.pk]), form)
    if door == "rest add":
        settings = {"name": "Other", "exchange": account.exchange.code, "mode": "live", "credentials": TYPED}
        return browser.post("/api/v1/accounts", settings, "application/json")
    return browser.put(f"/api/v1/accounts/{account.pk}/credentials", TYPED, "application/json")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("door", ["admin add", "admin change", "rest add", "rest put"])
@pytest.mark.parametrize("place", ["msgspec.json.encode", "bots.operations.account_rules._with_lines"])
def test_an_error_page_and_its_log_show_nothing(browser, alice, logs, monkeypatch, settings, debug, door, place):
    """A fault of ours in the middle of it, with the key in everybody's variables."""
    account = make_account(alice)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(place, fail)
    settings.DEBUG = debug
    answer = failing_door(browser, account, door)
    assert answer.status_code == 500
    assert ("a fault of ours" in answer.content.decode()) == debug
    assert CANARY not in answer.content.decode()
    assert "a fault of ours" in logs.getvalue()
    assert CANARY not in logs.getvalue()


def test_secrets_in_anybodys_variables_print_as_nothing(rf: RequestFactory, alice):
    account = make_account(alice, mode=Mode.SANDBOX)
    secrets, at = SECRETS, venue_account(account)
    try:
        raise RuntimeError("elsewhere")
    except RuntimeError as error:
        html = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__).get_traceback_html()
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "secrets" in html
    assert "at = VenueAccount" in text
    assert at.secret == secrets.secret
    assert CANARY not in html + text

"""Nobody sees or touches what is somebody else's: every address, two people."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from bots.models import Account, Bot

pytestmark = pytest.mark.django_db

# Every address below /api/ and every page: with an id in it, tried with Bob's by Alice and 404; without one, hers only.
WITH_ID = {
    "api/v1/accounts/<int:pk>": ("get",),
    "api/v1/accounts/<int:pk>/credentials": ("put", "delete"),
    "api/v1/accounts/<int:pk>/credentials/check": ("post",),
    "api/v1/accounts/<int:pk>/go-live": ("post",),
    "api/v1/bots/<int:bot_id>/preflight": ("get", "post"),
    "api/v1/bots/<int:pk>": ("get", "patch", "delete"),
    "api/v1/bots/<int:bot_id>/start": ("post",),
    "api/v1/bots/<int:bot_id>/pause": ("post",),
    "api/v1/bots/<int:bot_id>/resume": ("post",),
    "api/v1/bots/<int:bot_id>/clear": ("post",),
    "api/v1/bots/<int:bot_id>/stop": ("post",),
    "api/v1/bots/<int:bot_id>/signals": ("get",),
    "api/v1/bots/<int:bot_id>/decisions": ("get",),
    "api/v1/bots/<int:bot_id>/performance": ("get",),
    "api/v1/bots/<int:bot_id>/equity": ("get",),
    "api/v1/decisions/<uuid:pk>": ("get",),
    "api/v1/orders/<uuid:pk>": ("get",),
    "api/v1/orders/by-client-id/<slug:client_order_id>": ("get",),
    "api/v1/positions/<int:pk>": ("get", "patch"),
    "api/v1/positions/<int:pk>/close": ("post",),
    "orders/<uuid:order_id>/": ("get",),
    "decisions/<uuid:decision_id>/": ("get",),
}
OWN_LISTS = {
    "api/v1/accounts", "api/v1/bots", "api/v1/signals", "api/v1/decisions", "api/v1/orders", "api/v1/positions", "api/v1/trades",
    "api/v1/trades.csv", "api/v1/performance", "api/v1/equity", "api/v1/live/snapshot", "api/v1/killswitch",
    "api/v1/portfolio", "api/v1/portfolio/history", "api/v1/audit", "api/trading/positions", "api/trading/performance", "trades/", "", "api/v1/evidence", "evidence/",
}  # fmt: skip
ACTS = {
    "api/trading/start",
    "api/trading/stop",
    "api/v1/auth/token",
    "api/v1/models/train",
    "api/v1/evidence/recompute",
}
SAME_FOR_ALL = {"api/v1/version", "api/v1/health", "api/v1/candles", "api/v1/symbols", "api/v1/market", "api/v1/feeds",
                "api/schema/", "api/docs/", "feeds/", "api/v1/models", "api/v1/models/runs"}  # fmt: skip
OPEN = {"api/v1/ping", "livez", "readyz", "login/", "logout/"}
# For machines: not by who somebody is, but by where from (test_metrics.py).
FOR_MACHINES = {"metrics"}


def addresses(resolver=None, prefix="") -> set[str]:
    found = set()
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            found.add(route)
    return {route for route in found if not route.startswith(("admin/", "static", "^"))}


def of(person, route: str) -> str:
    """The address with the person's ids in it."""
    ids = {
        "api/v1/accounts/<int:pk>": person.account.pk,
        "api/v1/bots/<int:pk>": person.bot.pk,
        "api/v1/decisions/": person.decision.pk,
        "decisions/": person.decision.pk,
        "api/v1/orders/by-client-id": person.order.client_order_id,
        "api/v1/orders/": person.order.pk,
        "orders/": person.order.pk,
        "api/v1/positions/": person.position.pk,
        "api/v1/bots/<int:bot_id>": person.bot.pk,
    }
    value = next(value for start, value in ids.items() if route.startswith(start))
    begin, end = route.index("<"), route.index(">")
    return f"/{route[:begin]}{value}{route[end + 1 :]}"


def test_every_address_is_listed_here():
    listed = set(WITH_ID) | OWN_LISTS | ACTS | SAME_FOR_ALL | OPEN | FOR_MACHINES
    # The quant API answers questions about markets, not about people; one model is the same for all, and staff's to move.
    ours = {route for route in addresses() if "quant" not in route and route != "signals"}
    assert {route for route in ours if not route.startswith(("api/v1/models/<", "api/v1/models/runs/<"))} == listed


@pytest.mark.parametrize(
    ("route", "method"), [(route, method) for route, methods in WITH_ID.items() for method in methods]
)
def test_ids_of_others_are_unknown(alice, bob, route, method):
    theirs = getattr(alice.api, method)(of(bob, route), {}, headers={"If-Match": "*"})
    assert theirs.status_code == 404
    if method == "get":
        assert alice.api.get(of(alice, route)).status_code == 200
    bob.bot.refresh_from_db()
    bob.position.refresh_from_db()
    assert (bob.bot.state, bob.bot.version, bob.position.close_requested_at) == ("stopped", 1, None)


@pytest.mark.parametrize("route", sorted(OWN_LISTS))
def test_lists_hold_own_rows_only(alice, bob, route):
    body = alice.api.get(f"/{route}").content.decode()
    assert "bob" not in body
    for row in (bob.order, bob.decision, bob.fill):
        assert str(row.pk) not in body


@pytest.mark.parametrize("route", sorted(OWN_LISTS | SAME_FOR_ALL | ACTS))
def test_strangers_are_let_in_nowhere(nobody, route):
    method = nobody.post if route in ACTS else nobody.get
    answer = method(f"/{route}")
    assert answer.status_code in (401, 403) if route.startswith("api/") else answer.status_code == 302


def test_filtering_by_somebody_elses_bot_finds_nothing(alice, bob):
    assert alice.api.get("/api/v1/orders", {"bot": bob.bot.pk}).json()["results"] == []


def test_a_bot_cannot_be_made_on_somebody_elses_account(alice, bob, btc):
    settings = {"account": bob.account.pk, "name": "thief", "symbols": [btc.symbol]}
    for address in ("/api/v1/bots", "/api/trading/start"):
        answer = alice.api.post(address, settings)
        assert answer.status_code == 400
        assert "account" in answer.json()["errors"]
    assert not Bot.objects.filter(name="thief").exists()


def test_only_staff_restrict_the_installation(alice, bob):
    step = {"ladder": "flatten", "reason": "mine now", "scope": "installation"}
    assert alice.api.put("/api/v1/killswitch", step).status_code == 403
    assert (
        alice.api.put("/api/v1/killswitch", step | {"scope": "account", "account": bob.account.pk}).status_code == 404
    )
    assert set(Account.objects.values_list("ladder", flat=True)) == {"active"}

"""Pages: signing in, and what each shows."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_signing_in_leads_to_the_live_page(alice):
    from tests.integration.web.cast import PASSWORD

    client = Client()
    assert client.get("/").headers["Location"] == "/login/?next=/"
    wrong = client.post("/login/", {"username": "alice", "password": "wrong"})
    assert (wrong.status_code, "password" in wrong.content.decode()) == (200, True)
    assert client.post("/login/", {"username": "alice", "password": PASSWORD}).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.post("/logout/").status_code == 302
    assert client.get("/").status_code == 302


def test_guessing_locks_out_the_guesser_and_not_the_owner(alice, settings):
    from tests.integration.web.cast import PASSWORD

    guesser, owner = Client(REMOTE_ADDR="10.0.0.1"), Client(REMOTE_ADDR="10.0.0.2")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        guesser.post("/login/", {"username": "alice", "password": "guess"}, headers={"X-Forwarded-For": "10.0.0.2"})
    locked = guesser.post("/login/", {"username": "alice", "password": PASSWORD})
    assert locked.status_code == 429
    assert owner.post("/login/", {"username": "alice", "password": PASSWORD}).status_code == 302


def test_the_live_page_begins_with_own_bots(alice, bob):
    body = alice.api.get("/").content.decode()
    (text,) = re.findall(r'<script id="bootstrap" type="application/json">(.*?)</script>', body)
    boot = json.loads(text)
    assert [bot["id"] for bot in boot["bots"]] == [alice.bot.pk]
    assert (boot["ws_url"], boot["paper"]) == (f"/ws/trading/{alice.user.pk}", True)
    assert (boot["bots"][0]["symbols"], boot["bots"][0]["exchange"]) == (["BTC/USDT"], "simulated")


def test_the_page_of_an_order_tells_the_decision_behind_it(alice):
    body = alice.api.get(reverse("order", args=[alice.order.pk])).content.decode()
    for words in ("Technical says buy", "They agree", "sending", alice.order.client_order_id, "100"):
        assert words in body
    assert "Technical says buy" in alice.api.get(reverse("decision", args=[alice.decision.pk])).content.decode()


def test_trades_and_feeds(alice, feed):
    assert "3.50" in alice.api.get("/trades/").content.decode()
    assert "BTC/USDT" in alice.api.get("/feeds/").content.decode()


def test_pages_allow_nothing_from_elsewhere(alice):
    policy = alice.api.get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy

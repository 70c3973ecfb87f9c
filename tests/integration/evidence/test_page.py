"""The evidence page: what it says with nothing, with little and with enough, and to whom."""

import re

import pytest
from django.utils import timezone

from bots.queries.evidence import blend_specs
from marketdata.models import Subscription
from quant.evidence.compute import compute_evidence
from quant.models import EvidenceRow, VolatilityFit
from tests.integration.evidence.synthetic import store_samples
from tests.unit.quant.evidence.cast import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]


def page(person, **query) -> str:
    answer = person.api.get("/evidence/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def follow(venue):
    Subscription.objects.create(exchange=venue, symbol="BTC/USDT", follower="bot:1")


@pytest.fixture
def weighed(follow, alice, bob):
    store_samples(symbol="BTC/USDT", minutes=5000)
    compute_evidence(now_ns=NOON, days=30, specs=blend_specs())


def test_without_bots_it_says_how_evidence_comes_to_be(alice):
    assert "Start a bot" in text_of(page(alice))


def test_before_the_first_sample_it_says_how_long_it_takes(alice, follow):
    text = text_of(page(alice))
    assert "No minute of BTC/USDT has been kept yet." in text
    assert re.search(r"1 h 33 d 131 d", text)


def test_samples_that_are_not_weighed_yet_are_counted(alice, follow):
    store_samples(symbol="BTC/USDT", minutes=37)
    assert "37 minutes of BTC/USDT kept since" in text_of(page(alice))


def test_what_knows_something_and_what_does_not(alice, weighed):
    html = page(alice, horizon="60", instrument="simulated:BTC/USDT")
    text = text_of(html)
    assert re.search(r"Speed ✓ supports \+0\.\d{3} \+\d+\.\d", text)
    assert re.search(r"Options flow … insufficient evidence 0 pairs of signal and return, needs 20", text)
    assert "alice&#x27;s bot" in html
    assert "bob" not in text
    speed = EvidenceRow.objects.get(component="speed", horizon_s=60, regime="")
    assert f"{speed.n_eff:,.0f} / {speed.needed:,.0f}" in text
    assert html.count("<svg") >= 14
    assert 'style="' not in html
    order = [text.index(name) for name in ("Default blend", "Technical 1m ", "Speed ", "Microstructure ", "Model ")]
    assert order == sorted(order)


def test_weights_by_evidence_and_the_night_are_told(alice, weighed):
    VolatilityFit.objects.create(
        exchange="simulated", symbol="BTC/USDT", tried_at=timezone.now(), reason="the returns never change",
        variance_ratio=1.02, variance_ratio_z=0.4, parameters={"mu": 0.0, "omega": 0.01, "alpha": 0.1, "beta": 0.8},
    )  # fmt: skip
    text = text_of(page(alice, horizon="60", instrument="simulated:BTC/USDT"))
    before, after = (float(share) for share in re.search(r"Speed (15\.0) % ([\d.]+) %", text).groups())
    assert after > before
    assert "1.02 over 5 minutes, z +0.4: no different from a random walk." in text
    assert "alpha 0.100, beta 0.800: a shock halves in 7 min" in text
    assert "The returns never change." in text


def test_what_is_insufficient_says_how_long_to_wait(alice, weighed):
    text = text_of(page(alice, horizon="14400"))
    assert re.search(r"Needs [\d,]+ d of samples, the window holds 30 d\.", text)
    EvidenceRow.objects.filter(component="sentiment", horizon_s=3600, regime="").update(
        verdict="insufficient", n=100, n_eff=100.0, needed=200.0
    )
    assert re.search(r"Sentiment … insufficient evidence.*?About 17 h to go\.", text_of(page(alice, horizon="3600")))


@pytest.mark.parametrize(
    "query", [{"horizon": "7"}, {"horizon": "x"}, {"instrument": "nowhere:NOPE"}, {"instrument": "x"}]
)
def test_what_is_not_there_shows_what_is(alice, weighed, query):
    text = text_of(page(alice, **query))
    assert "BTC/USDT, next 1 h" in text


def test_the_number_of_queries_does_not_grow(alice, weighed, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page(alice)


def test_only_staff_see_the_button_and_only_people_the_page(alice, follow, nobody):
    assert "Compute now" not in page(alice)
    alice.user.is_staff = True
    alice.user.save()
    assert "Compute now" in page(alice)
    assert nobody.get("/evidence/").status_code == 302

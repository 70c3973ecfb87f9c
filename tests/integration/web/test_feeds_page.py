"""The feeds page: every state in words, nothing of a venue's unescaped."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from marketdata.feed.presence import host_and_pid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
EVIL = '<script>alert("x")</script>'


def page(alice, **query) -> str:
    answer = alice.api.get("/feeds/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def lead(venue) -> None:
    from marketdata.models import FeedLease

    FeedLease.objects.update_or_create(
        exchange=venue,
        defaults={"holder": "vm:4312:abcd", "epoch": 1, "expires_at": timezone.now() + timedelta(seconds=6)},
    )


def event(venue, kind: str, message: str, symbol: str = "") -> None:
    from marketdata.models import FeedEvent

    FeedEvent.objects.create(exchange=venue, kind=kind, message=message, symbol=symbol, at=timezone.now())


def test_a_live_symbol_with_its_leader(alice, venue, feed):
    lead(venue)
    text = text_of(page(alice))
    assert "1 of 1 live" in text
    assert "vm:4312" in text
    assert "abcd" not in text
    assert "SIMULATED" in text


def test_a_feed_that_no_longer_writes_is_not_shown_as_live(alice, venue, feed):
    from marketdata.models import FeedStatus

    FeedStatus.objects.update(updated_at=timezone.now() - timedelta(minutes=1))
    text = text_of(page(alice))
    assert "nobody" in text
    assert "1 of 1 live" not in text
    assert text.count("not running") >= 2
    assert "start `manage.py runfeed`" in text


@pytest.mark.parametrize(
    ("state", "name", "advice"),
    [
        ("stale", "stale", "Nothing is traded on it"),
        ("fallback", "REST fallback", "the socket takes over again"),
        ("failed", "failed", "status page"),
        ("closed", "market closed", "when the market opens"),
        ("refused", "refused by the venue", "choose another symbol"),
        ("resyncing", "resyncing", "built anew"),
        ("disconnected", "disconnected", "tries again by itself"),
    ],
)
def test_every_state_says_why_and_what_to_do(alice, venue, feed, state, name, advice):
    lead(venue)
    feed.state, feed.reason = state, "because of a drill"
    feed.save()
    text = text_of(page(alice))
    assert name in text
    assert "Because of a drill." in text
    assert advice in text


def test_a_venue_that_does_not_let_us_in_says_so(alice, venue, feed):
    from django.core.cache import cache

    from marketdata.feed import presence

    lead(venue)
    leader = presence.Leader(holder="vm:4312:abcd", clock_offset_ms=-3.2, denied="the token has expired")
    cache.set(presence._leader_key("simulated"), presence._encode(leader), 10)
    text = text_of(page(alice))
    assert "not allowed" in text
    assert "the token has expired. Check the key or token" in text
    assert "\N{MINUS SIGN}3 ms" in text


def test_what_a_former_leader_told_is_not_shown(alice, venue, feed):
    from django.core.cache import cache

    from marketdata.feed import presence

    lead(venue)
    leader = presence.Leader(holder="vm:1:gone", denied="the token has expired")
    cache.set(presence._leader_key("simulated"), presence._encode(leader), 10)
    assert "expired" not in page(alice)


def test_a_venue_that_never_told_what_it_lists_is_not_idle(alice):
    from marketdata.models import Exchange

    lead(Exchange.objects.create(code="kraken", name="Kraken", adapter="kraken", environment="live"))
    text = text_of(page(alice))
    assert "no listings" in text
    assert "The venue has not told what it lists" in text
    assert "idle" not in text


def test_symbols_that_wait_for_a_venue_are_not_idle(alice, venue):
    from marketdata.operations import follow

    lead(venue)
    assert "idle" in text_of(page(alice))
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    text = text_of(page(alice))
    assert "1 symbol waits. The venue has not told what it lists" in text


def test_one_trouble_of_many_symbols_is_told_once(alice, venue):
    from marketdata.models import FeedStatus

    lead(venue)
    for symbol in ("A/B", "C/D", "E/F"):
        FeedStatus.objects.create(
            exchange=venue, symbol=symbol, state="failed", reason="HTTP 503 instead of a WebSocket",
            updated_at=timezone.now(),
        )  # fmt: skip
    text = text_of(page(alice))
    assert text.count("HTTP 503 instead of a WebSocket. Tries go on.") == 1
    FeedStatus.objects.filter(symbol="A/B").update(reason="no data for 2.0 s")
    text = text_of(page(alice))
    assert text.count("HTTP 503 instead of a WebSocket") == 2
    assert text.count("No data for 2.0 s") == 1


def test_nothing_of_a_venue_is_markup(alice, venue, feed):
    from marketdata.models import FeedStatus, SlowSource

    lead(venue)
    feed.reason, feed.state = EVIL, "stale"
    feed.save()
    FeedStatus.objects.create(
        exchange=venue, symbol='"><img src=x>', state="unknown_symbol", reason=EVIL, updated_at=timezone.now()
    )
    SlowSource.objects.update_or_create(
        name="evil",
        defaults={
            "kind": "rss", "environment": "live", "enabled": True, "state": "refused", "reason": EVIL,
            "lease_expires_at": timezone.now() + timedelta(minutes=1),
        },
    )  # fmt: skip
    event(venue, "maintenance", EVIL, symbol='"><img src=x>')
    html = page(alice)
    assert "alert(" in html
    assert "<script>alert" not in html
    assert "<img" not in html


def test_events_are_chosen_by_exchange_and_kind(alice, venue):
    from marketdata.models import Exchange

    other = Exchange.objects.create(code="kraken", name="Kraken", adapter="kraken", environment="live")
    event(venue, "connected", "first")
    event(venue, "stale", "second")
    event(other, "stale", "third")

    def shown(**query) -> list[str]:
        return [word for word in ("first", "second", "third") if word in page(alice, part="1", **query)]

    assert shown() == ["first", "second", "third"]
    assert shown(kind="stale") == ["second", "third"]
    assert shown(exchange="kraken") == ["third"]
    assert shown(exchange="kraken", kind="connected") == []
    assert "Nothing of this kind happened" in page(alice, exchange="kraken", kind="connected")


def test_the_part_that_changes_has_no_page_around_it(alice, feed):
    part = page(alice, part="1")
    assert "<html" not in part
    assert ('id="venues"' in part, 'id="events"' in part) == (True, True)


def test_slow_sources_and_what_is_wrong_with_them(alice, venue):
    from marketdata.models import SlowSource

    SlowSource.objects.update(enabled=False)
    assert "None is enabled" in page(alice)
    now = timezone.now()
    SlowSource.objects.create(
        name="fear", kind="fear-greed", environment="simulated", state="unreachable", reason="unreachable: no route",
        lease_expires_at=now + timedelta(minutes=1), last_success_at=now - timedelta(hours=3),
    )  # fmt: skip
    text = text_of(page(alice))
    assert "Unreachable: no route. It is asked again by itself." in text
    SlowSource.objects.update(lease_expires_at=None)
    text = text_of(page(alice))
    assert "Nobody asks it now" in text
    assert "not asked" in text
    assert "3 h ago" in text
    assert "no route" not in text


def test_without_any_exchange_it_says_what_to_do(alice, venue):
    from marketdata.models import Exchange

    Exchange.objects.update(enabled=False)
    text = text_of(page(alice))
    assert "No exchange is enabled." in text
    assert "Not enabled: Simulated." in text


def test_redis_that_is_away_takes_only_its_part_with_it(alice, venue, feed, settings):
    lead(venue)
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert "1 of 1 live" in text_of(page(alice))


def test_the_page_costs_the_same_for_one_symbol_and_for_fifty(alice, venue, feed, django_assert_max_num_queries):
    from marketdata.models import FeedStatus

    now = timezone.now()
    FeedStatus.objects.bulk_create(
        FeedStatus(exchange=venue, symbol=f"S{number}/USDT", state="live", updated_at=now) for number in range(50)
    )
    with django_assert_max_num_queries(12):
        page(alice, part="1")


def test_rest_tells_the_same_with_advice(alice, venue, feed):
    feed.state, feed.reason = "stale", "no data for 3 s"
    feed.save()
    (row,) = alice.api.get("/api/v1/feeds").json()
    assert (row["state"], row["reason"], row["environment"], row["followers"]) == (
        "stale", "no data for 3 s", "simulated", 0,
    )  # fmt: skip
    assert row["advice"].startswith("Nothing is traded on it")


def test_a_holder_is_shown_without_its_secret_part():
    assert host_and_pid("vm:4312:abcd") == "vm:4312"

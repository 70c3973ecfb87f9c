"""A venue that cannot be reached when its feed starts."""

import pytest

from marketdata.feed.followed import explain_unknown
from marketdata.models import FeedEvent, FeedStatus
from tests.integration.marketdata.cast import afollow, eventually, running_feed, switch_fault

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_nobody_has_listed_yet_is_not_called_unknown():
    assert explain_unknown("BTC/USDT", "binance", []) == (
        "binance has not said yet what it lists, so BTC/USDT waits: see whether the venue can be reached."
    )


@pytest.mark.usefixtures("venue")
async def test_it_is_asked_again_and_then_every_symbol_is_judged_anew(market):
    switch_fault(market, "maintenance", seconds=60.0)
    try:
        await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
        await afollow(exchange="simulated", symbol="BTC/USD", follower="bot:1")
        async with running_feed():
            await eventually(lambda: FeedStatus.objects.filter(reason__contains="not said yet").count() == 2)
            told = await FeedEvent.objects.filter(kind="waiting", symbol="").afirst()
            assert "No list of instruments" in told.message
            assert "HTTP 503" in told.message
            switch_fault(market, "maintenance", on=False)
            await eventually(lambda: FeedStatus.objects.filter(symbol="BTC/USDT", state="live").exists())
            unknown = await FeedStatus.objects.aget(symbol="BTC/USD")
            assert "did you mean BTC/USDT" in unknown.reason
    finally:
        switch_fault(market, "maintenance", on=False)

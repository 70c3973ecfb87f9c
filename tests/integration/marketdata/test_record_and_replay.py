"""A session recorded by the feed, and the same session replayed in its place."""

import pytest
from asgiref.sync import sync_to_async

from marketdata.events import BookSnapshot, QuoteTick, TradeTick
from marketdata.feed.config import FeedConfigError, load_config
from marketdata.feed.replaying import ReplayOptions, check_replay
from marketdata.models import BarRow, Exchange
from tests.integration.marketdata.cast import add_venue, afollow, eventually, listening, running_feed
from tests.integration.marketdata.test_feed import is_state

pytestmark = pytest.mark.django_db(transaction=True)


def ticks(listener) -> list[tuple[object, ...]]:
    """What a consumer would trade on, without what differs between two runs."""
    found: list[tuple[object, ...]] = []
    for event in listener.events:
        if isinstance(event, QuoteTick):
            found.append(("quote", event.update_id, event.bid, event.bid_size, event.ask, event.ask_size))
        elif isinstance(event, TradeTick):
            found.append(("trade", event.trade_id, event.price, event.size, event.buyer_is_maker))
        elif isinstance(event, BookSnapshot):
            found.append(("book", event.update_id, event.bids, event.asks))
    return found


async def test_a_recorded_session_replays_to_the_same_ticks(market, tmp_path):
    await sync_to_async(add_venue)(market)
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    config = await sync_to_async(load_config)("simulated")
    async with listening() as live, running_feed(config, record=tmp_path):
        await live.until(is_state("live"))
        for _ in range(30):
            await live.until(lambda event: isinstance(event, QuoteTick))
    assert (tmp_path / "simulated" / "manifest.json").exists()

    await Exchange.objects.filter(code="simulated").aupdate(clock="stream", rest_url="http://127.0.0.1:9")
    await BarRow.objects.all().adelete()
    config = await sync_to_async(load_config)("simulated")
    options = ReplayOptions(path=tmp_path / "simulated", speed=0)
    check_replay(config, options, dry_run=False)
    async with listening() as again:
        async with running_feed(config, replay=options) as service:
            await eventually(lambda: service.is_over)
        await again.until(lambda event: getattr(event, "reason", "") == "the feed was stopped")
    recorded, replayed = ticks(live), ticks(again)
    assert len(recorded) > 30
    # What was published after the live feed was told to stop may be on the tape too.
    assert replayed[: len(recorded)] == recorded


async def test_a_recording_is_not_mistaken_for_the_market_of_now(market, tmp_path):
    await sync_to_async(add_venue)(market)
    config = await sync_to_async(load_config)("simulated")
    with pytest.raises(FeedConfigError, match="add --dry-run"):
        check_replay(config, ReplayOptions(path=tmp_path), dry_run=False)
    with pytest.raises(FeedConfigError, match="no recording at"):
        check_replay(config, ReplayOptions(path=tmp_path / "nothing"), dry_run=True)

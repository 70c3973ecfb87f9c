"""A quote's id far ahead of all others: what follows looks old, yet the symbol is not live on its last price."""

import pytest

from tests.integration.marketdata.feed_faults.cast import is_quote, is_state, live_feed

pytestmark = pytest.mark.usefixtures("venue")


async def test_quotes_behind_a_wrong_id_are_no_quotes(market):
    async with live_feed(market) as scene:
        await scene.until(is_quote)
        await scene.switch("wrong_id", symbol="BTCUSDT")
        stale = await scene.until(is_state("stale"))
        assert stale.reason == "the quotes stopped while the market moves"
        # The book goes on, and makes nothing live again.
        before = scene.stream.counts["in.delta"]
        await scene.until_true(lambda: scene.stream.counts["in.delta"] > before + 10)
        later = scene.listener.events[scene.listener.events.index(stale) :]
        assert not any(is_state("live")(event) for event in later)

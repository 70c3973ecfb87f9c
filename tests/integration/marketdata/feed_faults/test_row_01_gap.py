"""A missed, repeated, overtaken or damaged depth frame: the book begins anew and is the venue's again."""

import pytest

from tests.integration.marketdata.feed_faults.cast import books_between, is_book, is_state, live_feed

pytestmark = pytest.mark.usefixtures("venue")


@pytest.mark.parametrize("fault", ["skip_depth", "reorder_depth"])
async def test_a_hole_makes_the_book_begin_anew_and_shows_nothing_meanwhile(market, fault):
    async with live_feed(market) as scene:
        await scene.until(is_book)
        await scene.switch(fault, symbol="BTCUSDT")
        gap = await scene.until(is_state("resyncing"))
        assert "gap" in gap.reason
        await scene.until(is_state("live"))
        assert books_between(scene.listener.events, is_state("resyncing", reason="gap"), is_state("live")) == []
        assert scene.stream.gaps == 1
        await scene.book_is_the_venues()


async def test_what_comes_twice_changes_nothing(market):
    async with live_feed(market) as scene:
        before = scene.stream.counts["book.old"]
        await scene.switch("duplicate_depth", symbol="BTCUSDT", count=3)
        await scene.until_true(lambda: scene.stream.counts["book.old"] == before + 3)
        assert (scene.stream.state, scene.stream.gaps) == ("live", 0)
        await scene.book_is_the_venues()

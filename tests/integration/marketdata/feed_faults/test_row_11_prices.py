"""Prices that cannot be: not published, the symbol held, and live again with the next plausible one."""

import pytest

from marketdata.events import QuoteTick, TradeTick
from tests.integration.marketdata.feed_faults.cast import is_quote, is_state, is_trade, live_feed

pytestmark = pytest.mark.usefixtures("venue")


def is_plausible(event, price) -> bool:
    if isinstance(event, QuoteTick):
        return price / 2 < event.bid < event.ask < price * 2
    return not isinstance(event, TradeTick) or price / 2 < event.price < price * 2


@pytest.mark.parametrize(
    ("fault", "channel"),
    [
        ("crossed_quote", "bookTicker"),
        *(
            (fault, channel)
            for fault in ("zero_price", "spike_price", "nan_price")
            for channel in ("bookTicker", "trade")
        ),
    ],
)
async def test_it_is_rejected_and_the_symbol_held(market, fault, channel):
    async with live_feed(market) as scene:
        await scene.until(is_trade)
        price = (await scene.until(is_quote)).bid
        settings = {} if fault == "crossed_quote" else {"channel": channel}
        await scene.switch(fault, symbol="BTCUSDT", count=1, **settings)
        if fault == "nan_price":
            # No number at all: the frame is no frame of the venue's.
            await scene.until_true(lambda: scene.service.feed.counts["malformed"])
        else:
            held = await scene.until(is_state("stale"))
            assert "data from the venue" in held.reason
            await scene.until(is_state("live"))
        await scene.until(is_quote)
        assert all(is_plausible(event, price) for event in scene.listener.events)

"""The running feed of an exchange of CCXT Pro: what consumers hear, through database and Redis."""

import os
import signal
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from marketdata.events import Bar, BookSnapshot, FeedState, HistoryReady, QuoteTick, Ticker, TradeTick
from marketdata.models import Exchange, Instrument
from tests.integration.marketdata.cast import afollow, eventually, listening, running_feed, switch_fault
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator

SYMBOL = "BTC/USDT"
MINUTE_S = 60


@pytest_asyncio.fixture
async def ccxt_venue(venue: Exchange) -> Exchange:
    venue.adapter = "ccxt:binance"
    await sync_to_async(venue.save)()
    return venue


def is_a(kind: type):
    return lambda event: isinstance(event, kind)


def is_state(*states: str):
    return lambda event: isinstance(event, FeedState) and event.state in states


def is_minute(event):
    return isinstance(event, Bar) and event.timeframe == "1m"


@pytest.mark.slow
async def test_consumers_hear_everything(ccxt_venue: Exchange) -> None:
    await afollow(exchange="simulated", symbol=SYMBOL, follower="bot:1")
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        for kind in (QuoteTick, TradeTick, BookSnapshot, Ticker):
            await listener.until(is_a(kind))
        # Told once, be it before the first ticker.
        await listener.heard(is_a(HistoryReady))
        bar = await listener.heard(is_minute, timeout_s=MINUTE_S + PATIENCE_S)
        assert bar.low <= bar.close <= bar.high
        instrument = await eventually(Instrument.objects.filter(symbol=SYMBOL).first)
        assert (str(instrument.tick_size.normalize()), instrument.kind) == ("0.01", "spot")
        quote = [event for event in listener.events if isinstance(event, QuoteTick)][-1]
        assert quote.bid < quote.ask
        assert service.feed is not None
        assert service.feed.followed[SYMBOL].stream.gaps == 0


async def test_a_killed_child_is_told_and_prices_are_live_again(ccxt_venue: Exchange) -> None:
    await afollow(exchange="simulated", symbol=SYMBOL, follower="bot:1")
    async with listening() as listener, running_feed() as service:
        await listener.until(is_state("live"))
        adapter: Any = service.config.adapter
        (child,) = adapter._children.values()
        os.kill(child.pid, signal.SIGKILL)
        await listener.until(is_state("disconnected", "fallback", "stale"))
        await listener.until(is_state("live"))
        assert child.starts == 2


async def test_a_hole_in_the_book_is_resynced(ccxt_venue: Exchange, market: Simulator) -> None:
    await afollow(exchange="simulated", symbol=SYMBOL, follower="bot:1")
    async with listening() as listener, running_feed():
        await listener.until(is_state("live"))
        switch_fault(market, "skip_depth", symbol="BTCUSDT")
        state = await listener.until(is_state("resyncing"))
        assert "ChecksumError" in state.reason
        await listener.until(is_state("live"))

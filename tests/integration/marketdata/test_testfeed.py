"""`manage.py testfeed` over real sockets: what it tells, and how it ends."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from marketdata.events import Bar
from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.config import FeedConfigError, load_config
from marketdata.feed.price import Price
from marketdata.feed.trial import Summary, Verdict, try_feed
from marketdata.feed.trial_config import trial_config
from marketdata.models import FeedEvent, FeedLease, FeedStatus, Instrument
from tests.integration.marketdata.cast import switch_fault

pytestmark = pytest.mark.django_db(transaction=True)


class Notebook:
    """Hears a trial, and stops it once it has a price with which `enough` is content."""

    def __init__(self, enough=lambda price: False) -> None:
        self.stop = asyncio.Event()
        self.events: list[tuple[str, str]] = []
        self.prices: list[Price] = []
        self.bars: list[Bar] = []
        self._enough = enough

    def event(self, kind: str, message: str) -> None:
        self.events.append((kind, message))

    def price(self, price) -> None:
        self.prices.append(price)
        if self._enough(price):
            self.stop.set()

    def bar(self, bar) -> None:
        self.bars.append(bar)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]


async def trial(notebook: Notebook, *, symbol="BTC/USDT", duration_s=20.0, config=None) -> Summary:
    config = config or await sync_to_async(load_config)("simulated")
    return await try_feed(
        config, symbol=symbol, timeframe="1m", duration_s=duration_s, audience=notebook, stop=notebook.stop
    )


def nothing_was_written() -> bool:
    return not any(model.objects.exists() for model in (FeedEvent, FeedLease, FeedStatus, Instrument))


@pytest.mark.usefixtures("venue")
async def test_states_and_prices_are_told_and_nothing_is_written():
    notebook = Notebook(lambda price: price.state == "live" and price.last is not None)
    summary = await trial(notebook)
    assert (summary.verdict, summary.reason, summary.state) == (Verdict.FINE, "", "live")
    assert {"listings", "connected", "live"} <= set(notebook.kinds)
    assert summary.messages > 0
    assert summary.lag_p50_ms is not None
    assert summary.lag_p95_ms is not None
    assert summary.lag_p95_ms >= summary.lag_p50_ms
    newest = notebook.prices[-1]
    assert newest.bid is not None
    assert newest.ask is not None
    assert newest.bid < newest.ask
    assert await sync_to_async(nothing_was_written)()


@pytest.mark.usefixtures("venue")
async def test_an_unknown_symbol_names_those_alike():
    summary = await trial(Notebook(), symbol="BTC/USD")
    assert (summary.verdict, summary.messages) == (Verdict.UNKNOWN, 0)
    assert "did you mean BTC/USDT" in summary.reason


async def test_a_venue_that_cannot_be_reached_is_told_with_what_to_check(venue):
    venue.rest_url = "http://127.0.0.1:9"
    await venue.asave()
    summary = await trial(Notebook())
    assert summary.verdict is Verdict.NO_DATA
    assert "127.0.0.1:9" in summary.reason


async def test_a_socket_that_brings_nothing_is_told_by_its_reason(venue, market):
    venue.websocket_url = "ws://127.0.0.1:9"
    await venue.asave()
    notebook = Notebook()
    switch_fault(market, "slow_answer", channel="depth", milliseconds=20_000, seconds=10.0)
    try:
        summary = await trial(notebook, duration_s=1.0)
    finally:
        switch_fault(market, "slow_answer", on=False)
    assert summary.verdict is Verdict.NO_DATA
    assert "cannot connect" in summary.reason


@pytest.mark.usefixtures("venue")
async def test_a_venue_that_does_not_let_us_in(market):
    switch_fault(market, "refuse_connections", status=403, seconds=10.0)
    try:
        summary = await trial(Notebook())
    finally:
        switch_fault(market, "refuse_connections", on=False)
    assert summary.verdict is Verdict.NOT_ALLOWED
    assert "HTTP 403" in summary.reason


@pytest.mark.usefixtures("venue")
def test_an_unknown_exchange_names_those_alike():
    with pytest.raises(FeedConfigError, match="did you mean simulated"):
        trial_config("simulatd", environment="")
    with pytest.raises(FeedConfigError, match="did you mean kraken"):
        trial_config("krakne", environment="")
    with pytest.raises(UnknownAdapter):
        trial_config("ccxt:no-such-exchange", environment="live")


@pytest.mark.usefixtures("venue")
def test_an_adapter_needs_no_exchange_of_the_database():
    config = trial_config("kraken", environment="live")
    assert (config.exchange, config.environment, config.endpoints.rest_url) == (
        "kraken", "live", "https://api.kraken.com",
    )  # fmt: skip


def test_another_environment_leaves_the_rows_own_addresses(venue):
    config = trial_config("simulated", environment="live")
    assert venue.rest_url not in config.endpoints.rest_url
    venue.refresh_from_db()
    assert (venue.environment, bool(venue.rest_url)) == ("simulated", True)

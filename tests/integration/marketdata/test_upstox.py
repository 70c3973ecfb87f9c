"""The adapter for Upstox against the simulated venue, over real sockets."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from marketdata.bars import BarSet
from marketdata.events import Bar, QuoteTick, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    Notice,
    NoticeKind,
    Parser,
    UnknownSymbol,
    VenueEvent,
)
from marketdata.exchanges.upstox.rest import UpstoxRest
from marketdata.exchanges.upstox.venue import UpstoxAdapter
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

# A three-minute bar in three seconds.
FAST = ("--symbols", "BTC/USDT", "--upstox-bar-seconds", "3")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with running_simulator(*FAST) as running:
        yield running


@asynccontextmanager
async def reaching(exchange: Simulator) -> AsyncIterator[tuple[UpstoxAdapter, UpstoxRest]]:
    adapter = UpstoxAdapter()
    async with httpx.AsyncClient(timeout=30) as client:
        yield (
            adapter,
            adapter.rest(
                exchange="upstox",
                base_url=exchange.rest_url + adapter.simulated_path,
                client=client,
                clock_ns=time.time_ns,
            ),
        )


class Reader:
    """A socket with its parser."""

    def __init__(self, socket: ClientConnection, parser: Parser) -> None:
        self.socket = socket
        self.parser = parser

    async def next(self) -> Sequence[VenueEvent]:
        async with asyncio.timeout(PATIENCE_S):
            return self.parser.parse(await self.socket.recv(decode=False), ts_init=time.time_ns())


@asynccontextmanager
async def subscribed(adapter: UpstoxAdapter, rest: UpstoxRest, *symbols: str) -> AsyncIterator[Reader]:
    """A reader that has heard the market's status and asked for the symbols."""
    listings = {listing.symbol: listing for listing in await rest.listings()}
    keys = {listings[symbol].venue_symbol: symbol for symbol in symbols}
    url = await rest.socket_url("", route="")
    async with connect(url, compression=None) as socket:
        reader = Reader(socket, adapter.parser(exchange="upstox", symbols=keys, listings=listings))
        (notice,) = await reader.next()
        assert isinstance(notice, Notice)
        assert notice.kind is NoticeKind.MARKET_STATUS
        streams = [stream for key in keys for stream in adapter.streams(key)]
        await socket.send(adapter.subscribe(streams, request_id=1), text=not adapter.binary_requests)
        yield reader


async def test_subscribed_symbols_stream_quotes_books_and_prints(exchange):
    async with reaching(exchange) as (adapter, rest), subscribed(adapter, rest, "NIFTY/INR", "RELIANCE/INR") as reader:
        first = await reader.next()
        assert {type(event) for event in first} >= {QuoteTick, BookImage}
        assert not any(isinstance(event, TradeTick | Acknowledgement) for event in first)
        images = [event for event in first if isinstance(event, BookImage)]
        assert all(len(image.bids) == len(image.asks) == 5 and image.from_stream for image in images)
        assert all(image.bids[0][0] < image.asks[0][0] for image in images)
        seen = [event for _ in range(8) for event in await reader.next()]
        prints = [event for event in seen if isinstance(event, TradeTick)]
        assert {trade.symbol for trade in prints} == {"NIFTY/INR", "RELIANCE/INR"}
        nifty = [trade for trade in prints if trade.symbol == "NIFTY/INR"]
        assert [trade.trade_id for trade in nifty] == sorted({trade.trade_id for trade in nifty})
        assert all(23_000 < trade.price < 26_000 and trade.size >= 1 for trade in nifty)


async def test_unsubscribed_symbol_goes_quiet_while_the_other_goes_on(exchange):
    async with reaching(exchange) as (adapter, rest), subscribed(adapter, rest, "NIFTY/INR", "HDFCBANK/INR") as reader:
        await reader.next()
        await reader.socket.send(adapter.unsubscribe(adapter.streams("NSE_INDEX|Nifty 50"), request_id=2), text=False)
        async with asyncio.timeout(PATIENCE_S):
            while {event.symbol for event in await reader.next()} != {"HDFCBANK/INR"}:
                pass
        assert {event.symbol for _ in range(4) for event in await reader.next()} == {"HDFCBANK/INR"}


async def test_bars_of_the_stream_are_those_of_the_venue(exchange):
    """Three minutes last three seconds here, by the venue's own clock."""
    bars = BarSet(exchange="upstox", symbol="NIFTY/INR", timeframes=["3m"])
    built: list[Bar] = []
    async with reaching(exchange) as (adapter, rest):
        async with subscribed(adapter, rest, "NIFTY/INR") as reader:
            bars.resume()
            async with asyncio.timeout(PATIENCE_S):
                while len(built) < 2:
                    trades = [event for event in await reader.next() if isinstance(event, TradeTick)]
                    built += [bar for trade in trades for bar in bars.add(trade) if bar.timeframe == "3m"]
        history = await rest.bars("NSE_INDEX|Nifty 50", symbol="NIFTY/INR", timeframe="3m", limit=200)
    assert [bar.closed for bar in history[-200:-1]] == [True] * 199
    by_begin = {bar.ts_open: bar for bar in history}
    for bar in built:
        theirs = by_begin[bar.ts_open]
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
            theirs.open, theirs.high, theirs.low, theirs.close, theirs.volume,
        )  # fmt: skip
        assert 50_000 <= bar.volume <= 200_000
        assert bar.high - bar.low <= 40


async def test_two_days_of_history_and_the_last_quote(exchange):
    async with reaching(exchange) as (_, rest):
        minutes = await rest.bars("NSE_EQ|INE002A01018", symbol="RELIANCE/INR", timeframe="1m", limit=2_880)
        assert len(minutes) == 2_880
        assert {after.ts_open - before.ts_open for before, after in pairwise(minutes)} == {60 * 10**9}
        image = await rest.book("NSE_EQ|INE002A01018", symbol="RELIANCE/INR", limit=5)
        ticker = await rest.ticker("NSE_EQ|INE002A01018", symbol="RELIANCE/INR")
        assert image.bids[0][0] < image.asks[0][0]
        assert ticker.low <= ticker.last <= ticker.high
        assert abs(ticker.change) < 0.05
        assert abs(await rest.server_time_ns() - image.ts_event) < 10 * 60 * 10**9
        with pytest.raises(UnknownSymbol):
            await rest.book("NSE_EQ|NOPE", symbol="NOPE/INR", limit=5)


async def test_address_of_a_socket_works_once(exchange):
    async with reaching(exchange) as (_, rest):
        url = await rest.socket_url("", route="")
        async with connect(url):
            pass
        with pytest.raises(InvalidStatus) as caught:
            async with connect(url):
                pass
        assert caught.value.response.status_code == 403


async def test_frozen_data_keeps_the_socket_open(exchange):
    async with reaching(exchange) as (adapter, rest), subscribed(adapter, rest, "NIFTY/INR") as reader:
        await reader.next()
        await switch(exchange, on=True)
        try:
            assert await frames_in(reader, seconds=2) <= 1
        finally:
            await switch(exchange, on=False)
        assert await reader.next()


async def frames_in(reader: Reader, *, seconds: float) -> int:
    """Four a second are usual."""
    heard = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                await reader.socket.recv()
                heard += 1
    return heard


async def switch(exchange: Simulator, *, on: bool) -> None:
    async with httpx.AsyncClient() as client:
        fault = {"name": "freeze_data", "on": on, "seconds": 30}
        (await client.post(f"{exchange.rest_url}/sim/faults", json=fault)).raise_for_status()


async def test_market_is_open_around_the_clock_there(exchange):
    """The adapter knows the real market's hours; the simulated one streams whenever this runs."""
    async with reaching(exchange) as (adapter, rest):
        listings = await rest.listings()
        assert {listing.symbol for listing in listings} == {"NIFTY/INR", "RELIANCE/INR", "HDFCBANK/INR"}
        assert {listing.kind for listing in listings} == {"spot"}
        sunday_ns = 1_767_508_200 * 10**9
        assert adapter.closed_reason(sunday_ns) == "market closed until Mon 05 Jan 09:15 IST"

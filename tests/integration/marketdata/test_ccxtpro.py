"""ccxt:binance in its child process, against the simulated exchange: what comes, and what survives."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from marketdata.ccxtpro.process import ChildProcess
from marketdata.ccxtpro.source import CcxtSource
from marketdata.events import QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Endpoints,
    Gap,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueUnavailable,
)
from marketdata.exchanges.catalog import get_adapter
from marketdata.exchanges.ccxtpro import CcxtAdapter
from marketdata.feed.source import Hearer
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

ROOT = Path(__file__).resolve().parents[3]
SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "2") as simulator:
        yield simulator


def switch_fault(market: Simulator, name: str, **fields: Any) -> None:
    httpx.post(f"{market.rest_url}/sim/faults", json={"name": name, **fields}).raise_for_status()


class Heard:
    """Hears a source and keeps everything, in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._more = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.hearer = Hearer(
            take=lambda events: self._keep(*events),
            malformed=lambda message, ts_init: self._keep(("malformed", message)),
            frame=lambda payload, ts_init, socket: None,
            up=lambda symbols, health: self._keep(("up", tuple(symbols), health)),
            down=lambda symbols, reason, health: self._keep(("down", tuple(symbols), reason, health)),
            handover=lambda symbols: self._keep(("handover", tuple(symbols))),
            refused=lambda symbol, error: self._keep(("refused", symbol, error)),
            not_allowed=lambda message: self._keep(("not_allowed", message)),
            note=lambda kind, message: self._keep(("note", kind, message)),
            fail=lambda error: self._keep(("fail", error)),
            pace=self._pace,
        )

    def _keep(self, *events: Any) -> None:
        self.events.extend(events)
        self._more.set()

    async def _pace(self) -> None:
        await self.may_go_on.wait()
        await asyncio.sleep(0)

    async def until(self, wanted: Callable[[Any], bool], *, after: int = 0, timeout_s: float = PATIENCE_S) -> int:
        """Wait for an event; gives its position."""
        async with asyncio.timeout(timeout_s):
            while True:
                for position in range(after, len(self.events)):
                    if wanted(self.events[position]):
                        return position
                after = len(self.events)
                self._more.clear()
                await self._more.wait()


def is_a(kind: Any, symbol: str = SYMBOL) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, kind) and event.symbol == symbol


def told(what: str) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, tuple) and event[0] == what


def is_up(symbol: str) -> Callable[[Any], bool]:
    return lambda event: told("up")(event) and event[1] == (symbol,)


@asynccontextmanager
async def streaming(
    market: Simulator, *symbols: str, options: dict[str, Any] | None = None
) -> AsyncIterator[tuple[CcxtSource, Heard, ChildProcess]]:
    heard = Heard()
    adapter = CcxtAdapter("binance", options=options)
    source = adapter.make_source(
        config_environment="simulated",
        exchange="judge",
        hearer=heard.hearer,
        rng=random.Random(1),
        endpoints=Endpoints(rest_url=market.rest_url, websocket_url=market.websocket_url),
    )
    (child,) = adapter._children.values()
    for symbol in symbols:
        source.add(symbol, symbol)
    try:
        yield source, heard, child
    finally:
        await source.close()
        assert not [event for event in heard.events if told("fail")(event)]


async def gone(pid: int, *, timeout_s: float = PATIENCE_S) -> None:
    if psutil.pid_exists(pid):
        await asyncio.to_thread(psutil.Process(pid).wait, timeout_s)


async def test_books_quotes_trades_and_tickers_come(market: Simulator) -> None:
    async with streaming(market, SYMBOL, "ETH/USDT") as (_source, heard, child):
        for symbol in (SYMBOL, "ETH/USDT"):
            up = await heard.until(is_up(symbol))
            position = await heard.until(is_a(BookImage, symbol))
            assert up < position
            image = heard.events[position]
            assert image.exchange == "judge"
            assert image.from_stream
            assert len(image.bids) == len(image.asks) == 20
            assert image.bids[0][0] < image.asks[0][0]
            assert list(image.bids) == sorted(image.bids, reverse=True)
            assert list(image.asks) == sorted(image.asks)
            quote = heard.events[await heard.until(is_a(QuoteTick, symbol))]
            assert quote.bid < quote.ask
            ticker = heard.events[await heard.until(is_a(Ticker, symbol))]
            assert ticker.low <= ticker.last <= ticker.high
        pid = child.pid
        await heard.until(lambda _: sum(isinstance(event, TradeTick) for event in heard.events) > 50)
        trades = [event for event in heard.events if is_a(TradeTick)(event)]
        ids = [trade.trade_id for trade in trades]
        # The simulated exchange numbers each market's trades without holes: none was dropped.
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        for kind in (BookImage, QuoteTick):
            updates = [event.update_id for event in heard.events if is_a(kind)(event)]
            assert updates == sorted(updates)
    assert pid is not None
    await gone(pid)


async def test_a_slow_feed_gets_every_trade_and_its_child_is_not_taken_for_stuck(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (_source, heard, child):
        child._silent_s = 3.0
        await heard.until(is_a(TradeTick))
        heard.may_go_on.clear()
        await asyncio.sleep(4)
        before = len(heard.events)
        heard.may_go_on.set()
        await heard.until(lambda _: len(heard.events) > before + 200)
        trades = [event.trade_id for event in heard.events if is_a(TradeTick)(event)]
        assert trades == list(range(trades[0], trades[0] + len(trades)))
        # Longer than the silence after which a child counts as stuck: but it was the feed that did not listen.
        assert child.starts == 1


async def test_a_symbol_may_come_and_go(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (source, heard, _child):
        await heard.until(is_a(BookImage))
        source.add("ETH/USDT", "ETH/USDT")
        await heard.until(is_a(BookImage, "ETH/USDT"))
        source.remove("ETH/USDT")
        source.add("NOPE/USDT", "NOPE/USDT")
        position = await heard.until(told("refused"))
        assert heard.events[position][1] == "NOPE/USDT"
        assert "does not list" in heard.events[position][2]
        start = len(heard.events)
        await heard.until(lambda _: sum(map(is_a(BookImage), heard.events[start:])) > 20, after=start)
        # A few updates may have been under way when the symbol left.
        assert not [event for event in heard.events[start + 20 :] if is_a(BookImage, "ETH/USDT")(event)]
        assert not [event for event in heard.events if told("down")(event)]


async def test_dropped_sockets_come_back(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (source, heard, child):
        await heard.until(is_a(BookImage))
        starts = child.starts
        switch_fault(market, "drop_sockets")
        down = await heard.until(told("down"))
        up = await heard.until(told("up"), after=down)
        await heard.until(is_a(BookImage), after=up)
        await heard.until(is_a(TradeTick), after=up)
        assert source.health(SYMBOL).connects >= 2
        assert child.starts == starts


async def test_reconnect_gives_new_sockets(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (source, heard, _child):
        await heard.until(is_a(BookImage))
        source.reconnect([SYMBOL])
        down = await heard.until(told("down"))
        up = await heard.until(told("up"), after=down)
        await heard.until(is_a(BookImage), after=up)


async def test_resubscribing_begins_anew(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (source, heard, _child):
        await heard.until(is_a(TradeTick))
        source.resubscribe(SYMBOL)
        start = len(heard.events)
        await heard.until(lambda _: sum(map(is_a(BookImage), heard.events[start:])) > 10, after=start)
        await heard.until(is_a(TradeTick), after=start)


async def test_a_hole_in_the_updates_is_a_gap_and_the_book_begins_anew(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (_source, heard, _child):
        await heard.until(is_a(BookImage))
        switch_fault(market, "skip_depth", symbol="BTCUSDT")
        gap = await heard.until(is_a(Gap))
        assert "ChecksumError" in heard.events[gap].reason
        await heard.until(is_a(BookImage), after=gap)


async def test_a_book_that_ccxt_freezes_silently_is_found(market: Simulator) -> None:
    # What ccxt does with this option at a hole: nothing, ever again.
    options = {"watchOrderBook": {"checksum": False}}
    async with streaming(market, SYMBOL, options=options) as (_source, heard, _child):
        await heard.until(is_a(BookImage))
        switch_fault(market, "skip_depth", symbol="BTCUSDT")
        gap = await heard.until(is_a(Gap))
        assert "frozen" in heard.events[gap].reason
        image = await heard.until(is_a(BookImage), after=gap)
        later = await heard.until(is_a(BookImage), after=image + 1)
        assert (
            heard.events[later].bids != heard.events[image].bids or heard.events[later].asks != heard.events[image].asks
        )


async def test_frozen_data_comes_back_with_the_venue(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (_source, heard, child):
        await heard.until(is_a(BookImage))
        switch_fault(market, "freeze_data", seconds=2)
        start = len(heard.events)
        await heard.until(lambda _: sum(map(is_a(BookImage), heard.events[start:])) > 20, after=start)
        await heard.until(is_a(TradeTick), after=start)
        assert child.starts == 1


async def test_a_killed_child_is_replaced(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (_source, heard, child):
        await heard.until(is_a(BookImage))
        killed = child.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        down = await heard.until(told("down"))
        assert "code -9" in heard.events[down][2]
        up = await heard.until(told("up"), after=down)
        await heard.until(is_a(BookImage), after=up)
        assert child.pid not in (None, killed)


async def test_a_stuck_child_is_killed_and_replaced(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (_source, heard, child):
        child._silent_s = 3.0
        await heard.until(is_a(BookImage))
        stuck = child.pid
        assert stuck is not None
        os.kill(stuck, signal.SIGSTOP)
        down = await heard.until(told("down"))
        assert "said nothing" in heard.events[down][2]
        await heard.until(is_a(BookImage), after=down)
        assert not psutil.pid_exists(stuck)


async def test_the_venue_away_is_told_and_survived(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (source, heard, _child):
        await heard.until(is_a(BookImage))
        switch_fault(market, "close_listener", seconds=3)
        down = await heard.until(told("down"))
        up = await heard.until(told("up"), after=down)
        await heard.until(is_a(BookImage), after=up)
        assert source.health(SYMBOL).failures == 0


@pytest.mark.punctual
async def test_terminated_child_ends_within_two_seconds(market: Simulator) -> None:
    async with streaming(market, SYMBOL) as (_source, heard, child):
        await heard.until(is_a(BookImage))
        pid = child.pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        await gone(pid, timeout_s=2.5)


async def test_no_child_survives_its_parent(market: Simulator) -> None:
    script = textwrap.dedent(
        f"""
        import asyncio, random
        from marketdata.exchanges.adapter import Endpoints
        from marketdata.exchanges.ccxtpro import CcxtAdapter
        from tests.integration.marketdata.test_ccxtpro import Heard, is_a
        from marketdata.exchanges.adapter import BookImage

        async def main():
            adapter, heard = CcxtAdapter("binance"), Heard()
            source = adapter.make_source(
                config_environment="simulated", exchange="judge", hearer=heard.hearer, rng=random.Random(1),
                endpoints=Endpoints(rest_url={market.rest_url!r}, websocket_url={market.websocket_url!r}),
            )
            source.add("BTC/USDT", "BTC/USDT")
            await heard.until(is_a(BookImage))
            print(next(iter(adapter._children.values())).pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
        """
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    try:
        assert parent.stdout is not None
        async with asyncio.timeout(90):
            pid = int(await parent.stdout.readline())
        assert psutil.pid_exists(pid)
    finally:
        parent.kill()
        await parent.wait()
    await gone(pid)


async def test_rest_requests_go_through_the_child(market: Simulator) -> None:
    adapter = get_adapter("ccxt:binance")
    async with httpx.AsyncClient() as client:
        rest: Any = adapter.rest(exchange="judge", base_url=market.rest_url, client=client, clock_ns=lambda: 0)
        try:
            listings = {listing.symbol: listing for listing in await rest.listings()}
            assert set(listings) == {SYMBOL, "ETH/USDT"}
            listing = listings[SYMBOL]
            assert (str(listing.tick_size), str(listing.lot_size), listing.kind) == ("0.01", "0.00001", "spot")
            assert (listing.base, listing.quote, listing.active) == ("BTC", "USDT", True)
            assert listing.min_notional == 5
            server_ns = await rest.server_time_ns()
            bars = await rest.bars(SYMBOL, symbol=SYMBOL, timeframe="1m", limit=1200)
            assert len(bars) == 1200
            minutes = [bar.ts_open // 60_000_000_000 for bar in bars]
            assert minutes == list(range(minutes[0], minutes[0] + 1200))
            assert [bar.closed for bar in bars] == [True] * 1199 + [False]
            assert abs(bars[-1].ts_open - server_ns) < 120_000_000_000
            older = await rest.bars(SYMBOL, symbol=SYMBOL, timeframe="1m", limit=3, start_ns=bars[10].ts_open)
            assert older == bars[10:13]
            book = await rest.book(SYMBOL, symbol=SYMBOL, limit=5)
            assert len(book.bids) == 5
            assert not book.from_stream
            trades = await rest.trades(SYMBOL, symbol=SYMBOL, limit=10)
            assert [trade.trade_id for trade in trades] == list(range(trades[0].trade_id, trades[0].trade_id + 10))
            assert (await rest.ticker(SYMBOL, symbol=SYMBOL)).last > 0
            with pytest.raises(UnknownSymbol):
                await rest.ticker("NOPE/USDT", symbol="NOPE/USDT")
            with pytest.raises(UnsupportedTimeframe):
                await rest.bars(SYMBOL, symbol=SYMBOL, timeframe="7m", limit=5)
        finally:
            await rest.close()


async def test_what_cannot_work_says_why() -> None:
    heard, adapter = Heard(), CcxtAdapter("kraken")
    source = adapter.make_source(
        config_environment="testnet", exchange="judge", hearer=heard.hearer, rng=random.Random(1)
    )
    rest = adapter.rest(exchange="judge", base_url=adapter.endpoints("testnet").rest_url)
    try:
        with pytest.raises(VenueUnavailable, match="kraken has no testnet"):
            await rest.listings()
        source.add("BTC/USD", "BTC/USD")
        down = await heard.until(told("down"))
        assert "kraken has no testnet" in heard.events[down][2]
    finally:
        await source.close()


async def test_the_feed_never_imports_ccxt() -> None:
    script = (
        "import sys; from marketdata.exchanges.catalog import get_adapter; adapter = get_adapter('ccxt:okx'); "
        "adapter.endpoints('live'); adapter.rest(exchange='okx', base_url=adapter.endpoints('live').rest_url, "
        "client=None, clock_ns=None); print(any(name.split('.')[0] == 'ccxt' for name in sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=ROOT)
    out, _ = await process.communicate()
    assert out.decode().strip() == "False"

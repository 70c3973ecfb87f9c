"""One symbol in the child process: a task a channel, around each of which our own checks stand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

import ccxt

from marketdata.ccxtpro.backoff import Retry
from marketdata.ccxtpro.continuity import BookGap
from marketdata.ccxtpro.exchange import book_depth
from marketdata.ccxtpro.intake import Intake
from marketdata.ccxtpro.outbox import Outbox
from marketdata.ccxtpro.verdicts import HANDLER_ERRORS, Verdict, explain, judge
from marketdata.ccxtpro.wire import Denied, Down, GapSeen, Note, Refused, Up

_REJECTIONS = 3
_CALM_S = 1.0
_GAPS_APART_S = 60.0
_UNWATCH_S = 5.0
# What ccxt calls the channels; without the book nothing is worth much, so it goes first.
_CHANNELS = {"book": "OrderBook", "trades": "Trades", "quotes": "BidsAsks", "ticker": "Ticker"}


class Surroundings(Protocol):
    """What a watch needs of its process."""

    exchange: Any
    outbox: Outbox
    clock_ns: Callable[[], int]
    code: str

    def sockets_are_open(self) -> bool: ...

    async def close_sockets(self) -> None: ...

    def fail(self, error: BaseException) -> None:
        """An error of ours: the process ends."""


class SymbolWatch:
    """Watches one symbol until `stop`. `look` is to be called a few times a second."""

    def __init__(self, symbol: str, around: Surroundings) -> None:
        self.symbol = symbol
        self._around = around
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing: dict[str, float] = {}
        self._gap_retry = Retry()
        self._gap_s = 0.0
        self._is_up = False
        self._delivered: set[str] = set()
        self._intake = Intake(
            symbol,
            exchange=around.code,
            market=around.exchange.market(symbol),
            outbox=around.outbox,
            clock_ns=around.clock_ns,
            arrived=self._arrived,
            quotes_from_book=not around.exchange.has.get("watchBidsAsks"),
        )
        self._check = self._intake.check
        self._watch: dict[str, tuple[Callable[[], Awaitable[Any]], Callable[[Any], None]]] = {}
        exchange = around.exchange
        depth = book_depth(exchange.id)
        for channel, watch, take in (
            ("book", partial(exchange.watch_order_book, symbol, depth), self._intake.book),
            ("trades", partial(exchange.watch_trades, symbol), self._intake.trades),
            ("quotes", partial(exchange.watch_bids_asks, [symbol]), self._intake.quotes),
            ("ticker", partial(exchange.watch_ticker, symbol), self._intake.ticker),
        ):
            if exchange.has.get(f"watch{_CHANNELS[channel]}"):
                self._watch[channel] = (watch, take)

    def start(self) -> None:
        if not self._watch:
            self._around.outbox.add(Refused(symbol=self.symbol, error=f"{self._around.exchange.id} streams nothing"))
        for channel in self._watch:
            self._begin(channel)

    async def stop(self) -> None:
        """Leave off, and unsubscribe where ccxt can."""
        channels = list(self._tasks)
        await self._cancel(channels)
        await asyncio.gather(*(self._unwatch(channel) for channel in channels))

    async def rewatch(self) -> None:
        """Ask anew for every channel."""
        channels = list(self._watch)
        await self._cancel(channels)
        if not all(await asyncio.gather(*(self._unwatch(channel) for channel in channels))):
            await self._around.close_sockets()
        self._restart_book()
        for channel in channels:
            self._begin(channel)

    async def look(self, now_s: float) -> None:
        """Find a frozen book, and believe again in channels that are calm."""
        if self._failing and self._around.sockets_are_open():
            for channel, since_s in list(self._failing.items()):
                if now_s - since_s > _CALM_S:
                    del self._failing[channel]
        reason = self._check.frozen_reason(now_s)
        if reason and "book" in self._tasks:
            self._tell_gap(reason)
            await self._cancel(["book"])
            self._begin("book", anew=True)

    def _begin(self, channel: str, *, anew: bool = False) -> None:
        watch, take = self._watch[channel]
        task = asyncio.create_task(self._keep(channel, watch, take, anew=anew))
        task.add_done_callback(self._ended)
        self._tasks[channel] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._around.fail(error)

    async def _cancel(self, channels: Sequence[str]) -> None:
        tasks = [self._tasks.pop(channel) for channel in channels if channel in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(
        self, channel: str, watch: Callable[[], Awaitable[Any]], take: Callable[[Any], None], *, anew: bool
    ) -> None:
        """Watch one channel for as long as it makes sense; `anew`: after a gap."""
        if anew:
            await self._begin_book_anew()
        retry = Retry()
        rejections = 0
        while True:
            try:
                take(await watch())
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # ccxt cancels its own futures when a socket is closed.
                self._failed(channel, "the socket was closed")
                await asyncio.sleep(retry.next_delay_s())
            except BookGap as gap:
                self._tell_gap(str(gap))
                await self._begin_book_anew()
            except (ccxt.BaseError, *HANDLER_ERRORS) as error:
                rejections += 1
                if not self._goes_on(channel, error, rejections):
                    return
                await asyncio.sleep(max(judge(error).wait_s, retry.next_delay_s()))
            else:
                rejections = 0
                retry.reset()

    def _goes_on(self, channel: str, error: BaseException, rejections: int) -> bool:
        """Tell what an error means; gives whether the channel is to be tried again."""
        outbox, judgement = self._around.outbox, judge(error)
        message = explain(error)
        if judgement.note:
            outbox.add(Note(kind=judgement.note, message=f"{self.symbol} {channel}: {message}"))
        verdict = judgement.verdict
        if verdict is Verdict.REJECTED and rejections >= _REJECTIONS and channel not in self._delivered:
            verdict = Verdict.REFUSED if channel == "book" else Verdict.UNSUPPORTED
        match verdict:
            case Verdict.REFUSED:
                outbox.add(Refused(symbol=self.symbol, error=message))
                for other, task in self._tasks.items():
                    if other != channel:
                        task.cancel()
                return False
            case Verdict.UNSUPPORTED:
                self._give_up(channel, message)
                return False
            case Verdict.GAP if channel == "book":
                self._tell_gap(message)
                self._check.restart()
            case Verdict.DENIED:
                outbox.add(Denied(message=f"{self.symbol} {channel}: {message}"))
                self._failed(channel, message)
            case _:
                self._failed(channel, message)
        return True

    def _give_up(self, channel: str, message: str) -> None:
        del self._watch[channel]
        self._failing.pop(channel, None)
        if channel == "quotes":
            self._intake.quotes_from_book = True
        self._around.outbox.add(Note(kind="notice", message=f"{self.symbol}: no {channel} channel: {message}"))

    def _failed(self, channel: str, reason: str) -> None:
        told = bool(self._failing)
        self._failing[channel] = self._around.clock_ns() / 1e9
        if channel == "book":
            self._check.restart()
        if self._is_up or channel == "book" or not told:
            self._is_up = False
            self._around.outbox.interrupt(self.symbol, Down(symbol=self.symbol, reason=reason))

    def _arrived(self, channel: str) -> None:
        self._delivered.add(channel)
        self._failing.pop(channel, None)
        if not self._is_up and not self._failing and (channel == "book" or "book" not in self._watch):
            self._is_up = True
            self._around.outbox.add(Up(symbol=self.symbol))

    def _tell_gap(self, reason: str) -> None:
        self._around.outbox.interrupt(
            self.symbol,
            GapSeen(symbol=self.symbol, reason=f"order book: {reason}", ts_init=self._around.clock_ns()),
        )

    def _restart_book(self) -> None:
        self._check.restart()
        self._around.exchange.orderbooks.pop(self.symbol, None)

    async def _begin_book_anew(self) -> None:
        """Make ccxt forget the book: it takes no other word for it than a new subscription.

        Gaps one after another wait longer and longer.
        """
        self._check.restart()
        now_s = self._around.clock_ns() / 1e9
        if now_s - self._gap_s > _GAPS_APART_S:
            self._gap_retry.reset()
        self._gap_s = now_s
        await asyncio.sleep(self._gap_retry.next_delay_s())
        if not await self._unwatch("book"):
            await self._around.close_sockets()
        self._restart_book()

    async def _unwatch(self, channel: str) -> bool:
        """Unsubscribe; gives False where ccxt cannot."""
        exchange, name = self._around.exchange, _CHANNELS[channel]
        if not exchange.has.get(f"unWatch{name}"):
            return False
        methods = {
            "book": exchange.un_watch_order_book,
            "trades": exchange.un_watch_trades,
            "ticker": exchange.un_watch_ticker,
            "quotes": exchange.un_watch_bids_asks,
        }
        try:
            async with asyncio.timeout(_UNWATCH_S):
                await methods[channel]([self.symbol] if channel == "quotes" else self.symbol)
        except (ccxt.BaseError, TimeoutError, *HANDLER_ERRORS):
            return False
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return False
        return True

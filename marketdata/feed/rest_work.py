"""What the feed does by REST beside its sockets: book images, history, and polling while a socket gives nothing."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import structlog

from marketdata.events import Bar, Event, Timeframe
from marketdata.exchanges.adapter import RateLimited, Rest, UnknownSymbol, VenueError
from marketdata.feed.followed import Followed
from marketdata.feed.tape import Tape
from marketdata.history import first_minutes, is_long_gap, longer_bars, missing_minutes
from marketdata.quality import is_sound_bar

log = structlog.get_logger(__name__)

_IMAGE_LEVELS = 1_000
_POLL_LEVELS = 20
_POLL_EVERY_S = 1.5
_HISTORY_RETRY_NS = 10_000_000_000
# History must reach to the first print that is heard. A quiet symbol gets it after so long, one with a print sooner.
FIRST_PRINT_WAIT_NS = 2_000_000_000
_SOONER_NS = _HISTORY_RETRY_NS - FIRST_PRINT_WAIT_NS
_FIRST_DELTA_WAIT_NS = 1_000_000_000
_IMAGE_HELD_NS = 10_000_000_000
_PARALLEL = 4
# Requests a second that polling may use, however many symbols need it: a third of Binance's weight for books.
_POLLS_PER_S = 6.0
_TRADES = 1_000


class RestWork:
    """REST work of one venue. `publish` takes the resulting events of a symbol.

    `keep` takes a symbol's closed bars of one timeframe, to be stored and told about; `unknown` a symbol of which the
    venue says that it does not know it.
    """

    def __init__(
        self,
        *,
        rest: Rest,
        now_ns: Callable[[], int],
        publish: Callable[[Followed, Sequence[Event]], None],
        keep: Callable[[Followed, Timeframe, Sequence[Bar]], None],
        unknown: Callable[[str], None],
        tape: Tape,
    ) -> None:
        self.rest = rest
        self._now_ns = now_ns
        self._publish = publish
        self._keep = keep
        self._unknown = unknown
        self._tape = tape
        self._parallel = asyncio.Semaphore(_PARALLEL)
        self._images: dict[str, asyncio.Task[None]] = {}
        self._histories: dict[str, asyncio.Task[None]] = {}
        self._longer: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        # One at a time: what every symbol needs to begin goes before what refines it.
        self._in_turn = asyncio.Semaphore(1)

    def look_after(self, followed: Iterable[Followed], *, images: bool) -> None:
        """Start what is due: never two of a kind for a symbol. `images`: books begin with an image from here."""
        now_ns = self._now_ns()
        for item in followed:
            if images and item.stream.needs_image and item.symbol not in self._images and self._is_due(item, now_ns):
                self._start(self._images, item, self._fetch_image(item))
            bars = item.stream.bars
            if not bars.needs_history:
                item.history_due_ns = max(item.history_due_ns, now_ns + FIRST_PRINT_WAIT_NS)
            elif item.symbol not in self._histories and now_ns >= item.history_due_ns - (
                _SOONER_NS if bars.is_joinable else 0
            ):
                item.history_due_ns = now_ns + _HISTORY_RETRY_NS
                self._start(self._histories, item, self._fetch_history(item))
            if item.longer_bars_due(now_ns) and item.symbol not in self._longer:
                item.longer_due_ns = now_ns + _HISTORY_RETRY_NS
                self._start(self._longer, item, self._fetch_longer_bars(item))

    async def poll(self, followed: Callable[[], list[Followed]]) -> None:
        """Fetch the books of symbols whose socket gives nothing, until cancelled."""
        while True:
            needy = [item for item in followed() if item.stream.needs_stand_in]
            for item in needy:
                try:
                    image = await self.rest.book(item.venue_symbol, symbol=item.symbol, limit=_POLL_LEVELS)
                except RateLimited as error:
                    self._publish(item, item.stream.polling_failed(self._now_ns()))
                    await asyncio.sleep(error.retry_after_s)
                except VenueError as error:
                    self._refused(item, error)
                    self._publish(item, item.stream.polling_failed(self._now_ns()))
                else:
                    self._publish(item, item.stream.receive_polled(image))
            await asyncio.sleep(max(0.2 if not needy else _POLL_EVERY_S, len(needy) / _POLLS_PER_S))

    def forget(self, symbol: str) -> None:
        """No longer followed: what is under way, or waits for its turn, must not hold up who follows it next."""
        for tasks in (self._images, self._histories, self._longer):
            task = tasks.pop(symbol, None)
            if task is not None:
                task.cancel()
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        tasks = [*self._ending, *self._images.values(), *self._histories.values(), *self._longer.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, tasks: dict[str, asyncio.Task[None]], item: Followed, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks[item.symbol] = task
        task.add_done_callback(partial(_done, tasks, item.symbol))

    def _is_due(self, item: Followed, now_ns: int) -> bool:
        """An image is of use once deltas are buffered; a quiet symbol gets one a second after it was subscribed."""
        if item.first_image_ns == 0:
            item.first_image_ns = now_ns + _FIRST_DELTA_WAIT_NS
        return item.stream.book.is_buffering or now_ns >= item.first_image_ns

    async def _fetch_image(self, item: Followed) -> None:
        # Only an image that held for a while was a success: a storm of bad updates must not become one of requests.
        if item.imaged_ns and self._now_ns() - item.imaged_ns > _IMAGE_HELD_NS:
            item.image_backoff.reset()
        item.imaged_ns = 0
        after_gap = item.stream.has_gap
        await asyncio.sleep(item.image_backoff.next_delay_s())
        try:
            async with self._parallel:
                image = await self.rest.book(item.venue_symbol, symbol=item.symbol, limit=_IMAGE_LEVELS)
        except VenueError as error:
            log.warning("[WS] no order book image", symbol=item.symbol, error=str(error))
            self._refused(item, error)
            return
        self._tape.book_image(image)
        self._publish(item, item.stream.receive(image))
        if item.stream.book.is_valid:
            if not after_gap:
                item.image_backoff.reset()
            item.imaged_ns = self._now_ns()
            item.first_image_ns = 0

    async def _fetch_history(self, item: Followed) -> None:
        stream = item.stream
        known = list(stream.bars.closed_minutes)
        begins = not item.has_history or is_long_gap(known, now_ns=stream.now_ns(self._now_ns()))
        try:
            async with self._parallel:
                if begins:
                    bars = await first_minutes(self.rest, item.venue_symbol, symbol=item.symbol)
                else:
                    bars = await missing_minutes(self.rest, item.venue_symbol, symbol=item.symbol, known=known)
                trades = await self.rest.trades(item.venue_symbol, symbol=item.symbol, limit=_TRADES)
        except VenueError as error:
            log.warning("[WS] no history", symbol=item.symbol, error=str(error))
            self._refused(item, error)
            return
        bars = self._sound(item, bars)
        # The missed bars first: consumers load them again, whole and in order, after the word that they are stored.
        self._tape.history(item.symbol, bars, trades, self._now_ns())
        self._publish(item, stream.fill_history(bars, trades))
        closed = [bar for bar in bars if bar.closed]
        if begins or {bar.ts_open for bar in closed} - {bar.ts_open for bar in known}:
            self._keep(item, "1m", closed)
        item.has_history = True
        if begins:
            item.has_longer_bars, item.longer_due_ns = False, 0

    def _sound(self, item: Followed, bars: Sequence[Bar]) -> list[Bar]:
        """Without those that cannot be: one of them would keep all others out of the database."""
        sound = [bar for bar in bars if is_sound_bar(bar)]
        if len(sound) < len(bars):
            log.warning("[WS] bars that cannot be", symbol=item.symbol, refused=len(bars) - len(sound))
        return sound

    def _refused(self, item: Followed, error: VenueError) -> None:
        if isinstance(error, UnknownSymbol):
            self._unknown(item.symbol)

    async def _fetch_longer_bars(self, item: Followed) -> None:
        try:
            async with self._in_turn:
                async for bars in longer_bars(self.rest, item.venue_symbol, symbol=item.symbol):
                    if bars:
                        closed = [bar for bar in self._sound(item, bars) if bar.closed]
                        self._keep(item, bars[0].timeframe, closed)
        except VenueError as error:
            log.warning("[WS] no longer bars", symbol=item.symbol, error=str(error))
            self._refused(item, error)
            return
        item.has_longer_bars = True


def _done(tasks: dict[str, asyncio.Task[None]], symbol: str, task: asyncio.Task[None]) -> None:
    if tasks.get(symbol) is task:
        del tasks[symbol]

"""One symbol of one venue: from what the venue sent to what may be traded on.

Pure, and used as it is by the live feed and by replay: the same input gives the same output.
"""

from collections.abc import Callable, Iterable
from typing import Any

from marketdata.clock import VenueClock
from marketdata.events import SLOW, BookDelta, Event, QuoteTick, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import BookImage, Gap, VenueEvent
from marketdata.quality import QualityLimits
from marketdata.stream.books import Books
from marketdata.stream.prints import TIMEFRAMES

BOOK_LEVELS = 20

_DEFAULT_LIMITS = QualityLimits()
# For so long after one socket took over from another, what was known already may come again.
_OVERLAP_NS = 10_000_000_000


class SymbolStream(Books):
    """Keeps a symbol's book, bars and state; `receive` gives the events that consumers may see.

    `quotes_from_book`: best bid and ask come from the book, not from a channel of their own.
    `quotes_prove_book`: they have one, whose numbers are those of the book's changes.
    `is_index`: nothing is traded, so there is neither book nor quote, and its prints have no size.
    """

    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        clock: VenueClock,
        timeframes: Iterable[Timeframe] = TIMEFRAMES,
        limits: QualityLimits = _DEFAULT_LIMITS,
        levels: int = BOOK_LEVELS,
        quotes_from_book: bool = False,
        quotes_prove_book: bool = False,
        is_index: bool = False,
    ) -> None:
        super().__init__(
            exchange=exchange,
            symbol=symbol,
            clock=clock,
            limits=limits,
            is_index=is_index,
            timeframes=timeframes,
            levels=levels,
            quotes_from_book=quotes_from_book,
            quotes_prove_book=quotes_prove_book,
        )

    def receive(self, event: VenueEvent) -> list[Event]:
        """Take in what the parser made of a frame. Gives accepted events, oldest first."""
        out: list[Event] = []
        take = _TAKEN.get(type(event))
        if take is None:
            self.counts["in.ignored"] += 1
            return out
        take(self, event, out)
        deadline_ns = self.bars.deadline_ns
        if deadline_ns:
            now_ns = self._clock.now_ns(event.ts_init)  # type: ignore[union-attr]
            if now_ns >= deadline_ns:
                self._close_bars(now_ns, out)
        return self._counted(out)

    def advance(self, ts_init: int) -> list[Event]:
        """Let time pass: close bars, find silence. `ts_init` is our clock."""
        out: list[Event] = []
        self._close_bars(self._clock.now_ns(ts_init), out)
        condition = self._condition
        if condition.is_watched:
            silent = self._silence.find(ts_init, quote=self.quote, book=self.book, before=condition.silent)
            if silent != condition.silent:
                condition.silent = silent
                self._restate(ts_init, out)
        if condition.state == "fallback":
            self._end_stand_in(ts_init, out)
        return self._counted(out)

    def connected(self, ts_init: int) -> list[Event]:
        """The socket is up and the symbol subscribed. Ids may begin anew; the book certainly does."""
        self._condition.connect()
        self._last_trade_id = self._last_update_id = self._last_event_ns = 0
        self._has_fresh_quote = False
        self._quoted = None
        self._forget_doubts()
        self._silence.restart(ts_init)
        self.book.invalidate()
        self._await_prints(ts_init)
        return self._told(ts_init)

    def handed_over(self, ts_init: int) -> None:
        """Another socket goes on without a hole, repeating a little: book, bars and ids stay as they are."""
        self.book.rejoin()
        self._overlap_until_ns = ts_init + _OVERLAP_NS

    def disconnected(self, ts_init: int, *, reason: str) -> list[Event]:
        """The socket was lost, or could not be opened once more, which changes nothing for who stands in."""
        if self.state == "fallback" and not self._condition.connected:
            self._condition.disconnect(reason)
            return []
        return self.stopped(ts_init, reason=reason)

    def stopped(self, ts_init: int, *, reason: str) -> list[Event]:
        """Nobody looks after the symbol any more: what was told last is as old as this."""
        self._condition.disconnect(reason)
        self.book.invalidate()
        self.bars.interrupt()
        return self._told(ts_init)

    def refused(self, ts_init: int, *, reason: str) -> list[Event]:
        """The venue does not stream the symbol. Ends with the next connection, or when it was asked again and brings it."""
        condition = self._condition
        condition.retried = False
        # Perhaps it is the prints that do not come: minutes without them are not whole.
        self.bars.interrupt()
        if reason == condition.refused:
            return []
        condition.refused = reason
        self.book.invalidate()
        return self._told(ts_init)

    def unasked(self, ts_init: int) -> None:
        """The socket is up, but the symbol's turn to be asked for has not come: nothing is silent yet.

        Live is only what came, whatever of it waits for its turn still: its silence counts.
        """
        if not self._condition.silent and self.state != "live":
            self._silence.restart(ts_init)

    def asked_again(self, ts_init: int) -> None:
        """The venue was asked for the symbol once more: prints may be missed between leaving and joining."""
        if self._condition.refused and not self._condition.retried:
            self._condition.retried = True
        self._await_prints(ts_init)

    def closed(self, ts_init: int, *, reason: str) -> list[Event]:
        """The market is closed, or with an empty reason open again: silence is no fault meanwhile."""
        if reason == self._condition.closed:
            return []
        if self._condition.closed and not reason:
            self._silence.restart(ts_init)
            self.bars.resume()
        elif not self._condition.closed:
            # No minute passes while the market is closed.
            self.bars.interrupt()
        self._condition.closed = reason
        return self._told(ts_init)


# By type: a chain of questions would cost half as much as what is done with a quote.
_TAKEN: dict[type, Callable[[SymbolStream, Any, list[Event]], None]] = {
    QuoteTick: SymbolStream._take_quote,
    TradeTick: SymbolStream._take_trade,
    BookDelta: SymbolStream._take_delta,
    BookImage: SymbolStream._take_image,
    Ticker: SymbolStream._take_ticker,
    Gap: SymbolStream._take_gap,
    **dict.fromkeys(SLOW, SymbolStream._take_slow),
}

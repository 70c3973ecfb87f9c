"""Whether what arrives for a symbol may be traded on, and the account of what arrived."""

from collections import Counter

from marketdata.book import OrderBook
from marketdata.clock import VenueClock
from marketdata.condition import Condition
from marketdata.events import Bar, BookSnapshot, Event, FeedState, QuoteTick, Ticker, TradeTick
from marketdata.quality import PriceReference, QualityLimits, Reason
from marketdata.silence import SymbolSilence

_NAMES: dict[type, str] = {
    QuoteTick: "out.quote",
    TradeTick: "out.trade",
    BookSnapshot: "out.book",
    Ticker: "out.ticker",
    Bar: "out.bar",
    FeedState: "out.state",
}


class StreamState:
    """What is known of a symbol, and the state that follows from it.

    `counts` accounts for everything: `in.<type>`, `out.<type>`, `rejected.<reason>`, `repeated.<type>`,
    `overtaken.<type>` by REST, `book.<what became of it>`.
    """

    def __init__(self, *, exchange: str, symbol: str, clock: VenueClock, limits: QualityLimits, is_index: bool) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.book = OrderBook()
        self.counts: Counter[str] = Counter()
        self.quote: QuoteTick | None = None
        self.snapshot: BookSnapshot | None = None
        self.gaps = 0
        self.lag_ns = 0
        self._clock = clock
        self._limits = limits
        self._is_index = is_index
        self._reference = PriceReference(limits)
        self._condition = Condition()
        self._silence = SymbolSilence()
        # Since the socket is up: an older quote and a new book are no picture of one moment.
        self._has_fresh_quote = False
        # Until then a socket that took over may repeat what its predecessor told.
        self._overlap_until_ns = 0

    @property
    def state(self) -> str:
        return self._condition.state

    @property
    def reason(self) -> str:
        return self._condition.reason

    @property
    def source(self) -> str:
        return self._condition.source

    @property
    def needs_image(self) -> bool:
        """Whether the book waits for an image."""
        return self._condition.is_watched and not self.book.is_valid and not self._is_index

    @property
    def has_gap(self) -> bool:
        """Whether the book waits because something was lost, not because it has just begun."""
        return self.needs_image and bool(self._condition.resync_reason)

    @property
    def is_late(self) -> bool:
        """Whether its records are too old when they come."""
        return self._condition.held is Reason.SKEWED

    @property
    def is_connected(self) -> bool:
        return self._condition.connected

    @property
    def is_silent(self) -> bool:
        """Whether the socket is up and yet brings nothing, or not all of it."""
        return self._condition.is_silent

    @property
    def is_refused(self) -> bool:
        return self._condition.connected and bool(self._condition.refused)

    @property
    def is_comparable(self) -> bool:
        """Whether the socket's own price is current, and may be compared with another source's."""
        return self._condition.is_watched and not self._condition.silent and self._has_fresh_quote

    @property
    def needs_stand_in(self) -> bool:
        """Whether the venue's socket gives nothing that may be traded on."""
        return self._condition.needs_stand_in

    def now_ns(self, ts_init: int) -> int:
        """The venue's time at our `ts_init`."""
        return self._clock.now_ns(ts_init)

    def present(self) -> list[Event]:
        """State, quote and book as they are: what a consumer needs who lost what was sent."""
        now = self.quote.ts_init if self.quote is not None else 0
        events: list[Event] = [self._state_event(now)]
        if self.quote is not None:
            events.append(self.quote)
        if self.snapshot is not None and (self.state == "live" or (self.state, self.source) == ("fallback", "rest")):
            events.append(self.snapshot)
        return events

    def _observe_time(self, ts_event: int, ts_init: int, out: list[Event]) -> None:
        """Learn the venue's time, and hold a symbol whose records come late."""
        clock = self._clock
        clock.observe(ts_event=ts_event, ts_init=ts_init)
        self.lag_ns = lag_ns = clock.now_ns(ts_init) - ts_event
        condition = self._condition
        max_skew_ns = self._limits.max_skew_ns
        if not -max_skew_ns <= lag_ns <= max_skew_ns:
            self.counts["flagged.late"] += 1
            if condition.hold(Reason.SKEWED, ts_init):
                self._restate(ts_init, out)
        elif condition.held is Reason.SKEWED and condition.is_calm(ts_init):
            condition.held = None
            self._restate(ts_init, out)

    def _reject(self, reason: Reason, what: str, price: float, ts_init: int, out: list[Event]) -> None:
        if reason is Reason.OUT_OF_ORDER and ts_init < self._overlap_until_ns:
            self.counts[f"repeated.{what}"] += 1
            return
        self.counts[f"rejected.{reason}"] += 1
        if reason is Reason.SPIKE:
            self._reference.reject(price)
        if self._condition.hold(reason, ts_init):
            self._restate(ts_init, out)

    def _good(self, ts_init: int, out: list[Event]) -> None:
        """A plausible price or book from the socket arrived where the symbol is held or not live."""
        condition = self._condition
        if condition.diverged or (condition.refused and not condition.retried):
            return
        if condition.held is not None and not condition.is_calm(ts_init):
            return
        if self._silence.find(ts_init, quote=self.quote, book=self.book, before=""):
            # One channel came, the other is silent still: half of the truth is none.
            return
        condition.release()
        self._restate(ts_init, out)

    def _told(self, ts_init: int) -> list[Event]:
        out: list[Event] = []
        self._restate(ts_init, out)
        return self._counted(out)

    def _restate(self, ts_init: int, out: list[Event], *, stand_in: str = "") -> None:
        """Find out the state and tell about it when it changed."""
        book_is_valid = self.book.is_valid or self._is_index
        if self._condition.restate(book_is_valid=book_is_valid, has_quote=self._has_fresh_quote, stand_in=stand_in):
            out.append(self._state_event(ts_init))

    def _state_event(self, ts_init: int) -> FeedState:
        return FeedState(
            exchange=self.exchange,
            symbol=self.symbol,
            state=self.state,
            source=self.source,
            reason=self.reason,
            ts_event=self._clock.now_ns(ts_init),
            ts_init=ts_init,
        )

    def _counted(self, out: list[Event]) -> list[Event]:
        counts = self.counts
        for event in out:
            counts[_NAMES.get(type(event), "out.slow")] += 1
        return out

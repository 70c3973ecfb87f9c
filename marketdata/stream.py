"""One symbol of one venue: from what the venue sent to what may be traded on.

Pure, and used as it is by the live feed and by replay: the same input gives the same output.
"""

from collections import Counter
from collections.abc import Iterable

from marketdata.bars import BarSet
from marketdata.book import Applied, OrderBook
from marketdata.clock import VenueClock
from marketdata.condition import Condition
from marketdata.events import (
    SLOW,
    Bar,
    BookDelta,
    BookSnapshot,
    Event,
    FeedState,
    QuoteTick,
    Ticker,
    Timeframe,
    TradeTick,
)
from marketdata.exchanges.adapter import BookImage, Gap, VenueEvent
from marketdata.numbering import GoingOn
from marketdata.quality import PriceReference, QualityLimits, Reason, check_quote, check_trade, is_skewed
from marketdata.silence import SymbolSilence
from marketdata.stand_in import foreign, polled
from marketdata.volatility import realised_volatility

TIMEFRAMES: tuple[Timeframe, ...] = ("1m", "3m", "5m", "15m", "30m", "1h", "4h")
BOOK_LEVELS = 20

_DEFAULT_LIMITS = QualityLimits()
_GRACE_NS = 250_000_000
# For so long after one socket took over from another, what was known already may come again.
_OVERLAP_NS = 10_000_000_000
# So many refused records in a row, in order, are believed; quotes, which are many, only after a while.
_REFUSED_PRINTS = 5
_REFUSED_IMAGES = 5
_REFUSED_QUOTES = 30
_REFUSED_FOR_NS = 5_000_000_000
# While REST answered so recently, no other venue stands in.
_POLLED_NS = 5_000_000_000


class SymbolStream:
    """Keeps a symbol's book, bars and state; `receive` gives the events that consumers may see.

    `counts` accounts for everything: `in.<type>`, `out.<type>`, `rejected.<reason>`, `repeated.<type>`,
    `book.<what became of it>`. `quotes_from_book`: best bid and ask come from the book, not from a channel of their own.
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
        is_index: bool = False,
    ) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.book = OrderBook()
        # Bars wait for prints that are late, but still in time.
        grace_ns = max(_GRACE_NS, limits.max_skew_ns // 2)
        self.bars = BarSet(exchange=exchange, symbol=symbol, timeframes=timeframes, grace_ns=grace_ns)
        self.counts: Counter[str] = Counter()
        self.quote: QuoteTick | None = None
        # The newest that the socket itself brought, whoever stands in for it.
        self.socket_quote: QuoteTick | None = None
        self.snapshot: BookSnapshot | None = None
        self.trade: TradeTick | None = None
        self.ticker: Ticker | None = None
        self.gaps = 0
        self.lag_ns = 0
        self.volatility: float | None = None
        self._clock = clock
        self._limits = limits
        self._levels = levels
        self._quotes_from_book = quotes_from_book
        self._is_index = is_index
        self._reference = PriceReference(limits)
        self._condition = Condition()
        self._last_trade_id = 0
        self._old_trades = GoingOn(in_a_row=_REFUSED_PRINTS)
        self._old_images = GoingOn(in_a_row=_REFUSED_IMAGES)
        self._old_quotes = GoingOn(in_a_row=_REFUSED_QUOTES, after_ns=_REFUSED_FOR_NS)
        self._last_update_id = 0
        # What REST says may not be older than what any socket has said: not lowered by a new connection.
        self._newest_update_id = 0
        self._overlap_until_ns = 0
        self._polled_ns = 0
        # Since the socket is up: an older quote and a new book are no picture of one moment.
        self._has_fresh_quote = False
        self._silence = SymbolSilence()

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
    def newest_update_id(self) -> int:
        """The newest that any source of the venue has told, 0 where it numbers nothing."""
        return max(self._newest_update_id, self.book.newest_update_id)

    @property
    def is_comparable(self) -> bool:
        """Whether the socket's own price is current, and may be compared with another source's."""
        return self._condition.is_watched and not self._condition.silent and self._has_fresh_quote

    @property
    def needs_stand_in(self) -> bool:
        """Whether the venue's socket gives nothing that may be traded on."""
        return self._condition.needs_stand_in

    @property
    def last_price(self) -> float | None:
        """For people: the newest print, or the middle of the newest quote without the dust of its halving."""
        if self.trade is not None and (self.quote is None or self.trade.ts_init >= self.quote.ts_init):
            return self.trade.price
        return float(f"{self.quote.mid:.10g}") if self.quote is not None else None

    def now_ns(self, ts_init: int) -> int:
        """The venue's time at our `ts_init`."""
        return self._clock.now_ns(ts_init)

    def receive(self, event: VenueEvent) -> list[Event]:
        """Take in what the parser made of a frame. Gives accepted events, oldest first."""
        out: list[Event] = []
        if isinstance(event, QuoteTick):
            self._take_quote(event, out)
        elif isinstance(event, TradeTick):
            self._silence.prints.arrived(event.ts_init)
            self._take_trade(event, out)
        elif isinstance(event, BookDelta):
            self._silence.depths.arrived(event.ts_init)
            self._take_delta(event, out)
        elif isinstance(event, BookImage):
            self._take_image(event, out)
        elif isinstance(event, Ticker):
            self.counts["in.ticker"] += 1
            self.ticker = event
            out.append(event)
        elif isinstance(event, Gap):
            self._take_gap(event, out)
        elif isinstance(event, SLOW):
            self.counts["in.slow"] += 1
            out.append(event)
        else:
            self.counts["in.ignored"] += 1
        self._close_bars(self._clock.now_ns(getattr(event, "ts_init", 0)), out)
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
        return self._counted(out)

    def connected(self, ts_init: int) -> list[Event]:
        """The socket is up and the symbol subscribed. Ids may begin anew; the book certainly does."""
        self._condition.connect()
        self._last_trade_id = self._last_update_id = 0
        self._has_fresh_quote = False
        self._silence.restart(ts_init)
        self.book.invalidate()
        self.bars.interrupt()
        self.bars.resume()
        return self._told(ts_init)

    def handed_over(self, ts_init: int) -> None:
        """Another socket goes on without a hole, repeating a little: book, bars and ids stay as they are."""
        self.book.rejoin()
        self._overlap_until_ns = ts_init + _OVERLAP_NS

    def disconnected(self, ts_init: int, *, reason: str) -> list[Event]:
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

    def asked_again(self) -> None:
        """The venue was asked for the symbol once more: prints may be missed between leaving and joining."""
        if self._condition.refused and not self._condition.retried:
            self._condition.retried = True
        self.bars.interrupt()
        self.bars.resume()

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

    def diverged(self, ts_init: int, *, reason: str) -> list[Event]:
        """Another source contradicts the price, or with an empty reason agrees again."""
        self._condition.diverged = reason
        out: list[Event] = []
        self._restate(ts_init, out)
        if not reason and self.is_comparable and self.socket_quote is not None:
            # Whoever stood in may have told another price since.
            self._accept_quote(self.socket_quote, out)
        return self._counted(out)

    def receive_polled(self, image: BookImage) -> list[Event]:
        """Take the top of a book fetched by REST while the socket gives nothing.

        An image older than what is known changes nothing, and so does one when the socket is back.
        """
        found = polled(image, levels=self._levels, now_ns=self._clock.now_ns(image.ts_init))
        if found is None:
            return []
        quote, snapshot = found
        out = self._stand_in("rest", quote, snapshot, floor=self.newest_update_id)
        if out:
            self._polled_ns = image.ts_init
        return out

    def receive_second(self, venue: str, quote: QuoteTick) -> list[Event]:
        """Take another venue's quote of the same symbol while this one's socket and REST give nothing."""
        if quote.ts_init - self._polled_ns < _POLLED_NS:
            return []
        return self._stand_in(venue, foreign(quote, exchange=self.exchange), None, floor=0)

    def _stand_in(self, source: str, quote: QuoteTick, snapshot: BookSnapshot | None, *, floor: int) -> list[Event]:
        out: list[Event] = []
        known = self.quote
        # Where the venue numbers nothing, time tells: its own for its REST, ours for another venue.
        is_numbered = floor > 0 and quote.update_id > 0
        is_older = known is not None and (
            quote.ts_event < known.ts_event if source == "rest" else quote.ts_init < known.ts_init
        )
        if not self.needs_stand_in or (is_older and not is_numbered):
            return out
        reason = check_quote(quote, reference=self._reference, last_update_id=floor)
        if reason is Reason.SPIKE:
            # Markets move while the socket is silent, too.
            self._reference.reject((quote.bid + quote.ask) / 2)
        if reason is not None:
            self.counts["polled.older" if reason is Reason.OUT_OF_ORDER else f"rejected.{reason}"] += 1
            return out
        self._restate(quote.ts_init, out, stand_in=source)
        self._accept_quote(quote, out)
        if snapshot is not None:
            self.snapshot = snapshot
            out.append(snapshot)
        return self._counted(out)

    def present(self) -> list[Event]:
        """State, quote and book as they are: what a consumer needs who lost what was sent."""
        now = self.quote.ts_init if self.quote is not None else 0
        events: list[Event] = [self._state_event(now)]
        if self.quote is not None:
            events.append(self.quote)
        if self.snapshot is not None and self.state in ("live", "fallback"):
            events.append(self.snapshot)
        return events

    def polling_failed(self, ts_init: int) -> list[Event]:
        """REST gives nothing either: no longer in fallback."""
        out: list[Event] = []
        if self.state == "fallback":
            self._restate(ts_init, out)
        return self._counted(out)

    def fill_history(
        self, bars: Iterable[Bar], trades: Iterable[TradeTick], *, assume_complete: bool = False
    ) -> list[Event]:
        """Give minutes (and the latest prints) from REST to the bars. Gives closed bars that were missed."""
        out: list[Event] = list(self.bars.seed(list(bars), list(trades), assume_complete=assume_complete))
        self._measure_volatility()
        return self._counted(out)

    def _take_quote(self, quote: QuoteTick, out: list[Event]) -> None:
        self.counts["in.quote"] += 1
        reason = check_quote(quote, reference=self._reference, last_update_id=self._last_update_id)
        is_overlap = quote.ts_init < self._overlap_until_ns
        if (
            reason is Reason.OUT_OF_ORDER
            and not is_overlap
            and self._old_quotes.refused(quote.update_id, quote.ts_init)
        ):
            # The number before was damaged; whether these prices are plausible is asked with the next one.
            self._last_update_id = self._newest_update_id = 0
        if reason is None and is_overlap and self._is_told(quote):
            reason = Reason.OUT_OF_ORDER
        if reason is not None:
            self._reject(reason, "quote", (quote.bid + quote.ask) / 2, quote.ts_init, out)
            return
        self._old_quotes.accepted()
        # Quotes that are all refused, e.g. behind a wrong id, are as good as none: the channel is silent.
        self._silence.quotes.arrived(quote.ts_init)
        if quote.ts_event == 0 or self._clock.is_ahead(quote.ts_event, quote.ts_init):
            # Binance sends no time with spot quotes: ours, corrected by the offset (under replay the stream's).
            quote = QuoteTick(
                exchange=quote.exchange,
                symbol=quote.symbol,
                bid=quote.bid,
                bid_size=quote.bid_size,
                ask=quote.ask,
                ask_size=quote.ask_size,
                ts_event=self._clock.now_ns(quote.ts_init),
                ts_init=quote.ts_init,
                update_id=quote.update_id,
            )
        self.socket_quote = quote
        self._has_fresh_quote = True
        if quote.update_id > self._newest_update_id:
            self._newest_update_id = quote.update_id
        if not self._condition.diverged:
            self._accept_quote(quote, out)
        self._good(quote.ts_init, out)

    def _is_told(self, quote: QuoteTick) -> bool:
        """Whether a quote without a number, held back by a socket that has taken over, is older than what was told."""
        told = self.socket_quote
        return not quote.update_id and self._has_fresh_quote and told is not None and quote.ts_init < told.ts_init

    def _accept_quote(self, quote: QuoteTick, out: list[Event]) -> None:
        self._last_update_id = quote.update_id
        if quote.update_id > self._newest_update_id:
            self._newest_update_id = quote.update_id
        self._reference.accept((quote.bid + quote.ask) / 2)
        self.quote = quote
        out.append(quote)

    def _take_trade(self, trade: TradeTick, out: list[Event]) -> None:
        self.counts["in.trade"] += 1
        reason = check_trade(
            trade, reference=self._reference, last_trade_id=self._last_trade_id, sizeless=self._is_index
        )
        if reason is Reason.OUT_OF_ORDER and trade.ts_init >= self._overlap_until_ns:
            if trade.trade_id != self._last_trade_id:
                # Late, or the number before was damaged: its minute is left to history.
                self._leave_minute()
            if self._old_trades.refused(trade.trade_id, trade.ts_init):
                reason = None
        if reason is not None:
            self._reject(reason, "trade", trade.price, trade.ts_init, out)
            return
        self._observe_time(trade.ts_event, trade.ts_init, out)
        if self._clock.is_ahead(trade.ts_event, trade.ts_init):
            self._leave_minute()
            self._reject(Reason.FROM_FUTURE, "trade", trade.price, trade.ts_init, out)
            return
        self._old_trades.accepted()
        self._last_trade_id = trade.trade_id
        self.trade = trade
        closed = self.bars.add(trade)
        if closed:
            self._measure_volatility()
            out.extend(closed)
        out.append(trade)
        if self._is_index:
            self._has_fresh_quote = True
            self._good(trade.ts_init, out)

    def _leave_minute(self) -> None:
        """Prints may be missing from the forming minute: history tells."""
        self.bars.interrupt()
        self.bars.resume()

    def _take_delta(self, delta: BookDelta, out: list[Event]) -> None:
        self.counts["in.delta"] += 1
        if delta.ts_event:
            self._observe_time(delta.ts_event, delta.ts_init, out)
        ts_event = self._time_of(delta)
        self._after_book(self.book.apply_delta(delta), ts_event, delta.ts_init, out)

    def _take_image(self, image: BookImage, out: list[Event]) -> None:
        self.counts["in.image"] += 1
        if image.from_stream:
            self._silence.depths.arrived(image.ts_init)
            if image.ts_event:
                self._observe_time(image.ts_event, image.ts_init, out)
        elif self.book.is_valid:
            return
        applied = self.book.apply_image(image)
        if applied is Applied.OLD and image.ts_init >= self._overlap_until_ns:
            if self._old_images.refused(image.update_id, image.ts_init):
                # The number before was damaged.
                self.book.invalidate()
                self._newest_update_id = 0
                applied = self.book.apply_image(image)
        elif applied is Applied.APPLIED:
            self._old_images.accepted()
        self._after_book(applied, self._time_of(image), image.ts_init, out)

    def _time_of(self, record: BookDelta | BookImage) -> int:
        """The venue's time of a record: its own, unless it has none, or one that cannot be."""
        if record.ts_event and not self._clock.is_ahead(record.ts_event, record.ts_init):
            return record.ts_event
        return self._clock.now_ns(record.ts_init)

    def _take_gap(self, gap: Gap, out: list[Event]) -> None:
        self.counts["in.gap"] += 1
        self.book.invalidate()
        # Prints may be among what was lost.
        self._leave_minute()
        self._resync(gap.reason, gap.ts_init, out)

    def _after_book(self, applied: Applied, ts_event: int, ts_init: int, out: list[Event]) -> None:
        self.counts[f"book.{applied}"] += 1
        if applied is Applied.APPLIED:
            if self.state != "live":
                self._condition.resync_reason = ""
                self._good(ts_init, out)
            bids, asks = self.book.top(self._levels)
            self.snapshot = BookSnapshot(
                exchange=self.exchange,
                symbol=self.symbol,
                bids=bids,
                asks=asks,
                update_id=self.book.update_id,
                ts_event=ts_event,
                ts_init=ts_init,
            )
            if not self._condition.diverged:
                out.append(self.snapshot)
            if self._quotes_from_book:
                self._quote_from(self.snapshot, out)
        elif applied in (Applied.GAP, Applied.CROSSED, Applied.BAD_LEVEL):
            self._resync(str(applied), ts_init, out)

    def _resync(self, reason: str, ts_init: int, out: list[Event]) -> None:
        self.gaps += 1
        self._condition.resync_reason = f"order book: {reason}, fetching a new image"
        self._restate(ts_init, out)

    def _quote_from(self, book: BookSnapshot, out: list[Event]) -> None:
        """Tell the best bid and ask when they changed."""
        if not book.bids or not book.asks:
            return
        (bid, bid_size), (ask, ask_size) = book.bids[0], book.asks[0]
        known = self.quote
        if known is not None and (bid, bid_size, ask, ask_size) == (
            known.bid, known.bid_size, known.ask, known.ask_size
        ) and self.state == "live":  # fmt: skip
            return
        quote = QuoteTick(
            exchange=self.exchange,
            symbol=self.symbol,
            bid=bid,
            bid_size=bid_size,
            ask=ask,
            ask_size=ask_size,
            ts_event=book.ts_event,
            ts_init=book.ts_init,
        )
        self._take_quote(quote, out)

    def _observe_time(self, ts_event: int, ts_init: int, out: list[Event]) -> None:
        self._clock.observe(ts_event=ts_event, ts_init=ts_init)
        now_ns = self._clock.now_ns(ts_init)
        self.lag_ns = now_ns - ts_event
        condition = self._condition
        if is_skewed(ts_event=ts_event, now_ns=now_ns, limits=self._limits):
            self.counts[f"flagged.{Reason.SKEWED}"] += 1
            if condition.held is None:
                condition.held = Reason.SKEWED
                self._restate(ts_init, out)
        elif condition.held is Reason.SKEWED:
            condition.held = None
            self._restate(ts_init, out)

    def _reject(self, reason: Reason, what: str, price: float, ts_init: int, out: list[Event]) -> None:
        if reason is Reason.OUT_OF_ORDER and ts_init < self._overlap_until_ns:
            self.counts[f"repeated.{what}"] += 1
            return
        self.counts[f"rejected.{reason}"] += 1
        if reason is Reason.SPIKE:
            self._reference.reject(price)
        if self._condition.hold(reason):
            self._restate(ts_init, out)

    def _good(self, ts_init: int, out: list[Event]) -> None:
        """A plausible price or book from the socket arrived."""
        condition = self._condition
        if condition.diverged or (condition.refused and not condition.retried):
            return
        if self.state != "live" or self._condition.held is not None:
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

    def _close_bars(self, now_ns: int, out: list[Event]) -> None:
        if 0 < self.bars.deadline_ns <= now_ns:
            closed = self.bars.advance(now_ns)
            if closed:
                self._measure_volatility()
                out.extend(closed)

    def _measure_volatility(self) -> None:
        self.volatility = realised_volatility(self.bars.closed_minutes) or self.volatility

    def _counted(self, out: list[Event]) -> list[Event]:
        for event in out:
            self.counts[_NAMES.get(type(event), "out.slow")] += 1
        return out


_NAMES: dict[type, str] = {
    QuoteTick: "out.quote",
    TradeTick: "out.trade",
    BookSnapshot: "out.book",
    Ticker: "out.ticker",
    Bar: "out.bar",
    FeedState: "out.state",
}

"""Best bid and ask: the socket's own, or from whoever stands in for it."""

from collections.abc import Iterable

from marketdata.clock import VenueClock
from marketdata.events import BookSnapshot, Event, QuoteTick, Timeframe
from marketdata.exchanges.adapter import BookImage
from marketdata.numbering import GoingOn
from marketdata.quality import QualityLimits, Reason, check_quote
from marketdata.stand_in import foreign, polled
from marketdata.stream.prints import Prints

# So many refused quotes in a row, in order and for so long, are believed: they are many.
_REFUSED_QUOTES = 30
_REFUSED_FOR_NS = 5_000_000_000
# While REST answered so recently, no other venue stands in.
_POLLED_NS = 5_000_000_000
_FOREIGN_NS = 10_000_000_000
# Another venue's prices come without a book, which would tell late joiners that they are current: the state does.
_STATE_AGAIN_NS = 2_000_000_000


class Quotes(Prints):
    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        clock: VenueClock,
        limits: QualityLimits,
        is_index: bool,
        timeframes: Iterable[Timeframe],
        levels: int,
        quotes_from_book: bool,
    ) -> None:
        super().__init__(
            exchange=exchange, symbol=symbol, clock=clock, limits=limits, is_index=is_index, timeframes=timeframes
        )
        self._levels = levels
        # The book proves their order then.
        self._quotes_from_book = quotes_from_book
        self._last_event_ns = 0
        self._old_quotes = GoingOn(in_a_row=_REFUSED_QUOTES, after_ns=_REFUSED_FOR_NS)
        self._last_update_id = 0
        # What REST says may not be older than what any socket has said: not lowered by a new connection.
        self._newest_update_id = 0
        self._polled_ns = 0
        self._state_told_ns = 0

    @property
    def newest_update_id(self) -> int:
        """The newest that any source of the venue has told, 0 where it numbers nothing."""
        return max(self._newest_update_id, self.book.newest_update_id)

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

    def polling_failed(self, ts_init: int) -> list[Event]:
        """REST gives nothing either: no longer in fallback, unless another venue stands in."""
        return self._told(ts_init) if (self.state, self.source) == ("fallback", "rest") else []

    def _end_stand_in(self, ts_init: int, out: list[Event]) -> None:
        """Another venue's last price is no price for long."""
        if self.source != "rest" and self.quote is not None and ts_init - self.quote.ts_init > _FOREIGN_NS:
            self._restate(ts_init, out)

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
        reason = check_quote(quote, self._reference, floor)
        if reason is Reason.SPIKE:
            # Markets move while the socket is silent, too.
            self._reference.reject((quote.bid + quote.ask) / 2)
        if reason is not None and reason is not Reason.UNCONFIRMED:
            self.counts["polled.older" if reason is Reason.OUT_OF_ORDER else f"rejected.{reason}"] += 1
            return out
        self._restate(quote.ts_init, out, stand_in=source)
        if snapshot is None and not out and quote.ts_init - self._state_told_ns > _STATE_AGAIN_NS:
            out.append(self._state_event(quote.ts_init))
        if out:
            self._state_told_ns = quote.ts_init
        self._accept_quote(quote, out)
        if snapshot is not None:
            self.snapshot = snapshot
            out.append(snapshot)
        return self._counted(out)

    def _take_quote(self, quote: QuoteTick, out: list[Event]) -> None:
        self.counts["in.quote"] += 1
        ts_init = quote.ts_init
        reason = check_quote(quote, self._reference, self._last_update_id)
        if reason is Reason.UNCONFIRMED and (self._quotes_from_book or self._is_quote_confirmed(quote)):
            # A quote from the book is as true as the book.
            reason = None
        if not quote.update_id and reason is None and self._is_overtaken(quote):
            reason = Reason.OUT_OF_ORDER
        if reason is not None or ts_init < self._overlap_until_ns:
            reason = self._reconsider(reason, quote)
            if reason is Reason.UNCONFIRMED:
                return
            if reason is not None:
                told = self.socket_quote
                if reason is Reason.OUT_OF_ORDER and told is not None and quote.update_id > told.update_id:
                    # REST, which stands in, has told a newer one: the channel is late, neither silent nor in disorder.
                    self._silence.quotes.arrived(ts_init)
                    self.counts["overtaken.quote"] += 1
                    return
                self._reject(reason, "quote", (quote.bid + quote.ask) / 2, ts_init, out)
                return
        self._old_quotes.accepted()
        if self._quotes_in_doubt:
            self._quote_believed()
        # Quotes that are all refused, e.g. behind a wrong id, are as good as none: the channel is silent.
        self._silence.quotes.arrived(ts_init)
        if quote.ts_event == 0 or self._clock.is_ahead(quote.ts_event, ts_init):
            # Binance sends no time with spot quotes: ours, corrected by the offset (under replay the stream's).
            quote = QuoteTick(
                exchange=quote.exchange,
                symbol=quote.symbol,
                bid=quote.bid,
                bid_size=quote.bid_size,
                ask=quote.ask,
                ask_size=quote.ask_size,
                ts_event=self._clock.now_ns(ts_init),
                ts_init=ts_init,
                update_id=quote.update_id,
            )
        self.socket_quote = quote
        self._last_event_ns = quote.ts_event
        self._has_fresh_quote = True
        condition = self._condition
        if condition.diverged:
            if quote.update_id > self._newest_update_id:
                self._newest_update_id = quote.update_id
        else:
            self._accept_quote(quote, out)
        if self._doubted_print is not None:
            self._settle_print(quote.bid, quote.ask, ts_init, out, is_last=False)
        if condition.state != "live" or condition.held is not None:
            self._good(ts_init, out)

    def _reconsider(self, reason: Reason | None, quote: QuoteTick) -> Reason | None:
        """Why a quote is refused after all: what goes on for long, or was told already, is seen in another light."""
        is_overlap = quote.ts_init < self._overlap_until_ns
        if (
            reason is Reason.OUT_OF_ORDER
            and not is_overlap
            and self._old_quotes.refused(quote.update_id or quote.ts_event, quote.ts_init)
        ):
            # The number or time before was damaged; whether these prices are plausible is asked with the next one.
            self._last_update_id = self._newest_update_id = self._last_event_ns = 0
        if reason is None and is_overlap and self._is_told(quote):
            return Reason.OUT_OF_ORDER
        return reason

    def _is_overtaken(self, quote: QuoteTick) -> bool:
        """Whether a quote without a number is of before the last one, by the venue's time."""
        return not self._quotes_from_book and 0 < quote.ts_event < self._last_event_ns

    def _is_told(self, quote: QuoteTick) -> bool:
        """Whether a quote without a number, held back by a socket that has taken over, is older than what was told."""
        told = self.socket_quote
        return not quote.update_id and self._has_fresh_quote and told is not None and quote.ts_init < told.ts_init

    def _accept_quote(self, quote: QuoteTick, out: list[Event]) -> None:
        self._last_update_id = update_id = quote.update_id
        if update_id > self._newest_update_id:
            self._newest_update_id = update_id
        self._reference.accept(quote.bid, quote.ask)
        self.quote = quote
        out.append(quote)

"""The order book, by images and deltas, and the prices that come from it where a venue sends no others."""

from collections.abc import Iterable

from marketdata.book import Applied
from marketdata.clock import VenueClock
from marketdata.events import BookDelta, BookSnapshot, Event, QuoteTick, Timeframe
from marketdata.exchanges.adapter import BookImage, Gap
from marketdata.numbering import GoingOn
from marketdata.quality import QualityLimits
from marketdata.stream.quotes import Quotes

# So many refused images in a row, in order, are believed.
_REFUSED_IMAGES = 5
# A venue whose quotes and book have not agreed so often in a row may count otherwise than it says.
_AGREED_BEFORE = 20
# Best prices of quotes and book that met before, and have not for so long while both went on: one of them is wrong.
_APART_NS = 3_000_000_000
_APART_DELTAS = 20
_COUNTED = {applied: f"book.{applied}" for applied in Applied}
_BROKEN = (Applied.GAP, Applied.CROSSED, Applied.BAD_LEVEL)


class Books(Quotes):
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
        quotes_prove_book: bool,
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
        )
        self._old_images = GoingOn(in_a_row=_REFUSED_IMAGES)
        self._quotes_prove_book = quotes_prove_book
        self._quoted: QuoteTick | None = None
        self._agreed = 0
        # Where numbers prove nothing.
        self._quotes_meet_book = not quotes_prove_book and not quotes_from_book
        self._met = self._met_ns = self._apart = 0

    def _take_quote(self, quote: QuoteTick, out: list[Event]) -> None:
        if self._quotes_prove_book:
            self._prove_book(quote, out)
        super()._take_quote(quote, out)

    def _prove_book(self, quote: QuoteTick, out: list[Event]) -> None:
        """Quotes and book count the same changes: the last quote of before the book's number tells the book's best.

        That it was the last one, this quote shows. What differs was lost or damaged, in the one or the other.
        """
        told, self._quoted = self._quoted, quote
        book = self.book
        if told is None or not book.is_valid or not told.update_id <= book.update_id < quote.update_id:
            if told is not None and quote.update_id <= told.update_id:
                self._quoted = None
            return
        bids, asks = book.top(1)
        if bids == ((told.bid, told.bid_size),) and asks == ((told.ask, told.ask_size),):
            self._agreed += 1
            return
        agreed, self._agreed = self._agreed, 0
        if agreed >= _AGREED_BEFORE:
            self._contradicted(quote.ts_init, out)

    def _contradicted(self, ts_init: int, out: list[Event]) -> None:
        self.counts["book.contradicted"] += 1
        self.book.invalidate()
        self._resync("its best prices are not those of the quotes", ts_init, out)

    def _take_delta(self, delta: BookDelta, out: list[Event]) -> None:
        self.counts["in.delta"] += 1
        self._silence.depths.arrived(delta.ts_init)
        if delta.ts_event:
            self._observe_time(delta.ts_event, delta.ts_init, out)
        self._after_book(self.book.apply_delta(delta), delta, out)
        if self._quotes_meet_book:
            self._compare_quote(delta.ts_init, out)

    def _compare_quote(self, ts_init: int, out: list[Event]) -> None:
        """Quotes without the book's numbers meet its best prices now and then; with a wrong level on top they never do."""
        quote, book = self.socket_quote, self.book
        if quote is None or not book.is_valid:
            self._met = 0
        elif quote.bid == book.best_bid and quote.ask == book.best_ask:
            self._met += 1
            self._met_ns, self._apart = ts_init, 0
        elif quote.ts_init > self._met_ns:
            self._apart += 1
            if (
                self._apart >= _APART_DELTAS
                and self._met >= _AGREED_BEFORE
                and quote.ts_init - self._met_ns > _APART_NS
            ):
                self._met = 0
                self._contradicted(ts_init, out)

    def _take_image(self, image: BookImage, out: list[Event]) -> None:
        self.counts["in.image"] += 1
        if image.from_stream:
            self._silence.depths.arrived(image.ts_init)
            if not self._is_image_confirmed(image):
                return
            if image.ts_event and self.book.is_valid:
                self._observe_time(image.ts_event, image.ts_init, out)
            elif image.ts_event:
                # The first image of a quiet book is as old as its last change.
                self._clock.observe(ts_event=image.ts_event, ts_init=image.ts_init)
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
        self._after_book(applied, image, out)

    def _take_gap(self, gap: Gap, out: list[Event]) -> None:
        self.counts["in.gap"] += 1
        self.book.invalidate()
        # Prints may be among what was lost.
        self._leave_minute()
        self._resync(gap.reason, gap.ts_init, out)

    def _after_book(self, applied: Applied, record: BookDelta | BookImage, out: list[Event]) -> None:
        if applied is not Applied.APPLIED:
            self.counts[_COUNTED[applied]] += 1
            if applied in _BROKEN:
                self._resync(str(applied), record.ts_init, out)
            return
        self.counts["book.applied"] += 1
        condition = self._condition
        if condition.state != "live":
            condition.resync_reason = ""
            self._good(record.ts_init, out)
        bids, asks = self.book.top(self._levels)
        self.snapshot = snapshot = BookSnapshot(
            exchange=self.exchange,
            symbol=self.symbol,
            bids=bids,
            asks=asks,
            update_id=self.book.update_id,
            ts_event=self._time_of(record),
            ts_init=record.ts_init,
        )
        if not condition.diverged:
            out.append(snapshot)
        if self._quotes_from_book:
            self._quote_from(snapshot, out)

    def _time_of(self, record: BookDelta | BookImage) -> int:
        """The venue's time of a record: its own, unless it has none, or one that cannot be."""
        if record.ts_event and not self._clock.is_ahead(record.ts_event, record.ts_init):
            return record.ts_event
        return self._clock.now_ns(record.ts_init)

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

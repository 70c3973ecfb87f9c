"""What is far from all that was told a moment before is held back until another record says the same.

A damaged digit in valid JSON looks like a move of the market, but stands alone: the next quote or print, or the book,
tells.
"""

from marketdata.clock import VenueClock
from marketdata.events import Event, QuoteTick, TradeTick
from marketdata.exchanges.adapter import BookImage
from marketdata.quality import QualityLimits, Reason
from marketdata.stream.state import StreamState

# So many in a row that nothing confirms and that do not agree are believed: the market moves fast.
_IN_A_ROW = 3


class Doubts(StreamState):
    def __init__(self, *, exchange: str, symbol: str, clock: VenueClock, limits: QualityLimits, is_index: bool) -> None:
        super().__init__(exchange=exchange, symbol=symbol, clock=clock, limits=limits, is_index=is_index)
        # The newest that the socket itself brought, whoever stands in for it.
        self.socket_quote: QuoteTick | None = None
        self.trade: TradeTick | None = None
        self._doubted_quote: QuoteTick | None = None
        self._doubted_print: TradeTick | None = None
        self._doubted_image = False
        self._quotes_in_doubt = self._prints_in_doubt = 0

    def _forget_doubts(self) -> None:
        """A new connection, or another source: what comes next is as good as any first record."""
        self._doubted_quote = self._doubted_print = None
        self._doubted_image = False
        self._quotes_in_doubt = self._prints_in_doubt = 0
        self._reference.leave()

    def _is_near_now(self, bid: float, ask: float, ts_init: int) -> bool:
        """Whether both sides are near the newest quote, which may be old."""
        known = self.socket_quote
        reference = self._reference
        if known is None or not self._has_fresh_quote:
            reference.leave()
        else:
            reference.centre(known.bid, known.ask, age_ns=ts_init - known.ts_init)
        return reference.is_near(bid, ask)

    def _is_quote_confirmed(self, quote: QuoteTick) -> bool:
        """Whether a quote that is not near may be believed. Holds it back where nothing else says so."""
        bid, ask = quote.bid, quote.ask
        if self._is_near_now(bid, ask, quote.ts_init):
            return True
        doubted, self._doubted_quote = self._doubted_quote, quote
        self._quotes_in_doubt += 1
        has_moved = self._quotes_in_doubt >= _IN_A_ROW or (
            doubted is not None and self._agree(bid, ask, doubted.bid, doubted.ask)
        )
        if has_moved:
            self._reference.learn(bid)
            self._reference.learn(ask)
        elif not self._is_in_book(bid, ask) and not self._is_printed(quote):
            self.counts["held.quote"] += 1
            return False
        self._reference.centre(bid, ask)
        self._doubted_quote = None
        return True

    def _quote_believed(self) -> None:
        """A quote was accepted: one that was held back before it, and was not confirmed by it, was damaged."""
        if self._doubted_quote is not None:
            self._doubted_quote = None
            self.counts[_UNCONFIRMED] += 1
        self._quotes_in_doubt = 0

    def _is_print_confirmed(self, trade: TradeTick) -> bool:
        """Whether a print that is not near may be believed."""
        price = trade.price
        if self._is_near_now(price, price, trade.ts_init):
            return True
        book, quote, doubted, known = self.book, self._doubted_quote, self._doubted_print, self.trade
        return bool(
            # Both moved the same way.
            (
                doubted is not None
                and (doubted.price > self._reference.near_highest) == (price > self._reference.near_highest)
            )
            or (known is not None and self._has_fresh_quote and self._agree(price, price, known.price, known.price))
            or (book.is_valid and self._is_between(price, book.best_bid, book.best_ask))
            or (quote is not None and self._is_between(price, quote.bid, quote.ask))
        )

    def _is_image_confirmed(self, image: BookImage) -> bool:
        """Whether a whole book's best prices are near, or two in a row say that they moved."""
        if not image.bids or not image.asks or not self.book.is_valid:
            return True
        bid, ask = image.bids[0][0], image.asks[0][0]
        if (
            self._doubted_image
            or self._reference.is_near(bid, ask)
            or self._is_near_now(bid, ask, image.ts_init)
            or (
                self._doubted_quote is not None
                and self._agree(bid, ask, self._doubted_quote.bid, self._doubted_quote.ask)
            )
        ):
            self._doubted_image = False
            return True
        self._doubted_image = True
        self.counts["held.book"] += 1
        return False

    def _refuse_print(self, ts_init: int, out: list[Event]) -> None:
        """Nothing said the same as the print that was held back."""
        doubted, self._doubted_print = self._doubted_print, None
        if doubted is not None:
            self._reject(Reason.UNCONFIRMED, "trade", doubted.price, ts_init, out)

    def _is_printed(self, quote: QuoteTick) -> bool:
        """Whether the newest print, later than the newest quote, was at this quote's price."""
        known = self.socket_quote
        return known is not None and any(
            trade.ts_init > known.ts_init and self._agree(quote.bid, quote.ask, trade.price, trade.price)
            for trade in (self.trade, self._doubted_print)
            if trade is not None
        )

    def _is_in_book(self, bid: float, ask: float) -> bool:
        return self.book.is_valid and self._agree(bid, ask, self.book.best_bid, self.book.best_ask)

    def _agree(self, bid: float, ask: float, other_bid: float, other_ask: float) -> bool:
        tolerance = self._reference.tolerance
        return abs(bid - other_bid) <= tolerance * other_bid and abs(ask - other_ask) <= tolerance * other_ask

    def _is_between(self, price: float, bid: float, ask: float) -> bool:
        tolerance = self._reference.tolerance
        return bid * (1 - tolerance) <= price <= ask * (1 + tolerance)


_UNCONFIRMED = f"rejected.{Reason.UNCONFIRMED}"

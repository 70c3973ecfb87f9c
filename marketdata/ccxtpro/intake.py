"""What ccxt's watch methods return, as reports for the feed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marketdata.ccxtpro.continuity import BookCheck, Seen
from marketdata.ccxtpro.outbox import Outbox
from marketdata.ccxtpro.records import NS_PER_MS, NS_PER_US, event_ns, levels, to_quote, to_ticker, to_trade
from marketdata.ccxtpro.trade_ids import TradeIds
from marketdata.ccxtpro.wire import Image
from marketdata.events import QuoteTick

LEVELS = 20


class Intake:
    """One symbol's. `arrived(channel)` is told before anything is put into the outbox.

    Update ids are times in microseconds, the same for books, quotes and what REST gives: ccxt has no other numbers that
    all venues share.
    """

    def __init__(
        self,
        symbol: str,
        *,
        exchange: str,
        market: Mapping[str, Any],
        outbox: Outbox,
        clock_ns: Callable[[], int],
        arrived: Callable[[str], None],
        quotes_from_book: bool,
    ) -> None:
        self.check = BookCheck()
        self.quotes_from_book = quotes_from_book
        self._symbol = symbol
        self._exchange = exchange
        self._market = market
        self._outbox = outbox
        self._clock_ns = clock_ns
        self._arrived = arrived
        self._ids = TradeIds()

    def book(self, book: Mapping[str, Any]) -> None:
        """Raises BookGap."""
        bids = levels(self._market, book["bids"], LEVELS)
        asks = levels(self._market, book["asks"], LEVELS)
        ts_init = self._clock_ns()
        seen = self.check.look(bids, asks, nonce=book.get("nonce"), time_ms=book.get("timestamp"), now_s=ts_init / 1e9)
        if seen is Seen.OLD:
            return
        self._arrived("book")
        update_id, ts_event = ts_init // NS_PER_US, event_ns(book)
        self._outbox.replace(
            Image(
                exchange=self._exchange,
                symbol=self._symbol,
                bids=bids,
                asks=asks,
                update_id=update_id,
                ts_event=ts_event,
                ts_init=ts_init,
            )
        )
        if self.quotes_from_book and bids and asks:
            self._outbox.replace(
                QuoteTick(
                    exchange=self._exchange,
                    symbol=self._symbol,
                    bid=bids[0][0],
                    bid_size=bids[0][1],
                    ask=asks[0][0],
                    ask_size=asks[0][1],
                    ts_event=ts_event,
                    ts_init=ts_init,
                    update_id=update_id,
                )
            )

    def trades(self, trades: Sequence[Mapping[str, Any]]) -> None:
        self._arrived("trades")
        for row in trades:
            trade_id = self._ids.number(row.get("id"), time_ms=event_ns(row) // NS_PER_MS)
            if trade_id is None:
                continue
            self.check.traded()
            self._outbox.add(
                to_trade(
                    row,
                    exchange=self._exchange,
                    symbol=self._symbol,
                    market=self._market,
                    trade_id=trade_id,
                    ts_init=self._clock_ns(),
                )
            )

    def quotes(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        self._arrived("quotes")
        row = rows.get(self._symbol)
        if row is None:
            return
        quote = to_quote(
            row, exchange=self._exchange, symbol=self._symbol, market=self._market, ts_init=self._clock_ns()
        )
        # A venue that leaves sizes out: the book has them.
        self.quotes_from_book = quote is None
        if quote is not None:
            self._outbox.replace(quote)

    def ticker(self, row: Mapping[str, Any]) -> None:
        self._arrived("ticker")
        ticker = to_ticker(row, exchange=self._exchange, symbol=self._symbol, ts_init=self._clock_ns())
        if ticker is not None:
            self._outbox.replace(ticker)

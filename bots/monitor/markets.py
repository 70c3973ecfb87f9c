"""What the monitor may trade on: quotes and books that the feed has just cached."""

from collections.abc import Iterable

from msgspec import Struct

from marketdata.cache import LatestQuote, latest_quotes, latest_snapshot
from marketdata.events import BookSnapshot, QuoteTick

CURRENT = frozenset({"live", "fallback"})
# Another venue's prices stand in only for bots that allow it, and those decide in their engine.
OWN_SOURCES = frozenset({"websocket", "rest"})
# The engine demands 3 s of a price it is told; the monitor looks every 5 s at one that the feed caches.
FRESH_NS = 10_000_000_000

Place = tuple[str, str]


class Market(Struct, frozen=True, kw_only=True):
    """A current quote, and the book where the feed's is whole."""

    quote: LatestQuote
    book: BookSnapshot | None = None

    @property
    def top(self) -> QuoteTick:
        quote = self.quote
        return QuoteTick(**{name: getattr(quote, name) for name in QuoteTick.__struct_fields__ if name != "update_id"})

    def trade_ns(self, now_ns: int, *, stream_clock: bool) -> int:
        """The time that orders are decided at: under replay, the stream's."""
        return self.quote.now_ns if stream_clock else now_ns


def is_fresh(quote: LatestQuote, now_ns: int) -> bool:
    """Whether somebody could still trade at it: the feed calls it current, and received it a moment ago."""
    return (
        quote.state in CURRENT
        and quote.source in OWN_SOURCES
        and 0 < quote.bid <= quote.ask
        and now_ns - quote.ts_init <= FRESH_NS
    )


def fresh_markets(places: Iterable[Place], *, now_ns: int) -> dict[Place, Market]:
    """The markets of (exchange, symbol) pairs whose quotes are fresh."""
    quotes = latest_quotes(sorted(set(places)))
    return {place: Market(quote=quote) for place, quote in quotes.items() if is_fresh(quote, now_ns)}


def with_book(market: Market) -> Market:
    """The market with its book, where there is a current one."""
    snapshot = latest_snapshot(market.quote.exchange, market.quote.symbol)
    usable = snapshot is not None and snapshot.state in CURRENT
    return Market(quote=market.quote, book=snapshot.book if snapshot is not None and usable else None)

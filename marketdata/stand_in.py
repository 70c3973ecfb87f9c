"""Prices from elsewhere, in the words of the venue that they stand in for."""

from marketdata.events import BookSnapshot, QuoteTick
from marketdata.exchanges.adapter import BookImage


def polled(image: BookImage, *, levels: int, now_ns: int) -> tuple[QuoteTick, BookSnapshot] | None:
    """Best prices and top of a book that REST answered. None when a side is empty. `now_ns` is the venue's time."""
    if not image.bids or not image.asks:
        return None
    (bid, bid_size), (ask, ask_size) = image.bids[0], image.asks[0]
    ts_event = image.ts_event or now_ns
    quote = QuoteTick(
        exchange=image.exchange,
        symbol=image.symbol,
        bid=bid,
        bid_size=bid_size,
        ask=ask,
        ask_size=ask_size,
        ts_event=ts_event,
        ts_init=image.ts_init,
        update_id=image.update_id,
    )
    snapshot = BookSnapshot(
        exchange=image.exchange,
        symbol=image.symbol,
        bids=image.bids[:levels],
        asks=image.asks[:levels],
        update_id=image.update_id,
        ts_event=ts_event,
        ts_init=image.ts_init,
    )
    return quote, snapshot


def foreign(quote: QuoteTick, *, exchange: str) -> QuoteTick:
    """Another venue's quote as one of `exchange`. Its ids mean nothing there."""
    return QuoteTick(
        exchange=exchange,
        symbol=quote.symbol,
        bid=quote.bid,
        bid_size=quote.bid_size,
        ask=quote.ask,
        ask_size=quote.ask_size,
        ts_event=quote.ts_event,
        ts_init=quote.ts_init,
    )

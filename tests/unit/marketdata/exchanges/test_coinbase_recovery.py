"""From a lost message of Coinbase's to the next image: what consumers see of the book meanwhile."""

from marketdata.clock import NewestEventClock
from marketdata.events import BookSnapshot, QuoteTick
from marketdata.exchanges.adapter import Gap
from marketdata.exchanges.coinbase.messages import CoinbaseParser
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.coinbase_frames import LEGACY_SYMBOLS, book_event, frame, legacy_frames

SYMBOL = "DASH/BTC"


@needs_captures
def test_no_book_is_told_between_a_lost_message_and_the_next_image():
    frames = list(legacy_frames())[:3_000]
    parser = CoinbaseParser(exchange="coinbase", symbols=LEGACY_SYMBOLS)
    stream = SymbolStream(exchange="coinbase", symbol=SYMBOL, clock=NewestEventClock(), quotes_from_book=True)
    stream.connected(1)
    books: dict[str, int] = {"before": 0, "after": 0}
    quotes = 0
    lost = 2_000
    for number, payload in enumerate(frames):
        if number == lost:
            continue
        for event in parser.parse(payload, ts_init=1):
            if isinstance(event, Gap):
                assert (number, event.symbol) == (lost + 1, "")
                # A gap of the whole socket is one of each symbol on it.
                event = Gap(symbol=SYMBOL, reason=event.reason, ts_init=event.ts_init)
            elif getattr(event, "symbol", "") != SYMBOL:
                continue
            out = stream.receive(event)
            books["before" if number < lost else "after"] += sum(isinstance(told, BookSnapshot) for told in out)
            quotes += sum(isinstance(told, QuoteTick) for told in out)
    assert books["before"] > 100
    assert quotes > 10
    assert books["after"] == 0
    assert stream.has_gap

    image = frame(
        "l2_data", len(frames), book_event("snapshot", "DASH-BTC", [("0.00618", "1")], [("0.00619", "2")]),
        when="2021-04-17T16:45:00.000000Z",
    )  # fmt: skip
    told = [out for event in parser.parse(image, ts_init=2) for out in stream.receive(event)]
    assert [(out.bids, out.asks) for out in told if isinstance(out, BookSnapshot)] == [
        (((0.00618, 1.0),), ((0.00619, 2.0),))
    ]

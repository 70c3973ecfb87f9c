"""From a damaged frame of Kraken's to the next image: what consumers see of the book meanwhile."""

from marketdata.clock import NewestEventClock
from marketdata.events import BookSnapshot, FeedState
from marketdata.exchanges.kraken.messages import KrakenParser
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.kraken_frames import DEPTH, V1_SYMBOLS, v1_books_as_v2

SYMBOL = "XMR/USD"


def receive(parser: KrakenParser, stream: SymbolStream, frame: bytes) -> list:
    return [out for event in parser.parse(frame, ts_init=1) for out in stream.receive(event)]


@needs_captures
def test_no_book_is_told_between_a_corrupted_update_and_the_next_image():
    frames = [frame for frame in v1_books_as_v2() if b'"symbol":"XMR/USD"' in frame]
    image, updates = frames[0], frames[1:]
    parser = KrakenParser(exchange="kraken", symbols=V1_SYMBOLS, listings={}, depth=DEPTH)
    stream = SymbolStream(exchange="kraken", symbol=SYMBOL, clock=NewestEventClock())
    stream.connected(1)
    good = [out for frame in [image, *updates[:20]] for out in receive(parser, stream, frame)]
    assert sum(isinstance(out, BookSnapshot) for out in good) == 21

    at = updates[20].index(b'"checksum":') + len(b'"checksum":')
    corrupted = updates[20][:at] + b"1" + updates[20][at:]
    noticed = receive(parser, stream, corrupted)
    meanwhile = [out for frame in updates[20:60] for out in receive(parser, stream, frame)]

    assert [out.state for out in noticed if isinstance(out, FeedState)] == ["resyncing"]
    assert stream.has_gap
    assert not any(isinstance(out, BookSnapshot) for out in noticed + meanwhile)

    again = receive(parser, stream, image)
    assert [type(out) for out in again if isinstance(out, BookSnapshot)] == [BookSnapshot]
    assert not stream.needs_image
    assert isinstance(receive(parser, stream, updates[0])[-1], BookSnapshot)

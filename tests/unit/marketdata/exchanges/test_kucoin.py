"""KuCoin spot: recorded and documented frames to records, and a book that follows the venue's sequence."""

import re
from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import Bar, BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    MalformedFrame,
    Notice,
    NoticeKind,
    Stream,
    UnknownVenueSymbol,
)
from marketdata.exchanges.catalog import get_adapter
from marketdata.exchanges.kucoin.messages import KucoinParser
from tests.unit.marketdata.captures import CapturedFrame, read_cryptofeed_capture
from tests.unit.marketdata.cast import CAPTURES, needs_captures
from tests.unit.marketdata.exchanges.kucoin_frames import (
    EXPIRED,
    LEVEL1,
    LEVEL2,
    MATCH,
    NOT_FOUND,
    SNAPSHOT,
    SYMBOLS,
    TOO_MANY,
)

SOCKET = CAPTURES / "kucoin_spot_20210425.ws.gz"
HTTP = CAPTURES / "kucoin_spot_20210425.http.gz"
NAMES = ("EQZ-BTC", "ANKR-BTC", "SNX-BTC", "FET-BTC", "BCHSV-USDT", "NRG-BTC", "CAPP-BTC", "DAPPT-BTC", "COV-BTC",
         "LTX-USDT")  # fmt: skip
RECORDED = {name: name.replace("-", "/") for name in NAMES}


def make_parser(symbols: dict[str, str] = SYMBOLS) -> KucoinParser:
    return KucoinParser(exchange="kucoin", symbols=symbols)


def parse(frame: bytes):
    return make_parser().parse(frame, ts_init=5)


def recorded_events() -> list:
    """Images by REST and frames of the socket, in the order in which they came."""
    parser = make_parser(RECORDED)
    events = []
    frames: list[CapturedFrame] = [*read_cryptofeed_capture(SOCKET), *read_cryptofeed_capture(HTTP)]
    for frame in sorted(frames, key=lambda frame: frame.ts_init):
        if frame.url:
            name = re.search("symbol=([A-Z-]+)", frame.url).group(1)
            events.append(parser.parse_image(frame.payload, symbol=RECORDED[name], ts_init=frame.ts_init))
        else:
            events.extend(parser.parse(frame.payload, ts_init=frame.ts_init))
    return events


@needs_captures
def test_the_recording_is_understood_to_the_last_frame():
    kinds = Counter(type(event) for event in recorded_events())
    assert kinds == {
        BookDelta: 3853, QuoteTick: 830, TradeTick: 18, Acknowledgement: 13, BookImage: 9, Bar: 6,
    }  # fmt: skip


@needs_captures
def test_recorded_books_follow_the_sequence_without_a_gap_from_every_image():
    books = {symbol: OrderBook() for symbol in RECORDED.values()}
    outcomes: Counter[Applied] = Counter()
    for event in recorded_events():
        if isinstance(event, BookImage):
            assert books[event.symbol].apply_image(event) is Applied.APPLIED
        elif isinstance(event, BookDelta):
            outcomes[books[event.symbol].apply_delta(event)] += 1
    assert set(outcomes) <= {Applied.APPLIED, Applied.BUFFERED, Applied.OLD}
    assert outcomes[Applied.APPLIED] > 3500
    # Nobody asked for a book of LTX-USDT.
    assert [symbol for symbol, book in books.items() if not book.is_valid] == ["LTX/USDT"]
    for symbol, book in books.items():
        if book.is_valid:
            assert 0 < book.best_bid < book.best_ask, symbol


def joined_deltas() -> tuple[BookImage, list[BookDelta]]:
    """The image of the busiest symbol and what follows it."""
    events = [event for event in recorded_events() if getattr(event, "symbol", "") == "BCHSV/USDT"]
    image = next(event for event in events if isinstance(event, BookImage))
    deltas = [event for event in events if isinstance(event, BookDelta) and event.last_update_id > image.update_id]
    return image, deltas


@needs_captures
@pytest.mark.parametrize("fault", ["dropped", "duplicated", "reordered"])
def test_a_fault_anywhere_is_noticed_at_the_next_message(fault: str):
    image, deltas = joined_deltas()
    assert len(deltas) > 500
    for at in range(10, len(deltas) - 10, 37):
        frames = {
            "dropped": deltas[:at] + deltas[at + 1 :],
            "duplicated": deltas[: at + 1] + deltas[at:],
            "reordered": [*deltas[:at], deltas[at + 1], deltas[at], *deltas[at + 2 :]],
        }[fault]
        book = OrderBook()
        book.apply_image(image)
        outcomes = [book.apply_delta(delta) for delta in frames[: at + 2]]
        assert outcomes[:at] == [Applied.APPLIED] * at
        noticed = outcomes[at + 1] if fault == "duplicated" else outcomes[at]
        assert noticed is (Applied.OLD if fault == "duplicated" else Applied.GAP)


@needs_captures
def test_recorded_frames_have_exactly_the_venues_values():
    events = recorded_events()
    quote = next(event for event in events if isinstance(event, QuoteTick))
    assert quote == QuoteTick(
        exchange="kucoin", symbol="SNX/BTC", bid=0.00028678, bid_size=3.70422021, ask=0.00028717,
        ask_size=14.04274325, ts_event=1619378326323_000_000, ts_init=1619378326364592000, update_id=1612844051653,
    )  # fmt: skip
    print_ = next(event for event in events if isinstance(event, TradeTick))
    assert print_ == TradeTick(
        exchange="kucoin", symbol="DAPPT/BTC", price=0.0000001117, size=81.8814, buyer_is_maker=False,
        trade_id=1612701563869, ts_event=1619378327739050725, ts_init=print_.ts_init,
    )  # fmt: skip
    empty, first = [event for event in events if isinstance(event, BookDelta) and event.symbol == "BCHSV/USDT"][:2]
    assert (empty.bids, empty.asks) == ((), ())
    assert first == BookDelta(
        exchange="kucoin", symbol="BCHSV/USDT", bids=(), asks=((244.351, 150.0),), first_update_id=1613277183875,
        last_update_id=1613277183875, ts_event=0, ts_init=first.ts_init,
    )  # fmt: skip
    image = next(event for event in events if isinstance(event, BookImage))
    assert (image.symbol, image.update_id) == ("BCHSV/USDT", 1613277183892)
    assert image.bids[:2] == ((242.649, 5.0), (242.646, 0.68148185))
    assert image.ts_event == 1619378326628_000_000


def test_changes_of_todays_book_come_in_the_order_of_their_sequence():
    (delta,) = parse(LEVEL2)
    assert delta == BookDelta(
        exchange="kucoin", symbol="BTC/USDT", bids=((1.0, 13329.23415421), (82003.8, 0.00073166)),
        asks=((84271.2, 0.0),), first_update_id=38110279535, last_update_id=38110279538,
        ts_event=1790984501513_000_000, ts_init=5,
    )  # fmt: skip
    twice = LEVEL2.replace(b'["1","13329.23415421","38110279535"]', b'["82003.8","9","38110279537"]')
    (delta,) = parse(twice)
    assert delta.bids == ((82003.8, 0.00073166), (82003.8, 9.0))


def test_quotes_prints_and_days_of_today():
    assert parse(LEVEL1) == (
        QuoteTick(
            exchange="kucoin", symbol="BTC/USDT", bid=68145.7, bid_size=1.29267802, ask=68145.8, ask_size=0.51987471,
            ts_event=1729816058766_000_000, ts_init=5,
        ),
    )  # fmt: skip
    assert parse(MATCH) == (
        TradeTick(
            exchange="kucoin", symbol="BTC/USDT", price=67523.0, size=0.003, buyer_is_maker=False,
            trade_id=11067996711960577, ts_event=1729843222921000000, ts_init=5,
        ),
    )  # fmt: skip
    assert parse(SNAPSHOT) == (
        Ticker(
            exchange="kucoin", symbol="BTC/USDT", last=84521.0, change=-0.0030, high=87220.0, low=83892.5,
            volume=4035.7326718967590488, quote_volume=345900144.63267467635328976,
            ts_event=1790984037207_000_000, ts_init=5,
        ),
    )  # fmt: skip


def test_a_side_without_orders_has_no_price_and_a_day_without_prints_is_nothing():
    (quote,) = parse(LEVEL1.replace(b'"asks":["68145.8","0.51987471"]', b'"asks":[]'))
    assert (quote.bid, quote.ask, quote.ask_size) == (68145.7, 0.0, 0.0)
    assert parse(SNAPSHOT.replace(b'"lastTradedPrice":84521', b'"lastTradedPrice":null')) == ()


def test_frames_are_understood_however_their_fields_are_ordered_and_spaced():
    for frame in (LEVEL1, LEVEL2, MATCH, SNAPSHOT):
        document = msgspec.json.decode(frame)
        spaced = msgspec.json.format(msgspec.json.encode(dict(sorted(document.items()))), indent=2)
        assert parse(spaced) == parse(frame)


def test_a_symbol_that_was_not_asked_for_is_named():
    for frame in (LEVEL2, LEVEL1, MATCH, SNAPSHOT):
        with pytest.raises(UnknownVenueSymbol, match="XRP-USDT"):
            parse(frame.replace(b"BTC-USDT", b"XRP-USDT"))


@pytest.mark.parametrize(
    "frame",
    [
        LEVEL2.replace(b'"sequenceEnd":38110279538', b'"sequenceEnd":38110279534'),
        LEVEL2.replace(b'"38110279536"', b'"9' + b"9" * 30 + b'"'),
        LEVEL1.replace(b'"0.51987471"', b'"0.5","1"'),
        MATCH.replace(b'"buy"', b'"none"'),
        b'{"type":"message","topic":"/market/unheard:BTC-USDT","data":{}}',
        b"[" * 100_000,
        b"",
    ],
)
def test_what_the_venue_does_not_document_is_malformed(frame: bytes):
    with pytest.raises(MalformedFrame):
        parse(frame)


def test_control_frames():
    assert parse(b'{"id":"hQvf8jkno","type":"welcome"}') == ()
    assert parse(b'{"id":"ping","type":"pong"}') == ()
    assert parse(b'{"id":"12","type":"ack"}') == (Acknowledgement(request_id=12),)
    assert parse(NOT_FOUND) == (Acknowledgement(request_id=7, error="404 topic /market/level2:ETH-USDT is not found"),)
    (refused,) = parse(TOO_MANY)
    assert (refused.request_id, refused.symbol) == (8, "")
    assert "300 per session" in refused.error
    (notice,) = parse(EXPIRED)
    assert isinstance(notice, Notice)
    assert notice.kind is NoticeKind.NOT_ALLOWED
    assert "token is expired" in notice.message


def test_one_message_carries_all_symbols_of_a_topic():
    adapter = get_adapter("kucoin")
    streams = adapter.streams("BTC-USDT")
    assert {stream.group for stream in streams} == {
        "/market/level2", "/spotMarket/level1", "/market/match", "/market/snapshot",
    }  # fmt: skip
    both = [Stream(name=name, group="/market/level2") for name in ("BTC-USDT", "ETH-USDT")]
    assert msgspec.json.decode(adapter.subscribe(both, request_id=3)) == {
        "id": "3", "type": "subscribe", "topic": "/market/level2:BTC-USDT,ETH-USDT", "response": True,
    }  # fmt: skip
    assert msgspec.json.decode(adapter.unsubscribe(both[:1], request_id=4))["type"] == "unsubscribe"
    assert msgspec.json.decode(adapter.heartbeat.payload) == {"id": "ping", "type": "ping"}
    with pytest.raises(ValueError, match="it has live"):
        adapter.endpoints("testnet")


def test_an_image_without_orders_is_an_empty_book():
    image = make_parser().parse_image(
        b'{"code":"200000","data":{"time":1550653727731,"sequence":"7","bids":null,"asks":null}}',
        symbol="BTC/USDT",
        ts_init=1,
    )
    assert (image.bids, image.asks, image.update_id) == ((), (), 7)
    assert Decimal(image.ts_event) == 1550653727731_000_000

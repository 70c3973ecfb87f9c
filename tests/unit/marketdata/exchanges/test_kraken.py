"""Kraken's frames, word for word, and what each becomes."""

import json
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest

from marketdata.events import BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    BookProcedure,
    Gap,
    Listing,
    MalformedFrame,
    Notice,
    NoticeKind,
    Stream,
    UnknownVenueSymbol,
)
from marketdata.exchanges.catalog import get_adapter
from marketdata.exchanges.kraken.messages import KrakenParser
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.kraken_frames import book_frame, digits_checksum, v2_frames

SYMBOLS = {"BTC/USD": "BTC/USD", "ETH/USD": "ETH/USD"}
BIDS = [("100.1", "2.00000000"), ("100.0", "1.50000000")]
ASKS = [("100.2", "0.00005000"), ("100.4", "3.00000000")]


def make_parser(depth: int = 25) -> KrakenParser:
    return KrakenParser(exchange="kraken", symbols=SYMBOLS, listings={}, depth=depth)


def image_frame(symbol: str = "BTC/USD", bids=BIDS, asks=ASKS) -> bytes:
    return book_frame("snapshot", symbol, bids, asks, digits_checksum(bids, asks))


def update_frame(bids, asks, after_bids, after_asks, symbol: str = "BTC/USD") -> bytes:
    """The checksum is that of the sides afterwards."""
    return book_frame("update", symbol, bids, asks, digits_checksum(after_bids, after_asks))


@needs_captures
def test_the_recording_of_2026_becomes_exactly_these_events():
    parser = make_parser()
    status, agreed, ticker, heartbeat, ticker_update, bars, bar, image, *updates = [
        list(parser.parse(frame, ts_init=7)) for frame in v2_frames()
    ]

    assert status == heartbeat == bars == bar == []
    assert agreed == [Acknowledgement(request_id=1, symbol="BTC/USD")]
    assert ticker == [
        QuoteTick(
            exchange="kraken", symbol="BTC/USD", bid=63297.7, bid_size=5.75119051, ask=63297.8, ask_size=0.36977971,
            ts_event=1_786_562_940_921_195_000, ts_init=7,
        ),
        Ticker(
            exchange="kraken", symbol="BTC/USD", last=63297.8, change=0.7 / (63297.8 - 0.7), high=64409.2,
            low=63250.0, volume=1020.88387727, quote_volume=63685.7 * 1020.88387727,
            ts_event=1_786_562_940_921_195_000, ts_init=7,
        ),
    ]  # fmt: skip
    assert [type(event) for event in ticker_update] == [QuoteTick, Ticker]
    assert (ticker_update[0].bid_size, ticker_update[1].volume) == (5.45673101, 1020.88391276)
    [book] = image
    assert isinstance(book, BookImage)
    assert (book.update_id, book.ts_event, book.from_stream) == (1, 1_791_273_896_000_569_000, True)
    assert book.bids[:4] == ((85600.4, 0.20401971), (85599.6, 0.04385864), (85599.5, 0.17523456), (85597.8, 5e-05))
    assert book.asks[0] == (85600.5, 0.90679198)
    assert (len(book.bids), len(book.asks)) == (10, 10)

    def delta(number: int, ts_event: int, *asks) -> list[BookDelta]:
        return [
            BookDelta(
                exchange="kraken", symbol="BTC/USD", bids=(), asks=asks, first_update_id=number,
                last_update_id=number, ts_event=ts_event, ts_init=7,
            )
        ]  # fmt: skip

    assert updates == [
        delta(2, 1_791_273_896_153_890_000, (85601.6, 0.0), (85608.0, 0.04358176)),
        delta(3, 1_791_273_896_153_890_000, (85600.5, 1.12287714)),
        delta(4, 1_791_273_896_283_958_000, (85600.5, 0.90679198)),
        delta(5, 1_791_273_896_283_958_000, (85601.6, 0.21608516)),
    ]


def test_a_trade_carries_the_takers_side():
    frame = (
        b'{"channel":"trade","type":"update","data":['
        b'{"symbol":"BTC/USD","side":"sell","price":100.2,"qty":0.5,"ord_type":"market","trade_id":12,'
        b'"timestamp":"2026-10-06T08:04:56.000002Z"},'
        b'{"symbol":"BTC/USD","side":"buy","price":100.1,"qty":5e-05,"ord_type":"limit","trade_id":11,'
        b'"timestamp":"2026-10-06T08:04:56.000001Z"}]}'
    )

    older, newer = make_parser().parse(frame, ts_init=7)

    assert older == TradeTick(
        exchange="kraken", symbol="BTC/USD", price=100.1, size=5e-05, buyer_is_maker=False, trade_id=11,
        ts_event=1_791_273_896_000_001_000, ts_init=7,
    )  # fmt: skip
    assert (newer.trade_id, newer.buyer_is_maker) == (12, True)


def trades(*numbers: int, kind: str = "update", symbol: str = "BTC/USD") -> bytes:
    rows = ",".join(
        f'{{"symbol":"{symbol}","side":"sell","price":100.2,"qty":0.5,"ord_type":"market","trade_id":{number},'
        f'"timestamp":"2026-10-06T08:04:56.000002Z"}}'
        for number in numbers
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'.encode()


@pytest.mark.parametrize(
    ("frames", "reasons"),
    [
        ([trades(5), trades(7)], ["1 missing"]),
        ([trades(5), trades(6, 9), trades(10)], ["2 missing"]),
        ([trades(5), trades(5)], ["1 back"]),
        ([trades(5), trades(7), trades(6)], ["1 missing", "2 back"]),
        ([trades(5), trades(6), trades(7, 8)], []),
        ([trades(5), trades(90, symbol="ETH/USD"), trades(6)], []),
        # Left and joined again.
        ([trades(5), trades(8, 9, kind="snapshot"), trades(10)], []),
    ],
)
def test_a_hole_in_the_numbers_of_trades_is_a_gap_before_the_print_that_shows_it(frames, reasons):
    parser = KrakenParser(
        exchange="kraken", symbols={"BTC/USD": "BTC/USD", "ETH/USD": "ETH/USD"}, listings={}, depth=10
    )
    events = [event for frame in frames for event in parser.parse(frame, ts_init=7)]
    assert [event.reason for event in events if isinstance(event, Gap)] == [
        f"hole in the numbers of trades: {reason}" for reason in reasons
    ]
    for gap, print_ in pairwise(events):
        assert not isinstance(gap, Gap) or isinstance(print_, TradeTick)


def test_a_trade_frame_that_was_refused_is_missing():
    parser = make_parser()
    parser.parse(trades(5), ts_init=7)
    with pytest.raises(MalformedFrame):
        parser.parse(trades(6).replace(b"sell", b"gone"), ts_init=7)
    gap, _ = parser.parse(trades(7), ts_init=7)
    assert gap.reason == "hole in the numbers of trades: 1 missing"


def test_prints_of_before_the_subscription_are_left_out():
    frame = (
        b'{"channel":"trade","type":"snapshot","data":[{"symbol":"BTC/USD","side":"sell","price":1,"qty":1,'
        b'"ord_type":"market","trade_id":1,"timestamp":"2026-10-06T08:04:56.000001Z"}]}'
    )
    assert list(make_parser().parse(frame, ts_init=7)) == []


def test_a_ticker_repeats_the_summary_only_when_it_changed():
    frame = (
        '{{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD","bid":{bid},"bid_qty":1,"ask":101,"ask_qty":1,'
        '"last":{last},"volume":5,"vwap":99,"low":90,"high":110,"change":-1.0,"change_pct":-1}}]}}'
    )
    parser = make_parser()

    def parse(bid: float, last: float) -> list[type]:
        return [type(event) for event in parser.parse(frame.format(bid=bid, last=last).encode(), ts_init=7)]

    assert parse(99, 100) == [QuoteTick, Ticker]
    assert parse(98, 100) == [QuoteTick]
    assert parse(98, 101) == [QuoteTick, Ticker]


def test_a_checksum_that_does_not_match_is_one_gap_and_silence_until_the_next_image():
    parser = make_parser()
    parser.parse(image_frame(), ts_init=1)
    wrong = book_frame("update", "BTC/USD", [("100.1", "2.5")], [], 12345)
    good = update_frame([("100.1", "2.5")], [], [("100.1", "2.50000000"), BIDS[1]], ASKS)

    [gap] = parser.parse(wrong, ts_init=2)
    assert gap == Gap(symbol="BTC/USD", reason="the checksum of the book does not match", ts_init=2)
    assert list(parser.parse(wrong, ts_init=3)) == []
    assert list(parser.parse(good, ts_init=4)) == []

    [image] = parser.parse(image_frame(), ts_init=5)
    [delta] = parser.parse(good, ts_init=6)
    assert isinstance(image, BookImage)
    assert (delta.first_update_id, delta.last_update_id) == (image.update_id + 1, image.update_id + 1)


def test_an_image_with_a_wrong_checksum_is_a_gap():
    [gap] = make_parser().parse(book_frame("snapshot", "BTC/USD", BIDS, ASKS, 1), ts_init=1)
    assert gap == Gap(symbol="BTC/USD", reason="the checksum of the book's image does not match", ts_init=1)


def test_a_tick_size_that_changes_is_a_gap_and_then_news_of_the_listing():
    btc = Listing(
        symbol="BTC/USD", venue_symbol="BTC/USD", base="BTC", quote="USD", tick_size=Decimal("0.1"),
        lot_size=Decimal("1e-8"), min_quantity=Decimal(0), max_quantity=Decimal(0), min_notional=Decimal(0), active=True,
        price_decimals=1, size_decimals=8,
    )  # fmt: skip
    parser = KrakenParser(exchange="kraken", symbols=SYMBOLS, listings={"BTC/USD": btc}, depth=25)
    assert [type(event) for event in parser.parse(image_frame(), ts_init=1)] == [BookImage]

    finer = [("100.15", "1.00000000"), ("100.10", "2.00000000")]
    asks = [("100.20", "0.00005000"), ("100.40", "3.00000000")]
    assert isinstance(parser.parse(update_frame(finer[:1], [], finer, asks), ts_init=2)[0], Gap)

    image, news = parser.parse(image_frame(bids=finer, asks=asks), ts_init=3)
    assert isinstance(image, BookImage)
    assert isinstance(news, Notice)
    assert (news.kind, "BTC/USD" in news.message) == (NoticeKind.LISTINGS_CHANGED, True)
    assert [type(event) for event in parser.parse(image_frame(bids=finer, asks=asks), ts_init=4)] == [BookImage]


def test_an_update_without_an_image_is_a_gap_once():
    parser = make_parser()
    frame = update_frame([("100.1", "2.5")], [], BIDS, ASKS)
    [gap] = parser.parse(frame, ts_init=1)
    assert "before its image" in gap.reason
    assert list(parser.parse(frame, ts_init=2)) == []


def test_the_same_update_twice_is_a_gap():
    parser = make_parser()
    parser.parse(image_frame(), ts_init=1)
    frame = update_frame([("100.1", "2.5")], [], [("100.1", "2.50000000"), BIDS[1]], ASKS)
    assert isinstance(parser.parse(frame, ts_init=2)[0], BookDelta)
    assert isinstance(parser.parse(frame, ts_init=3)[0], Gap)


def test_spaces_and_another_order_of_fields_change_nothing():
    plain, spaced = make_parser(), make_parser()
    frame = image_frame()
    turned = json.dumps(dict(reversed(json.loads(frame).items())))
    assert list(spaced.parse(turned.encode(), ts_init=1)) == list(plain.parse(frame, ts_init=1))


def test_a_gap_of_one_symbol_leaves_the_others_alone():
    parser = make_parser()
    parser.parse(image_frame(), ts_init=1)
    parser.parse(image_frame("ETH/USD"), ts_init=1)
    parser.parse(book_frame("update", "BTC/USD", [("100.1", "2.5")], [], 1), ts_init=2)

    after = [("100.1", "2.50000000"), BIDS[1]]
    [delta] = parser.parse(update_frame([("100.1", "2.5")], [], after, ASKS, "ETH/USD"), ts_init=3)

    assert (delta.symbol, delta.bids) == ("ETH/USD", ((100.1, 2.5),))


def test_a_frame_that_cannot_be_read_makes_every_book_begin_anew():
    parser = make_parser()
    parser.parse(image_frame(), ts_init=1)
    with pytest.raises(MalformedFrame):
        parser.parse(b'{"channel":"book","type":"upd', ts_init=2)

    [gap] = parser.parse(update_frame([("100.1", "2.5")], [], BIDS, ASKS), ts_init=3)

    assert gap == Gap(symbol="BTC/USD", reason="a frame before this one could not be read", ts_init=3)


def test_a_ticker_that_cannot_be_read_leaves_the_books_alone():
    parser = make_parser()
    parser.parse(image_frame(), ts_init=1)
    with pytest.raises(MalformedFrame):
        parser.parse(b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":null}]}', ts_init=2)

    after = [("100.1", "2.50000000"), BIDS[1]]
    assert isinstance(parser.parse(update_frame([("100.1", "2.5")], [], after, ASKS), ts_init=3)[0], BookDelta)


def test_an_unknown_symbol_is_named():
    with pytest.raises(UnknownVenueSymbol, match="FOO/USD"):
        make_parser().parse(image_frame("FOO/USD"), ts_init=1)


@pytest.mark.parametrize("year", [b"0001", b"9999"])
def test_a_time_that_no_record_can_hold_is_refused(year: bytes):
    [ticker] = [frame for frame in v2_frames() if b'"ticker","type":"update"' in frame]
    assert make_parser().parse(ticker, ts_init=1)
    with pytest.raises(MalformedFrame, match="the year of"):
        make_parser().parse(ticker.replace(b'"timestamp":"2026', b'"timestamp":"' + year), ts_init=1)


def test_a_book_frame_of_an_unknown_symbol_may_have_been_of_any_book():
    parser = make_parser()
    parser.parse(image_frame("BTC/USD"), ts_init=1)
    with pytest.raises(UnknownVenueSymbol):
        parser.parse(image_frame("BTC/USE").replace(b'"snapshot"', b'"update"'), ts_init=2)
    update = book_frame(
        "update", "BTC/USD", [("100.1", "3.00000000")], [], digits_checksum([("100.1", "3.00000000"), BIDS[1]], ASKS)
    )
    assert [type(event) for event in parser.parse(update, ts_init=3)] == [Gap]


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (
            b'{"error":"Currency pair not supported FOO/USD","method":"subscribe","req_id":4,"success":false,'
            b'"symbol":"ETH/USD","time_in":"2026-10-06T08:04:56.000001Z","time_out":"2026-10-06T08:04:56.000001Z"}',
            Acknowledgement(request_id=4, error="Currency pair not supported FOO/USD", symbol="ETH/USD"),
        ),
        (
            b'{"error":"Currency pair not supported ETH/USD","method":"subscribe","req_id":4,"success":false}',
            Acknowledgement(request_id=4, error="Currency pair not supported ETH/USD", symbol="ETH/USD"),
        ),
        (
            b'{"error":"Already subscribed to one ticker on the requested symbol","method":"subscribe","req_id":5,'
            b'"success":false,"symbol":"BTC/USD"}',
            Acknowledgement(request_id=5, symbol="BTC/USD"),
        ),
        (b'{"error":"Exceeded msg rate"}', Acknowledgement(request_id=None, error="Exceeded msg rate")),
        (
            b'{"method":"unsubscribe","req_id":6,"result":{"channel":"book","depth":25,"symbol":"BTC/USD"},"success":true}',
            Acknowledgement(request_id=6, symbol="BTC/USD"),
        ),
    ],
)
def test_answers_name_the_symbol_that_they_are_about(frame: bytes, answer: Acknowledgement):
    assert list(make_parser().parse(frame, ts_init=1)) == [answer]


def test_the_state_of_the_venue_is_told_when_it_changes():
    parser = make_parser()

    def parse(system: str) -> list:
        frame = b'{"channel":"status","type":"update","data":[{"system":"%s","api_version":"v2"}]}' % system.encode()
        return list(parser.parse(frame, ts_init=1))

    assert parse("online") == []
    [closing] = parse("cancel_only")
    assert (closing.kind, "cancel_only" in closing.message) == (NoticeKind.MAINTENANCE, True)
    assert parse("cancel_only") == []
    [online] = parse("online")
    assert isinstance(online, Notice)
    assert online.kind is NoticeKind.ONLINE


@pytest.mark.parametrize(
    "frame", [b'{"channel":"heartbeat"}', b'{"method":"pong","req_id":1,"time_in":"2026-10-06T08:04:56.000001Z"}']
)
def test_signs_of_life_are_no_events(frame: bytes):
    assert list(make_parser().parse(frame, ts_init=1)) == []


def test_requests_carry_what_the_channel_needs():
    adapter = get_adapter("kraken")
    streams = adapter.streams("BTC/USD")

    assert streams == tuple(Stream(name="BTC/USD", group=group) for group in ("book", "ticker", "trade"))
    both = [streams[0], Stream(name="ETH/USD", group="book")]
    assert msgspec.json.decode(adapter.subscribe(both, request_id=3)) == {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 10},
        "req_id": 3,
    }
    assert msgspec.json.decode(adapter.subscribe(streams[1:2], request_id=4))["params"]["event_trigger"] == "bbo"
    assert msgspec.json.decode(adapter.unsubscribe(streams[2:], request_id=5)) == {
        "method": "unsubscribe",
        "params": {"channel": "trade", "symbol": ["BTC/USD"]},
        "req_id": 5,
    }
    assert (adapter.book_procedure, adapter.quotes_from_book) == (BookProcedure.IMAGE_ON_SUBSCRIBE, False)


def test_there_is_no_testnet_and_the_error_says_what_to_do():
    adapter = get_adapter("kraken")
    assert adapter.endpoints("live").websocket_url == "wss://ws.kraken.com/v2"
    with pytest.raises(ValueError, match=r"no public testnet for spot.*set the exchange's URLs"):
        adapter.endpoints("testnet")

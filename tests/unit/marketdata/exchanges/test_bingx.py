"""BingX: recorded and documented frames to records, compressed as they come and plain."""

import gzip
import json
import re
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import Bar, BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    MalformedFrame,
    Reply,
    UnknownVenueSymbol,
    VenueEvent,
)
from marketdata.exchanges.bingx.messages import BingxParser
from marketdata.exchanges.catalog import get_adapter
from tests.unit.marketdata.cast import CAPTURES, needs_captures
from tests.unit.marketdata.exchanges.bingx_frames import (
    BOOK_TICKER,
    DEPTH,
    SPOT_DEPTH,
    SPOT_PING,
    SPOT_TRADE,
    SYMBOLS,
    UNSUPPORTED,
    increment,
    trades,
)
from tests.unit.marketdata.mutations import mutations

BTC = "BTC/USDT:USDT"
COMMON = {"exchange": "bingx", "symbol": BTC, "ts_init": 5}


def make_parser() -> BingxParser:
    return BingxParser(exchange="bingx", symbols=SYMBOLS)


def parse(frame: bytes) -> list[VenueEvent]:
    return list(make_parser().parse(frame, ts_init=5))


@needs_captures
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_recorded_frames_have_exactly_the_venues_values(pack):
    parser = make_parser()
    lines = (CAPTURES / "bingx_swap.jsonl").read_bytes().splitlines()
    events = [event for line in lines for event in parser.parse(pack(line), ts_init=5)]
    assert events[0] == Acknowledgement(request_id=None)
    assert events[1] == Ticker(
        last=63968.7, change=63968.7 / 63968.2 - 1, high=64425.0, low=63204.2, volume=12761.65,
        quote_volume=814330726.14, ts_event=1786541030249_000_000, **COMMON,
    )  # fmt: skip
    assert events[3] == Bar(
        exchange="bingx", symbol=BTC, timeframe="1m", ts_open=1786540980_000_000_000,
        ts_close=1786541040_000_000_000, open=63959.8, high=63971.3, low=63947.1, close=63968.4, volume=11.4896,
        taker_buy_volume=None, trades=0, closed=False, source="venue",
    )  # fmt: skip
    assert events[5:] == [
        TradeTick(
            price=63956.2, size=0.0005, buyer_is_maker=True, trade_id=1786540993897_000,
            ts_event=1786540993897_000_000, **COMMON,
        ),
        TradeTick(
            price=63956.3, size=0.0007, buyer_is_maker=False, trade_id=1786540994094_000,
            ts_event=1786540994094_000_000, **COMMON,
        ),
    ]  # fmt: skip
    assert len(events) == 7


def test_a_book_is_whole_in_every_message_and_best_first():
    assert parse(DEPTH) == [
        BookImage(
            bids=((121825.7, 7.7622), (121825.6, 0.006), (121825.4, 0.1234), (121825.2, 0.0021), (121825.0, 0.0023)),
            asks=((121825.9, 9.2345), (121826.1, 0.0143), (121826.5, 0.0028), (121827.1, 0.001), (121827.3, 0.0025)),
            update_id=1759996742928, ts_event=1759996742928_000_000, from_stream=True, **COMMON,
        )
    ]  # fmt: skip
    (spot,) = parse(SPOT_DEPTH)
    assert (spot.bids[0], spot.asks[0], spot.update_id) == ((83656.98, 2.570805), (84116.52, 0.000014), 1743241379958)


def test_quotes():
    assert parse(BOOK_TICKER) == [
        QuoteTick(
            bid=121584.1, bid_size=18.7084, ask=121584.3, ask_size=4.9602, ts_event=1760001840686_000_000,
            update_id=1760001840686, **COMMON,
        )
    ]  # fmt: skip


def test_ids_of_prints_grow_within_a_millisecond_and_over_frames():
    parser = make_parser()
    frames = [trades((100, "1"), (100, "2"), (101, "3")), trades((101, "4"), (103, "5")), trades((102, "6"))]
    ids = [event.trade_id for frame in frames for event in parser.parse(frame, ts_init=5)]
    # The last is late, and its id shows it.
    assert ids == [100_000, 100_001, 101_000, 101_001, 103_000, 102_000]


def test_prints_of_spot_keep_the_venues_id():
    (print_,) = parse(SPOT_TRADE)
    assert (print_.trade_id, print_.price, print_.size, print_.buyer_is_maker) == (57903921, 29110.19, 0.1868, True)
    assert print_.ts_event == 1690214529386_000_000


def test_incremental_depth_is_an_image_and_changes_whose_holes_are_noticed():
    parser = make_parser()
    book = OrderBook()
    (image,) = parser.parse(increment("all", 7, '[["100","2"]]', '[["102","1"],["101","3"]]'), ts_init=5)
    assert isinstance(image, BookImage)
    assert book.apply_image(image) is Applied.APPLIED
    assert book.top(2) == (((100.0, 2.0),), ((101.0, 3.0), (102.0, 1.0)))
    (delta,) = parser.parse(increment("update", 8, '[["100","4"]]', "[]"), ts_init=5)
    assert isinstance(delta, BookDelta)
    assert book.apply_delta(delta) is Applied.APPLIED
    assert book.top(1)[0] == ((100.0, 4.0),)
    (delta,) = parser.parse(increment("update", 10, "[]", "[]"), ts_init=5)
    assert book.apply_delta(delta) is Applied.GAP


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_pings_are_answered(pack):
    assert parse(pack(b"Ping")) == [Reply(payload=b"Pong")]
    (reply,) = parse(pack(SPOT_PING))
    assert json.loads(reply.payload) == {
        "pong": "2177c68e4d0e45679965f482929b59c2", "time": "2022-06-07T16:27:36.323+0800",
    }  # fmt: skip


def test_refusals_name_request_and_symbol():
    assert parse(UNSUPPORTED) == [Acknowledgement(request_id=12, error="80015 dataType not supported", symbol=BTC)]
    assert parse(b'{"id":"3","code":0,"msg":"","dataType":"","data":null}') == [Acknowledgement(request_id=3)]
    assert parse(b'{"code":100400,"msg":"","timestamp":1696245808833}') == [
        Acknowledgement(request_id=None, error="100400")
    ]


def test_a_symbol_that_was_not_asked_for_is_named():
    for frame in (DEPTH, BOOK_TICKER, trades((1, "1")), increment("all", 1, "[]", "[]")):
        with pytest.raises(UnknownVenueSymbol, match="XRP-USDT"):
            parse(frame.replace(b"BTC-USDT", b"XRP-USDT"))


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(b'{"dataType":"BTC-USDT@trade","data":"' + b" " * (64 * 1024 * 1024) + b'"}')
    assert len(bomb) < 100_000
    with pytest.raises(MalformedFrame, match="16777216 bytes"):
        parse(bomb)


def test_what_fits_is_unpacked():
    text = trades(*[(time_ms, "1.5") for time_ms in range(100_000)])
    assert len(parse(gzip.compress(text))) == 100_000


@pytest.mark.parametrize(
    "frame",
    [
        gzip.compress(DEPTH, mtime=0)[:-9],
        gzip.compress(DEPTH, mtime=0)[:40],
        gzip.compress(DEPTH, mtime=0) + b"x",
        b"\x1f\x8b",
        zlib.compress(DEPTH),
        DEPTH.replace(b"depth5", b"unheard"),
        DEPTH.replace(b"1759996742928", b"9" * 30),
        increment("some", 1, "[]", "[]"),
        b"Pong",
        b"null",
        b"[" * 100_000,
        b"",
    ],
)
def test_what_the_venue_does_not_document_is_malformed(frame: bytes):
    with pytest.raises(MalformedFrame):
        parse(frame)


def test_a_damaged_bit_in_a_compressed_frame_is_noticed():
    packed = gzip.compress(BOOK_TICKER)
    # Behind the header, whose time and name nothing depends on.
    for at in range(10, len(packed)):
        with pytest.raises(MalformedFrame):
            parse(packed[:at] + bytes([packed[at] ^ 0x10]) + packed[at + 1 :])


def test_one_message_asks_for_one_stream():
    adapter = get_adapter("bingx")
    assert [stream.name for stream in adapter.streams("BTC-USDT")] == [
        "BTC-USDT@depth50@200ms", "BTC-USDT@bookTicker", "BTC-USDT@trade", "BTC-USDT@ticker",
    ]  # fmt: skip
    assert adapter.streams("SOL-USDT")[0].name == "SOL-USDT@depth50@500ms"
    assert get_adapter("bingx-spot").streams("SOL-USDT")[0].name == "SOL-USDT@depth50"
    assert msgspec.json.decode(adapter.subscribe(adapter.streams("BTC-USDT")[2:3], request_id=3)) == {
        "id": "3", "reqType": "sub", "dataType": "BTC-USDT@trade",
    }  # fmt: skip
    assert b"unsub" in adapter.unsubscribe(adapter.streams("BTC-USDT")[:1], request_id=3)
    assert adapter.limits.streams_per_message == 1
    assert adapter.endpoints("testnet").websocket_url == "wss://vst-open-api-ws.bingx.com/swap-market"
    with pytest.raises(ValueError, match="it has live"):
        get_adapter("bingx-spot").endpoints("testnet")


@needs_captures
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_ten_thousand_damaged_frames_end_in_true_events_or_a_named_error(pack):
    """Damaged before they are compressed; what is damaged afterwards is refused by its checksum."""
    recorded = (CAPTURES / "bingx_swap.jsonl").read_bytes().splitlines()
    good = [
        *recorded, DEPTH, SPOT_DEPTH, BOOK_TICKER, SPOT_TRADE, SPOT_PING, UNSUPPORTED, b"Ping",
        increment("update", 8, '[["100","4"]]', '[["101","0"]]'),
    ]  # fmt: skip
    events = errors = 0
    parser = make_parser()
    for frame in mutations(good, 10_000, seed=77):
        try:
            got = parser.parse(pack(frame), ts_init=2)
        except MalformedFrame:
            errors += 1
            continue
        events += len(got)
        _check(got, frame)
    assert events > 1_000
    assert errors > 2_500


@needs_captures
def test_ten_thousand_frames_damaged_on_the_wire():
    good = [gzip.compress(line) for line in (CAPTURES / "bingx_swap.jsonl").read_bytes().splitlines()]
    whole = {tuple(make_parser().parse(frame, ts_init=2)) for frame in good}
    errors = 0
    for frame in mutations(good, 10_000, seed=78):
        try:
            got = make_parser().parse(frame, ts_init=2)
        except MalformedFrame:
            errors += 1
            continue
        assert tuple(got) in whole
    assert errors > 8_000


def _check(events: Sequence[VenueEvent], frame: bytes) -> None:
    """What the same frame says when json and Decimal read it."""
    if not any(isinstance(event, QuoteTick | TradeTick | BookDelta | BookImage | Ticker | Bar) for event in events):
        return
    document = json.loads(frame.decode("utf-8", "surrogateescape"), parse_float=Decimal, strict=False)
    rows = document["data"] if isinstance(document["data"], list) else [document["data"]]
    for event, row in zip(events, rows, strict=True):
        assert _text(_own(event)) == _text(_told(event, row)), frame


def _own(event: VenueEvent) -> Any:
    if isinstance(event, QuoteTick):
        return event.bid, event.bid_size, event.ask, event.ask_size
    if isinstance(event, TradeTick):
        return event.price, event.size, event.ts_event
    if isinstance(event, BookDelta | BookImage):
        return sorted(map(_text, event.bids)), sorted(map(_text, event.asks))
    if isinstance(event, Ticker):
        return event.last, event.high, event.low, event.volume
    assert isinstance(event, Bar)
    return event.open, event.high, event.low, event.close


def _told(event: VenueEvent, row: dict[str, Any]) -> Any:
    if isinstance(event, BookDelta | BookImage):
        return tuple(
            sorted(_text((_number(level[0]), _number(level[1]))) for level in row.get(name) or ())
            for name in ("bids", "asks")
        )
    if isinstance(event, TradeTick):
        return _number(row["p"]), _number(row["q"]), int(Decimal(row["T"])) * 1_000_000
    names = {QuoteTick: "bBaA", Ticker: "chlv", Bar: "ohlc"}[type(event)]
    return tuple(_number(row[name]) for name in names)


def _number(value: object) -> float:
    assert isinstance(value, str | int | Decimal), value
    return float(Decimal(value))


def _text(values: object) -> str:
    """In which a NaN equals itself, and zero has no sign."""
    return re.sub(r"-0\.0\b", "0.0", repr(values))

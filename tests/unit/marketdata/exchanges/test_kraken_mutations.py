"""Damaged frames end in events that are true, or in a named error."""

import json
from collections.abc import Sequence
from decimal import Decimal

import pytest

from marketdata.events import BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, VenueEvent
from marketdata.exchanges.kraken.messages import KrakenParser
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.kraken_frames import v2_frames
from tests.unit.marketdata.mutations import mutations

TRADE = (
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":85600.4,"qty":0.5,'
    b'"ord_type":"market","trade_id":12,"timestamp":"2026-10-06T08:04:56.000002Z"}]}'
)
STATUS = b'{"channel":"status","type":"update","data":[{"system":"maintenance","api_version":"v2"}]}'
REFUSAL = b'{"error":"Currency pair not supported FOO/USD","method":"subscribe","req_id":4,"success":false,"symbol":"FOO/USD"}'


def make_parser() -> KrakenParser:
    return KrakenParser(exchange="kraken", symbols={"BTC/USD": "BTC/USD"}, listings={}, depth=10)


@needs_captures
def test_ten_thousand_damaged_frames_end_in_true_events_or_a_named_error():
    frames = [*v2_frames(), TRADE, STATUS, REFUSAL]
    image = frames[7]
    events = errors = 0
    parser = make_parser()
    for number, frame in enumerate(mutations(frames, 10_000, seed=2026)):
        if number % 2:
            # With a good book, so that updates are not merely held back.
            parser = make_parser()
            parser.parse(image, ts_init=1)
        try:
            got = parser.parse(frame, ts_init=2)
        except MalformedFrame:
            errors += 1
            continue
        events += len(got)
        _check(got, frame)
    assert events > 500
    assert errors > 1_000


@needs_captures
def test_a_damaged_book_from_rest_is_a_book_or_a_named_error():
    frame = (
        b'{"error":[],"result":{"XXBTZUSD":{"asks":[["85600.5","1.2",1616663113],["85601.0","0.5",1616663113]],'
        b'"bids":[["85600.4","3.1",1616663113]]}}}'
    )
    books = 0
    for mutated in mutations([frame], 3_000, seed=3):
        try:
            image = make_parser().parse_image(mutated, symbol="BTC/USD", ts_init=1)
        except MalformedFrame:
            continue
        books += 1
        read = {_name(number) for level in (*image.bids, *image.asks) for number in level}
        assert read <= {_name(number) for number in _all_numbers(mutated)}
    assert books > 100


def _check(events: Sequence[VenueEvent], frame: bytes) -> None:
    if not any(isinstance(event, BookDelta | BookImage | QuoteTick | Ticker | TradeTick) for event in events):
        return
    rows = [
        _numbers(row)
        for row in json.loads(frame.decode("utf-8", "replace"), parse_float=Decimal, parse_int=Decimal)["data"]
    ]
    for event in events:
        if isinstance(event, BookDelta | BookImage):
            sent = [(level["price"], level["qty"]) for row in rows for level in (*row["bids"], *row["asks"])]
            for price, size in (*event.bids, *event.asks):
                # A level pushed out of the depth is removed without being in the frame.
                assert (price, size) in sent or (isinstance(event, BookDelta) and size == 0)
        elif isinstance(event, QuoteTick):
            assert (event.bid, event.bid_size, event.ask, event.ask_size) in [
                (row["bid"], row["bid_qty"], row["ask"], row["ask_qty"]) for row in rows
            ]
        elif isinstance(event, Ticker):
            assert (event.last, event.high, event.low, event.volume) in [
                (row["last"], row["high"], row["low"], row["volume"]) for row in rows
            ]
        elif isinstance(event, TradeTick):
            assert (event.price, event.size, event.buyer_is_maker, float(event.trade_id)) in [
                (row["price"], row["qty"], row["side"] == "sell", row["trade_id"]) for row in rows
            ]


def _numbers(value):
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _numbers(inner) for name, inner in value.items()}
    return value


def _name(number: float) -> str:
    """Not a number equals nothing, and zero has two signs."""
    return str(number + 0.0)


def _all_numbers(frame: bytes) -> list[float]:
    found: list[float] = []

    def walk(value) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif isinstance(value, str | Decimal):
            try:
                found.append(float(value))
            except ValueError:
                return

    walk(json.loads(frame.decode("utf-8", "replace"), parse_float=Decimal, parse_int=Decimal))
    return found


@pytest.mark.parametrize("frame", [b"", b"null", b"[]", b"{}", b"\xff", b'{"channel":' * 3000, b"[" * 100_000])
def test_what_is_no_frame_at_all_is_a_named_error(frame: bytes):
    with pytest.raises(MalformedFrame):
        make_parser().parse(frame, ts_init=1)

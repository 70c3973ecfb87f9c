"""Damaged frames end in events that are true, or in a named error."""

import json
from collections.abc import Sequence
from decimal import Decimal

from marketdata.events import BookDelta, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, VenueEvent
from marketdata.exchanges.coinbase.messages import CoinbaseParser
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.coinbase_frames import book_event, frame, recorded
from tests.unit.marketdata.mutations import mutations

BOOKS = [
    frame(
        "l2_data", 0, book_event("snapshot", "BTC-USD", [("63310.25", "1.5"), ("63310.24", "2")], [("63311", "0.5")])
    ),
    frame("l2_data", 0, book_event("update", "BTC-USD", [("63310.25", "0")], [("63312.01", "0.00000043")])),
]
OTHERS = [
    frame("heartbeats", 0, {"current_time": "2026-08-12 19:27:48 +0000 UTC", "heartbeat_counter": "3"}),
    b'{"type":"error","message":"failed to subscribe: BTC-USD"}',
]


def make_parser() -> CoinbaseParser:
    return CoinbaseParser(exchange="coinbase", symbols={"BTC-USD": "BTC/USD"})


@needs_captures
def test_ten_thousand_damaged_frames_end_in_true_events_or_a_named_error():
    trades, tickers = recorded()
    frames = [*trades, *tickers, *BOOKS, *OTHERS]
    events = errors = 0
    parser = make_parser()
    for number, payload in enumerate(mutations(frames, 10_000, seed=2026)):
        if number % 2:
            parser = make_parser()
        try:
            got = parser.parse(payload, ts_init=2)
        except MalformedFrame:
            errors += 1
            continue
        events += len(got)
        _check(got, payload)
    assert events > 1_000
    assert errors > 1_000


def test_a_damaged_book_from_rest_is_a_book_or_a_named_error():
    payload = (
        b'{"pricebook":{"product_id":"BTC-USD","bids":[{"price":"68923.66","size":"0.17189468"}],'
        b'"asks":[{"price":"68923.67","size":"0.16987193"}],"time":"2026-04-07T00:28:59.662782Z"}}'
    )
    books = 0
    for mutated in mutations([payload], 3_000, seed=3):
        try:
            image = make_parser().parse_image(mutated, symbol="BTC/USD", ts_init=1)
        except MalformedFrame:
            continue
        books += 1
        sent = json.loads(mutated.decode("utf-8", "replace"))["pricebook"]
        for levels, rows in ((image.bids, sent["bids"]), (image.asks, sent["asks"])):
            assert _named(levels) == _named([(row["price"], row["size"]) for row in rows])
    assert books > 100


def _check(events: Sequence[VenueEvent], payload: bytes) -> None:
    if not any(isinstance(event, BookDelta | BookImage | Ticker | TradeTick) for event in events):
        return
    sent = json.loads(payload.decode("utf-8", "replace"))["events"]
    for event in events:
        if isinstance(event, BookDelta | BookImage):
            for side, levels in (("bid", event.bids), ("offer", event.asks)):
                assert _named(levels) in [
                    _named(
                        [
                            (level["price_level"], level["new_quantity"])
                            for level in each["updates"]
                            if level["side"] == side
                        ]
                    )
                    for each in sent
                ]
        elif isinstance(event, Ticker):
            found = [
                (row["price"], row["high_24_h"], row["low_24_h"], row["volume_24_h"])
                for each in sent
                for row in each["tickers"]
            ]
            assert _named([(event.last, event.high, event.low, event.volume)])[0] in _named(found)
        elif isinstance(event, TradeTick):
            prints = [row for each in sent for row in each["trades"] if Decimal(row["trade_id"]) == event.trade_id]
            assert _named([(event.price, event.size)])[0] in _named([(row["price"], row["size"]) for row in prints])
            assert event.buyer_is_maker in [row["side"] == "BUY" for row in prints]


def _named(rows) -> list[tuple[str, ...]]:
    """Numbers as Python writes them: not a number equals nothing, and zero has two signs."""
    return [tuple(str(float(number) + 0.0) for number in row) for row in rows]

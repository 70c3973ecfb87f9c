"""Coinbase's frames, word for word, and what each becomes."""

import json

import msgspec
import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import BookDelta, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    BookProcedure,
    Gap,
    MalformedFrame,
    Notice,
    NoticeKind,
    Stream,
    UnknownVenueSymbol,
)
from marketdata.exchanges.catalog import get_adapter
from marketdata.exchanges.coinbase.messages import CoinbaseParser
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.coinbase_frames import (
    LEGACY_SYMBOLS,
    book_event,
    frame,
    legacy_frames,
    recorded,
)

NOW = 1_786_562_868_098_821_666


def make_parser(**symbols: str) -> CoinbaseParser:
    return CoinbaseParser(exchange="coinbase", symbols=symbols or {"BTC-USD": "BTC/USD", "ETH-USD": "ETH/USD"})


def parse_all(parser: CoinbaseParser, frames) -> list:
    return [event for each in frames for event in parser.parse(each, ts_init=7)]


def trade_event(kind: str, *ids: int, side: str = "BUY") -> dict:
    trades = [
        {
            "product_id": "BTC-USD", "trade_id": str(number), "price": "100.5", "size": "0.1",
            "time": "2026-08-12T19:27:48.298771Z", "side": side,
        }
        for number in ids
    ]  # fmt: skip
    return {"type": kind, "trades": trades}


@needs_captures
def test_the_recordings_of_2026_become_exactly_these_events():
    trades, tickers = recorded()

    def print_of(trade_id: int, ts_event: int) -> TradeTick:
        return TradeTick(
            exchange="coinbase", symbol="BTC/USD", price=63310.25, size=0.00000012, buyer_is_maker=True,
            trade_id=trade_id, ts_event=ts_event, ts_init=7,
        )  # fmt: skip

    assert parse_all(make_parser(), trades) == [
        Acknowledgement(request_id=None),
        print_of(1_069_726_292, 1_786_562_868_266_642_000),
        print_of(1_069_726_293, 1_786_562_868_298_771_000),
    ]

    def ticker_at(ts_event: int) -> Ticker:
        return Ticker(
            exchange="coinbase", symbol="BTC/USD", last=63320.73, change=0.03813791548644 / 100, high=64416.3,
            low=63235.88, volume=6629.927726, quote_volume=0.0, ts_event=ts_event, ts_init=7,
        )  # fmt: skip

    assert parse_all(make_parser(), tickers) == [
        ticker_at(1_786_562_853_489_674_268),
        Acknowledgement(request_id=None),
        ticker_at(1_786_562_853_829_058_895),
    ]


@needs_captures
def test_the_books_of_2021_follow_every_update():
    parser = CoinbaseParser(exchange="coinbase", symbols=LEGACY_SYMBOLS)
    books: dict[str, OrderBook] = {}
    simple: dict[str, dict[str, dict[float, float]]] = {}
    updates = 0
    for payload in legacy_frames():
        events = parser.parse(payload, ts_init=7)
        for event in events:
            assert not isinstance(event, Gap)
            if isinstance(event, BookImage):
                books[event.symbol] = OrderBook()
                assert books[event.symbol].apply_image(event) is Applied.APPLIED
            elif isinstance(event, BookDelta):
                updates += 1
                assert books[event.symbol].apply_delta(event) is Applied.APPLIED
        message = json.loads(payload)
        if message["channel"] == "l2_data":
            [change] = message["events"]
            symbol = change["product_id"].replace("-", "/")
            if change["type"] == "snapshot":
                simple[symbol] = {"bid": {}, "offer": {}}
            for level in change["updates"]:
                simple[symbol][level["side"]][float(level["price_level"])] = float(level["new_quantity"])
            if updates % 50 == 0:
                _assert_same(books[symbol], simple[symbol])
    assert (updates, len(books)) == (9719, 10)
    for symbol, book in books.items():
        _assert_same(book, simple[symbol])


def _assert_same(book: OrderBook, simple: dict[str, dict[float, float]]) -> None:
    bids = sorted(((price, size) for price, size in simple["bid"].items() if size), reverse=True)
    asks = sorted((price, size) for price, size in simple["offer"].items() if size)
    assert book.top(100_000) == (tuple(bids), tuple(asks))


@needs_captures
@pytest.mark.parametrize("at", [0, 1, 50, 4_000, 9_000])
@pytest.mark.parametrize("fault", ["drop", "duplicate", "swap"])
def test_a_message_lost_repeated_or_overtaken_is_a_gap_at_the_next(at: int, fault: str):
    frames = list(legacy_frames())
    damaged = {
        "drop": [*frames[:at], *frames[at + 1 : at + 3]],
        "duplicate": [*frames[: at + 1], *frames[at : at + 2]],
        "swap": [*frames[:at], frames[at + 1], frames[at], frames[at + 2]],
    }[fault]
    noticed_at = at + 1 if fault == "duplicate" else at
    parser = CoinbaseParser(exchange="coinbase", symbols=LEGACY_SYMBOLS)
    for number, payload in enumerate(damaged):
        gaps = [event for event in parser.parse(payload, ts_init=7) if isinstance(event, Gap)]
        if number == noticed_at:
            assert [gap.symbol for gap in gaps] == [""]
            return
        assert gaps == []


def test_counting_goes_on_after_a_gap():
    parser = make_parser()
    parser.parse(frame("heartbeats", 0), ts_init=1)

    gap, trade = parser.parse(frame("market_trades", 3, trade_event("update", 5)), ts_init=2)
    assert gap == Gap(symbol="", reason="message 3 came where 1 was due", ts_init=2)
    assert isinstance(trade, TradeTick)
    [late] = parser.parse(frame("market_trades", 2, trade_event("update", 4)), ts_init=3)
    assert isinstance(late, Gap)
    assert [type(event) for event in parser.parse(frame("heartbeats", 3), ts_init=4)] == []


def test_a_frame_that_cannot_be_read_is_missed_at_the_next():
    parser = make_parser()
    parser.parse(frame("heartbeats", 0), ts_init=1)
    with pytest.raises(MalformedFrame):
        parser.parse(frame("market_trades", 1, trade_event("update", 4, side="LEFT")), ts_init=2)
    assert isinstance(parser.parse(frame("heartbeats", 2), ts_init=3)[0], Gap)


def test_the_side_of_a_trade_is_the_makers():
    sold, bought = make_parser(), make_parser()
    [lifted] = sold.parse(frame("market_trades", 0, trade_event("update", 1, side="SELL")), ts_init=1)
    [hit] = bought.parse(frame("market_trades", 0, trade_event("update", 1, side="BUY")), ts_init=1)
    assert isinstance(lifted, TradeTick)
    assert isinstance(hit, TradeTick)
    assert (lifted.buyer_is_maker, lifted.sign) == (False, 1)
    assert (hit.buyer_is_maker, hit.sign) == (True, -1)


def test_trades_come_oldest_first_and_those_of_before_are_left_out():
    message = frame("market_trades", 0, trade_event("snapshot", 3, 2, 1), trade_event("update", 5, 4))
    assert [event.trade_id for event in parse_all(make_parser(), [message])] == [4, 5]


def test_a_books_image_and_its_updates_are_counted_by_symbol():
    image = frame(
        "l2_data", 0, book_event("snapshot", "BTC-USD", [("100", "1"), ("99.5", "2")], [("101", "0.5")]),
    )  # fmt: skip
    both = frame(
        "l2_data", 1, book_event("update", "BTC-USD", [("99.5", "0")], [("102", "1.5")]),
        book_event("update", "ETH-USD", [("9", "1")]),
    )  # fmt: skip

    first, second, third = parse_all(make_parser(), [image, both])

    assert first == BookImage(
        exchange="coinbase", symbol="BTC/USD", bids=((100.0, 1.0), (99.5, 2.0)), asks=((101.0, 0.5),), update_id=1,
        ts_init=7, ts_event=NOW, from_stream=True,
    )  # fmt: skip
    assert second == BookDelta(
        exchange="coinbase", symbol="BTC/USD", bids=((99.5, 0.0),), asks=((102.0, 1.5),), first_update_id=2,
        last_update_id=2, ts_event=NOW, ts_init=7,
    )  # fmt: skip
    assert (third.symbol, third.first_update_id) == ("ETH/USD", 1)


def test_spaces_and_another_order_of_fields_change_nothing():
    plain = frame("l2_data", 0, book_event("snapshot", "BTC-USD", [("100", "1")]))
    turned = json.dumps(dict(reversed(json.loads(plain).items()))).encode()
    assert parse_all(make_parser(), [turned]) == parse_all(make_parser(), [plain])


def test_an_unknown_product_is_named_and_the_books_of_its_frame_begin_anew():
    parser = make_parser()
    parser.parse(frame("l2_data", 0, book_event("snapshot", "BTC-USD", [("100", "1")])), ts_init=1)
    with pytest.raises(UnknownVenueSymbol, match="FOO-USD"):
        parser.parse(frame("l2_data", 1, book_event("update", "BTC-USD"), book_event("update", "FOO-USD")), ts_init=2)
    gap, delta = parser.parse(frame("l2_data", 2, book_event("update", "BTC-USD", [("100", "2")])), ts_init=3)
    assert isinstance(gap, Gap)
    assert isinstance(delta, BookDelta)
    assert delta.first_update_id == 2


@pytest.mark.parametrize("lost_before", [False, True])
@pytest.mark.parametrize("damage", [(b"BTC-USD", b"BTC-USE"), (b"2026-", b"20?6-")])
def test_an_update_that_can_be_decoded_but_not_understood_is_missed_at_the_next(damage, lost_before):
    parser = make_parser()
    updates = [frame("l2_data", n, book_event("update", "BTC-USD", [("100", "2")])) for n in range(1, 4)]
    parser.parse(frame("l2_data", 0, book_event("snapshot", "BTC-USD", [("100", "1")])), ts_init=1)
    damaged, following = updates[1:] if lost_before else updates[:2]
    with pytest.raises(MalformedFrame):
        parser.parse(damaged.replace(*damage), ts_init=2)
    assert isinstance(parser.parse(following, ts_init=3)[0], Gap)


def test_a_usdc_product_is_heard_by_the_name_of_its_usd_twin():
    parser = make_parser(**{"BTC-USDC": "BTC/USDC"})
    [image] = parser.parse(frame("l2_data", 0, book_event("snapshot", "BTC-USD", [("100", "1")])), ts_init=1)
    assert isinstance(image, BookImage)
    assert image.symbol == "BTC/USDC"


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            "failed to subscribe: ETH-USD is not a valid product",
            Acknowledgement(
                request_id=None,
                error="failed to subscribe: ETH-USD is not a valid product",
                symbol="ETH/USD",
                whole=True,
            ),
        ),
        ("too many requests", Acknowledgement(request_id=None, error="too many requests")),
        (
            "authentication failure",
            Notice(kind=NoticeKind.NOT_ALLOWED, message="Coinbase: authentication failure. Check the API key."),
        ),
    ],
)
def test_errors_say_whom_they_concern(message: str, event: object):
    payload = json.dumps({"type": "error", "message": message}).encode()
    assert list(make_parser().parse(payload, ts_init=1)) == [event]


def test_an_error_is_not_counted():
    parser = make_parser()
    parser.parse(frame("heartbeats", 0), ts_init=1)
    parser.parse(b'{"type":"error","message":"too many requests"}', ts_init=2)
    assert list(parser.parse(frame("heartbeats", 1), ts_init=3)) == []


def test_a_big_image_is_read_whole():
    bids = [(f"{50_000 - number}.01", "0.5") for number in range(30_000)]
    [image] = make_parser().parse(frame("l2_data", 0, book_event("snapshot", "BTC-USD", bids)), ts_init=1)
    assert isinstance(image, BookImage)
    assert (len(image.bids), image.bids[-1]) == (30_000, (20_001.01, 0.5))


def test_requests_name_one_channel():
    adapter = get_adapter("coinbase")
    streams = adapter.streams("BTC-USD")
    assert streams == tuple(
        Stream(name="BTC-USD", group=group) for group in ("level2", "market_trades", "ticker", "heartbeats")
    )
    assert msgspec.json.decode(
        adapter.subscribe([streams[0], Stream(name="ETH-USD", group="level2")], request_id=3)
    ) == {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": "level2"}
    assert msgspec.json.decode(adapter.unsubscribe(streams[1:2], request_id=4))["type"] == "unsubscribe"
    assert (adapter.book_procedure, adapter.quotes_from_book) == (BookProcedure.IMAGE_ON_SUBSCRIBE, True)


def test_there_is_no_sandbox_for_market_data_and_the_error_says_so():
    with pytest.raises(ValueError, match=r"sandbox.*without market data.*set the exchange's URLs"):
        get_adapter("coinbase").endpoints("testnet")

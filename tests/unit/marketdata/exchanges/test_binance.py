"""Binance's frames become records, and what is no frame becomes a named error."""

import json
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import Bar, BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import Acknowledgement, Gap, MalformedFrame, Notice, NoticeKind, UnknownVenueSymbol
from marketdata.exchanges.catalog import UnknownAdapter, get_adapter
from marketdata.replay import read_capture
from tests.unit.marketdata.captures import read_cryptofeed_capture
from tests.unit.marketdata.cast import BTC_CAPTURE, CAPTURES, SYMBOLS, needs_captures
from tests.unit.marketdata.exchanges.binance_reading import confirm
from tests.unit.marketdata.mutations import mutations

TWO = SYMBOLS | {"ETHUSDT": "ETH/USDT"}
ALTS = {"NKNUSDT": "NKN/USDT", "BLZETH": "BLZ/ETH", "LRCBTC": "LRC/BTC", "RUNEEUR": "RUNE/EUR"}

TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,'
    b'"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}'
)
QUOTE = (
    b'{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000",'
    b'"B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}'
)
DEPTH = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":5,"u":9,'
    b'"b":[["61737.63","0.00"],["61730.17","1.5"]],"a":[]}}'
)
TICKER = (
    b'{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1723161255208,"s":"BTCUSDT","p":"10","P":"10.0",'
    b'"o":"100","h":"120","l":"90","c":"110","v":"5","q":"550","n":7}}'
)


AGG_TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"BTCUSDT","a":15683430,'
    b'"p":"0.35280000","q":"58.00000000","f":19862789,"l":19862790,"T":1633998523963,"m":false,"M":true}}'
)
KLINE = (
    b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1633998523963,"s":"BTCUSDT","k":{"t":1633998480000,'
    b'"T":1633998539999,"s":"BTCUSDT","i":"1m","f":19862761,"L":19862790,"o":"0.35270000","c":"0.35280000",'
    b'"h":"0.35280000","l":"0.35220000","v":"25877.00000000","n":30,"x":false,"q":"9116.04600000",'
    b'"V":"58.00000000","Q":"20.46240000","B":"0"}}}'
)
IMAGE = b'{"lastUpdateId":7,"bids":[["61737.63","1.00"],["61730.17","1.5"]],"asks":[["61740.00","0.25"]]}'


def make_parser(symbols=SYMBOLS):
    return get_adapter("binance").parser(exchange="binance", symbols=symbols, listings={})


@pytest.fixture
def parser():
    return make_parser()


def raw(frame: bytes) -> bytes:
    return json.dumps(json.loads(frame)["data"]).encode()


def test_trade(parser):
    (tick,) = parser.parse(TRADE, ts_init=7)
    assert tick == TradeTick(
        exchange="binance",
        symbol="BTC/USDT",
        price=61837.63,
        size=0.02,
        buyer_is_maker=True,
        trade_id=3735683259,
        ts_event=1723161255342_000000,
        ts_init=7,
    )
    assert tick.sign == -1


def test_quote_has_no_venue_time(parser):
    (tick,) = parser.parse(QUOTE, ts_init=7)
    assert isinstance(tick, QuoteTick)
    assert (tick.bid, tick.bid_size, tick.ask, tick.ask_size) == (61837.63, 3.78826, 61837.64, 1.54698)
    assert (tick.update_id, tick.ts_event, tick.ts_init) == (50093239212, 0, 7)


def test_depth(parser):
    (change,) = parser.parse(DEPTH, ts_init=7)
    assert isinstance(change, BookDelta)
    assert change.bids == ((61737.63, 0.0), (61730.17, 1.5))
    assert change.asks == ()
    assert (change.first_update_id, change.last_update_id, change.ts_event) == (5, 9, 1723161255208_000000)


def test_ticker_change_is_a_fraction(parser):
    (summary,) = parser.parse(TICKER, ts_init=7)
    assert isinstance(summary, Ticker)
    assert summary.change == pytest.approx(0.1)
    assert (summary.last, summary.high, summary.low, summary.volume, summary.quote_volume) == (110, 120, 90, 5, 550)


def test_aggregates_count_by_their_last_trade(parser):
    (tick,) = parser.parse(AGG_TRADE, ts_init=7)
    assert (tick.price, tick.size, tick.buyer_is_maker, tick.trade_id) == (0.3528, 58.0, False, 19862790)
    assert tick.ts_event == 1633998523963_000000


def test_bar(parser):
    (bar,) = parser.parse(KLINE, ts_init=7)
    assert (bar.open, bar.high, bar.low, bar.close) == (0.3527, 0.3528, 0.3522, 0.3528)
    assert (bar.volume, bar.taker_buy_volume, bar.trades, bar.closed) == (25877.0, 58.0, 30, False)
    assert (bar.timeframe, bar.ts_open, bar.ts_close) == ("1m", 1633998480000_000000, 1633998540000_000000)


def test_an_image_has_no_time_of_the_venue(parser):
    image = parser.parse_image(IMAGE, symbol="BTC/USDT", ts_init=7)
    assert (image.bids, image.asks) == (((61737.63, 1.0), (61730.17, 1.5)), ((61740.0, 0.25),))
    assert (image.update_id, image.ts_event, image.ts_init, image.from_stream) == (7, 0, 7, False)


@pytest.mark.parametrize(("frame", "number"), [(TRADE, b'"t":373568325%d'), (AGG_TRADE, b'"a":1568343%d')])
def test_a_hole_in_the_numbers_of_trades_is_told_with_the_next_one(parser, frame, number):
    def parse(last_digit: int):
        first = number % (9 if frame is TRADE else 0)
        return parser.parse(frame.replace(first, number % last_digit), ts_init=7)

    assert [type(event) for event in parse(1)] == [TradeTick]
    assert [type(event) for event in parse(2)] == [TradeTick]
    gap, tick = parse(5)
    assert (gap.symbol, gap.ts_init) == ("BTC/USDT", 7)
    assert "2 missing" in gap.reason
    assert isinstance(tick, TradeTick)
    again, _ = parse(5)
    assert isinstance(again, Gap)
    assert "1 back" in again.reason
    assert [type(event) for event in parse(6)] == [TradeTick]


@pytest.mark.parametrize("frame", [TRADE, QUOTE, DEPTH, TICKER, AGG_TRADE, KLINE])
def test_raw_streams_mean_the_same(frame):
    assert make_parser().parse(raw(frame), ts_init=7) == make_parser().parse(frame, ts_init=7)


def test_other_orders_and_spaces_of_json_are_understood():
    frame = json.dumps({"data": json.loads(TRADE)["data"], "stream": "btcusdt@trade"}, indent=1).encode()
    assert make_parser().parse(frame, ts_init=7) == make_parser().parse(TRADE, ts_init=7)


def test_answers_to_requests(parser):
    assert parser.parse(b'{"result":null,"id":3}', ts_init=7) == (Acknowledgement(request_id=3),)
    (refusal,) = parser.parse(b'{"error":{"code":2,"msg":"Invalid request"},"id":4}', ts_init=7)
    assert refusal.request_id == 4
    assert "Invalid request" in refusal.error


def test_server_shutdown(parser):
    assert parser.parse(b'{"e":"serverShutdown","E":1723161255208}', ts_init=7) == (
        Notice(kind=NoticeKind.ENDING, ts_event=1723161255208_000000),
    )


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"<html>502 Bad Gateway</html>",
        TRADE[:-20],
        TRADE.replace(b'"61837.63000000"', b'"many"'),
        TRADE.replace(b'"p":"61837.63000000",', b""),
        DEPTH.replace(b'["61737.63","0.00"]', b'["61737.63"]'),
        b'{"stream":"btcusdt@futureThing","data":{"e":"futureThing","E":1}}',
        b"[" * 5000,
        b'{"x":' + b"[" * 100_000,
        TRADE[:-1] + b',"x":' + b'{"x":' * 100_000,
        b"\x00" * 50,
        TRADE + TRADE,
        TRADE.replace(b'"61837.63000000"', b'"NaN"'),
        TRADE.replace(b'"61837.63000000"', b"NaN"),
        TRADE.replace(b'"61837.63000000"', b'"Infinity"'),
        TRADE.replace(b'"61837.63000000"', b'"-61837.63"'),
        TRADE.replace(b'"61837.63000000"', b'"1e999"'),
        TRADE.replace(b'"61837.63000000"', b"null"),
        TRADE.replace(b'"61837.63000000"', b"true"),
        TRADE.replace(b'"61837.63000000"', b'["1"]'),
        TRADE.replace(b'"0.02000000"', b'"inf"'),
        TRADE.replace(b"3735683259", b"-3735683259"),
        TRADE.replace(b"3735683259", b"9" * 30),
        TRADE.replace(b"3735683259", b"18446744073709551616"),
        TRADE.replace(b"1723161255342", b"9223372036854775807"),
        TRADE.replace(b"1723161255342", b"-1"),
        TRADE.replace(b'"trade"', b'"aggTrade"'),
        TRADE.replace(b'"trade"', b"5"),
        TRADE.replace(b'"BTCUSDT"', b'"BTC\xff"'),
        QUOTE.replace(b'"u":50093239212', b'"u":-1'),
        QUOTE.replace(b'{"u"', b'{"e":"trade","u"'),
        DEPTH.replace(b'"61737.63"', b'"nan"'),
        DEPTH.replace(b'"1.5"', b'"-1.5"'),
        DEPTH.replace(b'["61737.63","0.00"]', b'["61737.63","0.00","0"]'),
        DEPTH.replace(b'"u":9', b'"u":9.5'),
        KLINE.replace(b'"1m"', b'"7m"'),
        KLINE.replace(b'"k":{', b'"k":[{').replace(b"}}}", b"}]}}"),
        TICKER.replace(b'"c":"110"', b'"c":"1e20"').replace(b'"o":"100"', b'"o":"1e-320"'),
        IMAGE,
    ],
)
def test_malformed_frames_are_named(parser, frame):
    # Once before and once after a good frame taught the parser how frames of the stream begin.
    for _ in range(2):
        with pytest.raises(MalformedFrame) as caught:
            parser.parse(frame, ts_init=7)
        assert len(str(caught.value)) < 600
        for good in (TRADE, QUOTE, DEPTH, TICKER, KLINE):
            assert parser.parse(good, ts_init=7)


@pytest.mark.parametrize(
    "frame", [b"", b"{}", QUOTE, IMAGE[:-1], IMAGE.replace(b"7", b"-7"), IMAGE.replace(b'"0.25"', b'"NaN"')]
)
def test_what_is_no_image_is_named(parser, frame):
    with pytest.raises(MalformedFrame, match="no depth snapshot"):
        parser.parse_image(frame, symbol="BTC/USDT", ts_init=7)


def test_of_a_key_that_comes_twice_the_last_counts_as_everywhere_in_json(parser):
    frame = TRADE.replace(b'"p":"61837.63000000"', b'"p":"5","p":"61837.63000000"')
    assert parser.parse(frame, ts_init=7)[0].price == float(json.loads(frame)["data"]["p"]) == 61837.63


@pytest.mark.parametrize("frame", [TRADE, QUOTE, DEPTH, TICKER, AGG_TRADE, KLINE])
def test_a_symbol_that_was_not_asked_for(parser, frame):
    parser.parse(frame, ts_init=7)
    for other in (
        frame.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt"),
        frame.replace(b"BTCUSDT", b"ETHUSDT"),
        raw(frame.replace(b"BTCUSDT", b"ETHUSDT")),
    ):
        with pytest.raises(UnknownVenueSymbol, match="ETHUSDT"):
            parser.parse(other, ts_init=7)


@pytest.mark.parametrize("frame", [TRADE, QUOTE, DEPTH, TICKER, AGG_TRADE, KLINE])
def test_a_known_symbol_in_the_stream_of_another_is_refused(frame):
    parser = make_parser(TWO)
    mixed = frame.replace(b"BTCUSDT", b"ETHUSDT")
    for _ in range(2):
        with pytest.raises(UnknownVenueSymbol, match="ETHUSDT"):
            parser.parse(mixed, ts_init=7)
        with pytest.raises(UnknownVenueSymbol, match="ETHUSDT"):
            parser.parse(b" " + mixed, ts_init=7)
        assert parser.parse(frame, ts_init=7)[-1].symbol == "BTC/USDT"


def test_symbols_may_be_added_later():
    symbols = dict(SYMBOLS)
    parser = make_parser(symbols)
    ether = QUOTE.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt")
    with pytest.raises(UnknownVenueSymbol):
        parser.parse(ether, ts_init=7)
    symbols["ETHUSDT"] = "ETH/USDT"
    assert parser.parse(ether, ts_init=7)[0].symbol == "ETH/USDT"


def test_a_symbol_longer_than_what_the_parser_remembers(parser):
    name = "1000000000000LONGNAMEUSDT"
    parser = make_parser({name: "LONG/USDT"})
    for frame, kind in ((TRADE, TradeTick), (QUOTE, QuoteTick), (DEPTH, BookDelta), (TRADE, TradeTick)):
        frame = frame.replace(b"BTCUSDT", name.encode()).replace(b"btcusdt", name.lower().encode())
        event = parser.parse(frame, ts_init=7)[-1]
        assert (type(event), event.symbol) == (kind, "LONG/USDT")


def test_unknown_adapter_lists_the_known_ones():
    with pytest.raises(UnknownAdapter, match=r"'mtgox'.*binance"):
        get_adapter("mtgox")


@needs_captures
def test_the_whole_recording_is_followed_without_a_gap(parser):
    """Each frame against json and Decimal, field by field; the book from its image on, update by update."""
    book = OrderBook()
    counts: Counter[object] = Counter()
    for frame in read_capture(BTC_CAPTURE):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            book.apply_image(parser.parse_image(frame.payload, symbol="BTC/USDT", ts_init=frame.ts_init))
            continue
        (event,) = parser.parse(frame.payload, ts_init=frame.ts_init)
        assert confirm(event, frame.payload, SYMBOLS)
        counts[type(event)] += 1
        if isinstance(event, BookDelta):
            counts[book.apply_delta(event)] += 1
            assert not book.is_valid or 0 < book.best_bid < book.best_ask
    assert (counts[BookDelta], counts[QuoteTick], counts[TradeTick]) == (3451, 28040, 9757)
    assert counts[Applied.APPLIED] + counts[Applied.BUFFERED] + counts[Applied.OLD] == 3451
    assert counts[Applied.APPLIED] > 3400


@needs_captures
def test_a_book_of_each_recorded_pair_from_its_image_and_deltas():
    parser = make_parser(ALTS)
    received = list(read_cryptofeed_capture(CAPTURES / "binance_spot_alts_20211012.http.gz"))
    received += read_cryptofeed_capture(CAPTURES / "binance_spot_alts_20211012.ws.gz")
    books = {symbol: OrderBook() for symbol in ALTS.values()}
    applied: Counter[tuple[str, Applied]] = Counter()
    bars, prints, quotes = [], [], 0
    for frame in sorted(received):
        if frame.url:
            symbol = ALTS[parse_qs(urlsplit(frame.url).query)["symbol"][0]]
            image = parser.parse_image(frame.payload, symbol=symbol, ts_init=frame.ts_init)
            applied[symbol, books[symbol].apply_image(image)] += 1
            continue
        (event,) = parser.parse(frame.payload, ts_init=frame.ts_init)
        assert confirm(event, frame.payload, ALTS)
        match event:
            case BookDelta():
                book = books[event.symbol]
                applied[event.symbol, book.apply_delta(event)] += 1
                assert not book.is_valid or 0 < book.best_bid < book.best_ask
            case Bar():
                bars.append(event)
            case TradeTick():
                prints.append(event)
            case QuoteTick():
                quotes += 1
    assert all(book.is_valid for book in books.values())
    assert {outcome for _, outcome in applied} <= {Applied.APPLIED, Applied.BUFFERED, Applied.OLD}
    assert {symbol for symbol, outcome in applied if outcome is Applied.APPLIED} == set(ALTS.values())
    assert quotes == 84
    assert [(bar.symbol, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars[:2]] == [
        ("NKN/USDT", 0.3527, 0.3528, 0.3522, 0.3528, 25877.0),
        ("LRC/BTC", 0.00000638, 0.00000638, 0.00000638, 0.00000638, 177.0),
    ]
    assert {bar.ts_close - bar.ts_open for bar in bars} == {60_000_000_000}
    assert [(tick.symbol, tick.price, tick.size, tick.trade_id, tick.ts_event) for tick in prints] == [
        ("NKN/USDT", 0.3528, 58.0, 19862790, 1633998523963_000000),
        ("LRC/BTC", 0.00000638, 177.0, 12368013, 1633998534486_000000),
    ]


GOOD = [TRADE, QUOTE, DEPTH, TICKER, AGG_TRADE, KLINE]
OF_ETHER = [frame.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt") for frame in GOOD]
ANSWERS = [b'{"result":null,"id":3}', b'{"error":{"code":2,"msg":"Invalid"},"id":4}', b'{"e":"serverShutdown","E":17}']


def test_mutated_frames_end_in_what_they_say_or_in_a_named_error():
    """Ten thousand of them through one parser, which learns as it goes, and now and then through a new one."""
    parser = make_parser(TWO)
    counts: Counter[str] = Counter()
    frames = GOOD + OF_ETHER + [raw(frame) for frame in GOOD] + ANSWERS
    for number, frame in enumerate(mutations(frames, 10_000, seed=1)):
        try:
            events = parser.parse(frame, ts_init=7)
        except MalformedFrame as error:
            counts[type(error).__name__] += 1
            events = ()
        said = [event for event in events if confirm(event, frame, TWO)]
        counts["events"] += len(said)
        if number % 10 == 0:
            try:
                assert [
                    event for event in make_parser(TWO).parse(frame, ts_init=7) if confirm(event, frame, TWO)
                ] == said
            except MalformedFrame:
                assert not events
    assert counts["events"] > 500
    assert counts["MalformedFrame"] > 3_000
    assert counts["UnknownVenueSymbol"] > 100


def test_mutated_images_end_in_what_they_say_or_in_a_named_error(parser):
    images = 0
    for frame in mutations([IMAGE], 2_000, seed=2):
        try:
            images += confirm(parser.parse_image(frame, symbol="BTC/USDT", ts_init=7), frame, SYMBOLS)
        except MalformedFrame:
            continue
    assert images > 100

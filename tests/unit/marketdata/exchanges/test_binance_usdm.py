"""Binance USD-M futures: frames become records, and what is no frame becomes a named error."""

import json
from collections import Counter
from decimal import Decimal

import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import Bar, BookDelta, Funding, Liquidation, Premium, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    Acknowledgement,
    Gap,
    Listing,
    MalformedFrame,
    Notice,
    NoticeKind,
    UnknownVenueSymbol,
)
from marketdata.exchanges.catalog import get_adapter
from marketdata.replay import read_capture
from tests.unit.marketdata.cast import CAPTURES, needs_captures
from tests.unit.marketdata.exchanges.binance_reading import confirm
from tests.unit.marketdata.mutations import mutations

SYMBOLS = {"BTCUSDT": "BTC/USDT:USDT"}
TWO = SYMBOLS | {"ETHUSDT": "ETH/USDT:USDT"}
CAPTURE = CAPTURES / "binance_usdm_btcusdt_20240808.gz"
T = 1723161256298_000000

DEPTH = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161256298,"T":1723161256290,"s":"BTCUSDT",'
    b'"U":5123107832006,"u":5123107837557,"pu":5123107831937,"b":[["58710.20","0.014"],["61510.90","0.000"]],"a":[]}}'
)
QUOTE = (
    b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20",'
    b'"B":"2.507","a":"61800.30","A":"2.510","T":1723161256298,"E":1723161256299}}'
)
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256298,"s":"BTCUSDT","t":5266583935,'
    b'"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
)
AGG_TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1723161256322,"s":"BTCUSDT","a":2289437310,'
    b'"p":"61800.30","q":"0.006","f":5266583930,"l":5266583935,"T":1723161256298,"m":true}}'
)
MARK = (
    b'{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1723161256298,"s":"BTCUSDT",'
    b'"p":"61801.15000000","i":"61830.62659091","P":"61784.25641265","r":"-0.00003816","T":1723190400000}}'
)
FORCED = (
    b'{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1723161256300,"o":{"s":"BTCUSDT","S":"SELL",'
    b'"o":"LIMIT","f":"IOC","q":"0.014","p":"61000.10","ap":"61790.50","X":"FILLED","l":"0.014","z":"0.014",'
    b'"T":1723161256298}}}'
)
TICKER = (
    b'{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1723161256298,"s":"BTCUSDT","p":"10","P":"10.0",'
    b'"w":"105","c":"110","Q":"1","o":"100","h":"120","l":"90","v":"5","q":"550","O":0,"C":86400000,"F":1,"L":7,"n":7}}'
)
KLINE = (
    b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1723161256298,"s":"BTCUSDT","k":{"t":1723161240000,'
    b'"T":1723161299999,"s":"BTCUSDT","i":"1m","f":100,"L":200,"o":"61800.0","c":"61805.5","h":"61810.1",'
    b'"l":"61799.9","v":"1000","n":101,"x":true,"q":"61805000","V":"500","Q":"30902500","B":"0"}}}'
)
IMAGE = (
    b'{"lastUpdateId":7,"E":1723161256501,"T":1723161256298,"bids":[["61800.20","2.909"]],"asks":[["61800.30","1"]]}'
)
GOOD = [DEPTH, QUOTE, TRADE, AGG_TRADE, MARK, FORCED, TICKER, KLINE]


def make_parser(symbols=SYMBOLS, listings=()):
    by_symbol = {listing.symbol: listing for listing in listings}
    return get_adapter("binance-usdm").parser(exchange="binance-usdm", symbols=symbols, listings=by_symbol)


@pytest.fixture
def parser():
    return make_parser()


def raw(frame: bytes) -> bytes:
    return json.dumps(json.loads(frame)["data"]).encode()


def as_ether(frame: bytes) -> bytes:
    return frame.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt")


def told(event):
    return {name: getattr(event, name) for name in event.__struct_fields__ if name not in ("exchange", "symbol")}


def test_a_delta_follows_the_one_before_it(parser):
    (change,) = parser.parse(DEPTH, ts_init=7)
    assert isinstance(change, BookDelta)
    assert (change.exchange, change.symbol) == ("binance-usdm", "BTC/USDT:USDT")
    assert told(change) == {
        "bids": ((58710.2, 0.014), (61510.9, 0.0)),
        "asks": (),
        "first_update_id": 5123107831938,
        "last_update_id": 5123107837557,
        "ts_event": T,
        "ts_init": 7,
    }


def test_quote(parser):
    (tick,) = parser.parse(QUOTE, ts_init=7)
    assert isinstance(tick, QuoteTick)
    assert told(tick) == {
        "bid": 61800.2,
        "bid_size": 2.507,
        "ask": 61800.3,
        "ask_size": 2.51,
        "ts_event": T,
        "ts_init": 7,
        "update_id": 5123107839020,
    }


@pytest.mark.parametrize(("frame", "sold"), [(TRADE, False), (AGG_TRADE, True)])
def test_trades_and_aggregates_have_ids_that_compare(parser, frame, sold):
    (tick,) = parser.parse(frame, ts_init=7)
    assert isinstance(tick, TradeTick)
    assert told(tick) == {
        "price": 61800.3,
        "size": 0.006,
        "buyer_is_maker": sold,
        "trade_id": 5266583935,
        "ts_event": T,
        "ts_init": 7,
    }


def test_what_is_settled_outside_of_the_book_is_no_print(parser):
    assert parser.parse(TRADE.replace(b'"MARKET"', b'"INSURANCE_FUND"'), ts_init=7) == ()
    assert isinstance(parser.parse(TRADE.replace(b"583935", b"583936"), ts_init=7)[0], TradeTick)


def test_a_hole_in_the_numbers_of_aggregates_is_told_with_the_next_one(parser):
    parser.parse(AGG_TRADE, ts_init=7)
    gap, tick = parser.parse(AGG_TRADE.replace(b"437310", b"437313"), ts_init=8)
    assert gap == Gap(symbol="BTC/USDT:USDT", reason="hole in the numbers of trades: 2 missing", ts_init=8)
    assert isinstance(tick, TradeTick)


def test_mark_price_and_funding(parser):
    premium, funding = parser.parse(MARK, ts_init=7)
    assert isinstance(premium, Premium)
    assert told(premium) == {"mark": 61801.15, "index": 61830.62659091, "ts_event": T, "ts_init": 7, "expiry": 0}
    assert isinstance(funding, Funding)
    assert told(funding) == {"rate": -0.00003816, "interval_h": 8, "ts_event": T, "ts_init": 7}


def test_the_listing_tells_how_often_funding_is_paid():
    listing = Listing(
        symbol="BTC/USDT:USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"), min_quantity=Decimal("0.001"), max_quantity=Decimal(1000), min_notional=Decimal(5),
        active=True, kind="perpetual", funding_interval_h=4,
    )  # fmt: skip
    _, funding = make_parser(listings=[listing]).parse(MARK, ts_init=7)
    assert funding.interval_h == 4


@pytest.mark.parametrize(("average", "price"), [(b"61790.50", 61790.5), (b"0", 61000.1)])
def test_liquidation_of_a_long_sells(parser, average, price):
    (forced,) = parser.parse(FORCED.replace(b"61790.50", average), ts_init=7)
    assert isinstance(forced, Liquidation)
    assert told(forced) == {"side": "sell", "price": price, "size": 0.014, "ts_event": T, "ts_init": 7}


def test_ticker_and_bar(parser):
    (summary,) = parser.parse(TICKER, ts_init=7)
    assert isinstance(summary, Ticker)
    assert summary.change == pytest.approx(0.1)
    assert (summary.last, summary.high, summary.low, summary.volume, summary.quote_volume) == (110, 120, 90, 5, 550)
    (bar,) = parser.parse(KLINE, ts_init=7)
    assert isinstance(bar, Bar)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (61800.0, 61810.1, 61799.9, 61805.5, 1000)
    assert (bar.taker_buy_volume, bar.trades, bar.closed) == (500, 101, True)
    assert (bar.ts_open, bar.ts_close) == (1723161240_000000000, 1723161300_000000000)


def test_an_image_has_the_time_of_the_matching_engine(parser):
    image = parser.parse_image(IMAGE, symbol="BTC/USDT:USDT", ts_init=7)
    assert (image.bids, image.asks) == (((61800.2, 2.909),), ((61800.3, 1.0),))
    assert (image.update_id, image.ts_event, image.ts_init) == (7, T, 7)


def test_answers_and_notices(parser):
    assert parser.parse(b'{"result":null,"id":3}', ts_init=7) == (Acknowledgement(request_id=3),)
    (refusal,) = parser.parse(b'{"code":2,"msg":"Invalid request","id":4}', ts_init=7)
    assert (refusal.request_id, refusal.error) == (4, "2 Invalid request")
    assert parser.parse(b'{"e":"serverShutdown","E":1723161256298}', ts_init=7) == (
        Notice(kind=NoticeKind.ENDING, ts_event=T),
    )


@pytest.mark.parametrize("frame", GOOD)
def test_raw_streams_mean_the_same(frame):
    assert make_parser().parse(raw(frame), ts_init=7) == make_parser().parse(frame, ts_init=7)


@pytest.mark.parametrize("frame", GOOD)
def test_another_symbol_is_refused(frame):
    parser = make_parser()
    parser.parse(frame, ts_init=7)
    for other in (as_ether(frame), frame.replace(b"BTCUSDT", b"ETHUSDT"), raw(as_ether(frame))):
        with pytest.raises(UnknownVenueSymbol, match="ETHUSDT"):
            parser.parse(other, ts_init=7)
    both = make_parser(TWO)
    for leading in (b"", b" "):
        with pytest.raises(UnknownVenueSymbol, match="ETHUSDT"):
            both.parse(leading + frame.replace(b"BTCUSDT", b"ETHUSDT"), ts_init=7)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{}",
        b"[]",
        b"\x1f\x8b\x08\x00",
        DEPTH[:-9],
        DEPTH.replace(b'"pu":5123107831937,', b""),
        DEPTH.replace(b'"58710.20"', b'"NaN"'),
        DEPTH.replace(b'"b":[[', b'"b":[[[').replace(b'],["61510', b']],["61510'),
        QUOTE.replace(b'"T":1723161256298', b'"T":17231612562980000000'),
        QUOTE.replace(b'"61800.20"', b'"Infinity"'),
        QUOTE.replace(b'"e":"bookTicker",', b""),
        MARK.replace(b'"-0.00003816"', b'""'),
        MARK.replace(b'"-0.00003816"', b'"nan"'),
        MARK.replace(b'"61830.62659091"', b'"-1"'),
        FORCED.replace(b'"SELL"', b'"HOLD"'),
        FORCED.replace(b'"o":{', b'"o":[{').replace(b"}}}", b"}]}}"),
        FORCED.replace(b'"s":"BTCUSDT",', b""),
        b'{"stream":"btcusdt@compositeIndex","data":{"e":"compositeIndex","E":1,"s":"BTCUSDT"}}',
        b'{"e":"forceOrder"}',
    ],
)
def test_malformed_frames_are_named(parser, frame):
    # Once before and once after good frames taught the parser how those of a stream begin.
    for _ in range(2):
        with pytest.raises(MalformedFrame):
            parser.parse(frame, ts_init=7)
        for good in GOOD:
            assert parser.parse(good, ts_init=7)


@needs_captures
def test_the_whole_recording_is_followed_without_a_gap(parser):
    """Each frame against json and Decimal, field by field; the book from its image on, update by update."""
    book = OrderBook()
    counts: Counter[object] = Counter()
    for frame in read_capture(CAPTURE):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            image = parser.parse_image(frame.payload, symbol="BTC/USDT:USDT", ts_init=frame.ts_init)
            assert (image.update_id, image.ts_event) == (5123107852948, 1723161256493_000000)
            assert book.apply_image(image) is Applied.APPLIED
            continue
        (event,) = parser.parse(frame.payload, ts_init=frame.ts_init)
        assert confirm(event, frame.payload, SYMBOLS)
        counts[type(event)] += 1
        if isinstance(event, BookDelta):
            counts[book.apply_delta(event)] += 1
            assert not book.is_valid or 0 < book.best_bid < book.best_ask
    assert (counts[BookDelta], counts[QuoteTick], counts[TradeTick]) == (6551, 66089, 21313)
    assert counts[Applied.APPLIED] + counts[Applied.BUFFERED] + counts[Applied.OLD] == 6551
    assert counts[Applied.APPLIED] > 6500


@needs_captures
@pytest.mark.parametrize("fault", ["drop", "repeat", "reorder"])
def test_a_lost_repeated_or_reordered_delta_is_noticed_at_the_next_one(parser, fault):
    deltas, image = [], None
    for frame in read_capture(CAPTURE):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            image = parser.parse_image(frame.payload, symbol="BTC/USDT:USDT", ts_init=frame.ts_init)
        elif b"@depth" in frame.payload[:30]:
            deltas += parser.parse(frame.payload, ts_init=frame.ts_init)
        if len(deltas) == 300:
            break
    assert image is not None
    deltas = [delta for delta in deltas if delta.last_update_id > image.update_id]
    damaged = {
        "drop": deltas[:100] + deltas[101:],
        "repeat": deltas[:100] + deltas[98:],
        "reorder": [*deltas[:100], deltas[101], deltas[100], *deltas[102:]],
    }[fault]
    book = OrderBook()
    assert book.apply_image(image) is Applied.APPLIED
    outcomes = [book.apply_delta(delta) for delta in damaged]
    assert outcomes.index(Applied.GAP) == 100
    assert not book.is_valid


def test_mutated_frames_end_in_what_they_say_or_in_a_named_error():
    """Ten thousand of them through one parser, which learns as it goes, and now and then through a new one."""
    parser = make_parser(TWO)
    counts: Counter[str] = Counter()
    answers = [
        b'{"result":null,"id":3}',
        b'{"error":{"code":2,"msg":"Invalid"},"id":4}',
        b'{"e":"serverShutdown","E":17}',
    ]
    frames = GOOD + [as_ether(frame) for frame in GOOD] + [raw(frame) for frame in GOOD] + answers
    for number, frame in enumerate(mutations(frames, 10_000, seed=3)):
        try:
            events = parser.parse(frame, ts_init=7)
        except MalformedFrame as error:
            counts[type(error).__name__] += 1
            events = ()
        said = [event for event in events if confirm(event, frame, TWO)]
        counts["events"] += len(said)
        if number % 10 == 0:
            try:
                again = make_parser(TWO).parse(frame, ts_init=7)
            except MalformedFrame:
                again = ()
            assert [event for event in again if not isinstance(event, Gap)] == [
                event for event in events if not isinstance(event, Gap)
            ]
    assert counts["events"] > 500
    assert counts["MalformedFrame"] > 3_000
    assert counts["UnknownVenueSymbol"] > 50


def test_mutated_images_end_in_what_they_say_or_in_a_named_error(parser):
    images = 0
    for frame in mutations([IMAGE], 2_000, seed=4):
        try:
            images += confirm(parser.parse_image(frame, symbol="BTC/USDT:USDT", ts_init=7), frame, SYMBOLS)
        except MalformedFrame:
            continue
    assert images > 100

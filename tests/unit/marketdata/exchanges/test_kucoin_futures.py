"""KuCoin futures: recorded and documented frames to records in base units."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import Bar, BookDelta, Funding, Premium, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import Acknowledgement, BookImage, MalformedFrame, UnknownVenueSymbol
from marketdata.exchanges.catalog import get_adapter
from marketdata.exchanges.kucoin.futures_messages import KucoinFuturesParser
from tests.unit.marketdata.cast import CAPTURES, needs_captures
from tests.unit.marketdata.exchanges.kucoin_frames import (
    DAY,
    EXECUTION,
    FUNDING,
    FUTURES_LEVEL2,
    FUTURES_LISTING,
    FUTURES_LISTINGS,
    FUTURES_SYMBOLS,
    MARK,
    TICKER_V2,
)

BTC = "BTC/USDT:USDT"
IMAGE = (
    b'{"code":"200000","data":{"sequence":1709400450242,"symbol":"XBTUSDTM","bids":[["90631.1",44],["90630",100]],'
    b'"asks":[["90631.2",3],["90631.5",12]],"ts":1731897467180000000}}'
)


def make_parser(listings=FUTURES_LISTINGS) -> KucoinFuturesParser:
    return KucoinFuturesParser(exchange="kucoin-futures", symbols=FUTURES_SYMBOLS, listings=listings)


def parse(frame: bytes):
    return make_parser().parse(frame, ts_init=5)


@needs_captures
def test_recorded_frames_have_exactly_the_venues_values_in_base_units():
    lines = (CAPTURES / "kucoinfutures.jsonl").read_bytes().splitlines()
    parser = make_parser()
    events = [event for line in lines for event in parser.parse(line, ts_init=5)]
    common = {"exchange": "kucoin-futures", "symbol": BTC, "ts_init": 5}
    assert events[0] == Acknowledgement(request_id=1)
    assert events[1:3] == [
        QuoteTick(
            bid=64006.5, bid_size=1.41, ask=64006.6, ask_size=0.696, ts_event=1786540854233000000, **common
        ),
        QuoteTick(bid=64006.5, bid_size=2.89, ask=64006.6, ask_size=0.008, ts_event=1786540862363000000, **common),
    ]  # fmt: skip
    bar = events[3]
    assert isinstance(bar, Bar)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (63980.1, 63990.6, 63975.9, 63989.7, 0.625)
    assert (bar.ts_open, bar.ts_close - bar.ts_open, bar.closed) == (1786540800_000_000_000, 60_000_000_000, False)
    assert events[5:8] == [
        TradeTick(
            price=63990.6, size=0.004, buyer_is_maker=True, trade_id=1940498726489, ts_event=1786540805418000000,
            **common,
        ),
        TradeTick(
            price=63990.6, size=0.053, buyer_is_maker=True, trade_id=1940498726490, ts_event=1786540805418000000,
            **common,
        ),
        TradeTick(
            price=63989.4, size=0.1, buyer_is_maker=True, trade_id=1940498729018, ts_event=1786540806668000000,
            **common,
        ),
    ]  # fmt: skip
    assert events[8] == BookImage(
        bids=((63922.1, 2.24), (63920.5, 0.042), (63920.0, 0.174), (63919.9, 0.142), (63919.5, 0.094)),
        asks=((63922.2, 0.197), (63923.7, 0.006), (63924.4, 0.332), (63924.5, 0.058), (63924.8, 0.079)),
        update_id=1746504928684, ts_event=1786541277620_000_000, from_stream=True, **common,
    )  # fmt: skip
    assert len(events) == 10


def test_documented_frames():
    common = {"exchange": "kucoin-futures", "symbol": BTC, "ts_init": 5}
    assert parse(FUTURES_LEVEL2) == (
        BookDelta(
            bids=(), asks=((90631.2, 0.002),), first_update_id=1709400450243, last_update_id=1709400450243,
            ts_event=1731897467182_000_000, **common,
        ),
    )  # fmt: skip
    assert parse(TICKER_V2) == (
        QuoteTick(
            bid=86454.5, bid_size=5.044, ask=86454.6, ask_size=0.073, ts_event=1740641976241000000,
            update_id=1713516609293, **common,
        ),
    )  # fmt: skip
    assert parse(EXECUTION) == (
        TradeTick(
            price=90503.9, size=0.002, buyer_is_maker=False, trade_id=1794100537695, ts_event=1731898619520000000,
            **common,
        ),
    )  # fmt: skip
    assert parse(MARK) == (Premium(mark=90445.02, index=90444.5, ts_event=1731899129000_000_000, **common),)
    assert parse(FUNDING) == (
        Funding(rate=-0.000002, interval_h=4.0, ts_event=1790993340000_000_000, **common),
    )  # fmt: skip
    assert parse(DAY) == (
        Ticker(
            last=84556.7, change=-0.0056, high=87274.8, low=83864.7, volume=3938.189, quote_volume=337376435.2988,
            ts_event=1790993335003748866, **common,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("size", ["1", "10", "0.1", "0.05", "0.001", "1000"])
def test_sizes_are_as_exact_as_decimals(size: str):
    listings = {BTC: replace(FUTURES_LISTING, contract_size=Decimal(size))}
    for contracts in range(1, 2000, 7):
        frame = EXECUTION.replace(b'"size":2', b'"size":%d' % contracts)
        (print_,) = make_parser(listings).parse(frame, ts_init=5)
        assert print_.size == float(contracts * Decimal(size))


def test_a_book_follows_the_sequence_and_notices_a_hole():
    parser = make_parser()
    book = OrderBook()
    assert book.apply_image(parser.parse_image(IMAGE, symbol=BTC, ts_init=5)) is Applied.APPLIED
    assert book.top(1) == (((90631.1, 0.044),), ((90631.2, 0.003),))
    assert book.apply_delta(parser.parse(FUTURES_LEVEL2, ts_init=5)[0]) is Applied.APPLIED
    assert book.top(1)[1] == ((90631.2, 0.002),)
    removed = FUTURES_LEVEL2.replace(b"1709400450243", b"1709400450244").replace(b"sell,2", b"sell,0")
    assert book.apply_delta(parser.parse(removed, ts_init=5)[0]) is Applied.APPLIED
    assert book.best_ask == 90631.5
    later = FUTURES_LEVEL2.replace(b"1709400450243", b"1709400450246")
    assert book.apply_delta(parser.parse(later, ts_init=5)[0]) is Applied.GAP


def test_a_change_at_price_0_is_only_its_sequence():
    (delta,) = parse(FUTURES_LEVEL2.replace(b"90631.2,sell,2", b"0,buy,0"))
    assert (delta.bids, delta.asks, delta.last_update_id) == ((), (), 1709400450243)


@pytest.mark.parametrize(
    "change", [b"90631.2,sell", b"90631.2,none,2", b"90631.2,sell,nan", b"inf,sell,2", b"9_0,sell,2", b",,", b"1e999,buy,1"]
)  # fmt: skip
def test_a_change_that_is_none_is_malformed(change: bytes):
    with pytest.raises(MalformedFrame):
        parse(FUTURES_LEVEL2.replace(b"90631.2,sell,2", change))


def test_a_symbol_without_listing_is_named_until_it_has_one():
    listings = {}
    parser = make_parser(listings)
    for frame in (FUTURES_LEVEL2, TICKER_V2, EXECUTION, FUNDING, DAY):
        with pytest.raises(UnknownVenueSymbol, match="BTC/USDT:USDT"):
            parser.parse(frame, ts_init=5)
    with pytest.raises(UnknownVenueSymbol):
        parser.parse_image(IMAGE, symbol=BTC, ts_init=5)
    listings[BTC] = FUTURES_LISTING
    assert parser.parse(EXECUTION, ts_init=5)[0].size == 0.002
    with pytest.raises(UnknownVenueSymbol, match="ETHUSDTM"):
        parser.parse(EXECUTION.replace(b"XBTUSDTM", b"ETHUSDTM"), ts_init=5)


def test_one_message_carries_all_symbols_of_a_topic():
    adapter = get_adapter("kucoin-futures")
    streams = adapter.streams("XBTUSDTM")
    assert {stream.group for stream in streams} == {
        "/contractMarket/level2", "/contractMarket/tickerV2", "/contractMarket/execution", "/contractMarket/snapshot",
        "/contract/instrument",
    }  # fmt: skip
    request = msgspec.json.decode(adapter.subscribe(streams[:1], request_id=3))
    assert request["topic"] == "/contractMarket/level2:XBTUSDTM"

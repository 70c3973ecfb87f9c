"""Binance's frames become records, and what is no frame becomes a named error."""

import contextlib
import gzip
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.events import Bar, BookDelta, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import Acknowledgement, MalformedFrame, Notice, UnknownVenueSymbol
from marketdata.exchanges.catalog import UnknownAdapter, get_adapter
from marketdata.replay import read_capture
from tests.unit.marketdata.cast import BTC_CAPTURE, CAPTURES, SYMBOLS, needs_captures

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


@pytest.fixture
def parser():
    return get_adapter("binance").parser(exchange="binance", symbols=SYMBOLS)


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


@pytest.mark.parametrize("frame", [TRADE, QUOTE, DEPTH, TICKER])
def test_raw_streams_mean_the_same(parser, frame):
    assert parser.parse(raw(frame), ts_init=7) == parser.parse(frame, ts_init=7)


def test_other_orders_and_spaces_of_json_are_understood(parser):
    frame = json.dumps({"data": json.loads(TRADE)["data"], "stream": "btcusdt@trade"}, indent=1).encode()
    assert parser.parse(frame, ts_init=7) == parser.parse(TRADE, ts_init=7)


def test_answers_to_requests(parser):
    assert parser.parse(b'{"result":null,"id":3}', ts_init=7) == (Acknowledgement(request_id=3),)
    (refusal,) = parser.parse(b'{"error":{"code":2,"msg":"Invalid request"},"id":4}', ts_init=7)
    assert refusal.request_id == 4
    assert "Invalid request" in refusal.error


def test_server_shutdown(parser):
    assert parser.parse(b'{"e":"serverShutdown","E":1723161255208}', ts_init=7) == (
        Notice(kind="serverShutdown", ts_event=1723161255208_000000),
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
    ],
)
def test_malformed_frames_are_named(parser, frame):
    with pytest.raises(MalformedFrame) as caught:
        parser.parse(frame, ts_init=7)
    assert len(str(caught.value)) < 600


def test_a_symbol_that_was_not_asked_for(parser):
    with pytest.raises(UnknownVenueSymbol, match="ETHUSDT"):
        parser.parse(TRADE.replace(b"BTCUSDT", b"ETHUSDT"), ts_init=7)


def test_unknown_adapter_lists_the_known_ones():
    with pytest.raises(UnknownAdapter, match=r"'mtgox'.*binance"):
        get_adapter("mtgox")


@needs_captures
def test_every_frame_of_the_recording_is_decoded_exactly(parser):
    """Against json and float, field by field."""
    for frame in read_capture(BTC_CAPTURE):
        if frame.payload.startswith(b'{"lastUpdateId"'):
            continue
        (event,) = parser.parse(frame.payload, ts_init=frame.ts_init)
        data = json.loads(frame.payload)["data"]
        if isinstance(event, TradeTick):
            assert (event.price, event.size, event.trade_id) == (float(data["p"]), float(data["q"]), data["t"])
            assert (event.ts_event, event.buyer_is_maker) == (data["T"] * 1_000_000, data["m"])
        elif isinstance(event, QuoteTick):
            assert (event.bid, event.bid_size) == (float(data["b"]), float(data["B"]))
            assert (event.ask, event.ask_size, event.update_id) == (float(data["a"]), float(data["A"]), data["u"])
        else:
            assert isinstance(event, BookDelta)
            assert event.bids == tuple((float(price), float(size)) for price, size in data["b"])
            assert event.asks == tuple((float(price), float(size)) for price, size in data["a"])


@needs_captures
def test_recorded_klines_and_aggregate_trades():
    names = {"NKNUSDT": "NKN/USDT", "BLZETH": "BLZ/ETH", "LRCBTC": "LRC/BTC", "RUNEEUR": "RUNE/EUR"}
    parser = get_adapter("binance").parser(exchange="binance", symbols=names)
    kinds: dict[type, int] = {}
    with gzip.open(CAPTURES / "binance_spot_alts_20211012.ws.gz", "rb") as lines:
        for line in lines:
            stamp, _, frame = line.partition(b": ")
            if stamp.startswith(b"wss") or not frame:
                continue
            for event in parser.parse(frame, ts_init=int(float(stamp) * 1e9)):
                kinds[type(event)] = kinds.get(type(event), 0) + 1
                if isinstance(event, Bar):
                    assert event.low <= event.open <= event.high
                    assert event.ts_close - event.ts_open == 60_000_000_000
    assert {Bar, BookDelta, QuoteTick, TradeTick} <= kinds.keys()
    assert sum(kinds.values()) > 250


MUTATED = [TRADE, QUOTE, DEPTH, TICKER, raw(TRADE), raw(QUOTE), b'{"result":null,"id":3}']


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(MUTATED), st.randoms(use_true_random=False), st.integers(1, 8))
def test_mutated_frames_end_in_events_or_named_errors(frame: bytes, rng: random.Random, mutations: int):
    parser = get_adapter("binance").parser(exchange="binance", symbols=SYMBOLS)
    mutant = bytearray(frame)
    for _ in range(mutations):
        at = rng.randrange(len(mutant) + 1)
        match rng.randrange(4):
            case 0:
                mutant[at : at + rng.randrange(1, 9)] = b""
            case 1:
                mutant[at:at] = rng.choice([b'"', b"{", b"]", b"\x00", b"\xff", b"9" * 30, b"1e999", b"null", b"-"])
            case 2:
                mutant[at : at + 1] = bytes([rng.randrange(256)])
            case 3:
                mutant = mutant[:at]
    events: object = ()
    with contextlib.suppress(MalformedFrame):
        events = parser.parse(bytes(mutant), ts_init=7)
    assert isinstance(events, tuple)

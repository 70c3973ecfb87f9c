"""Damaged frames of KuCoin end in events that are true, or in a named error."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from marketdata.events import Bar, BookDelta, Funding, Premium, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, VenueEvent
from marketdata.exchanges.kucoin.futures_messages import KucoinFuturesParser
from marketdata.exchanges.kucoin.messages import KucoinParser
from tests.unit.marketdata.captures import read_cryptofeed_capture
from tests.unit.marketdata.cast import CAPTURES, needs_captures
from tests.unit.marketdata.exchanges import kucoin_frames as frames
from tests.unit.marketdata.mutations import mutations

COUNT = 10_000
CONTRACTS_PER_BASE = 1000


@needs_captures
def test_ten_thousand_damaged_frames_of_spot():
    recorded = [frame.payload for frame in read_cryptofeed_capture(CAPTURES / "kucoin_spot_20210425.ws.gz")]
    good = [
        *recorded[::97], frames.LEVEL2, frames.LEVEL1, frames.MATCH, frames.SNAPSHOT, frames.NOT_FOUND, frames.EXPIRED,
    ]  # fmt: skip
    names = {name for frame in recorded if b'"topic"' in frame for name in [_symbol_of(json.loads(frame)["topic"])]}
    symbols = frames.SYMBOLS | {name: name.replace("-", "/") for name in names}
    parser = KucoinParser(exchange="kucoin", symbols=symbols)
    _damage(parser, good, scale=1)


@needs_captures
def test_ten_thousand_damaged_frames_of_futures():
    good = [
        *(CAPTURES / "kucoinfutures.jsonl").read_bytes().splitlines(), frames.FUTURES_LEVEL2, frames.TICKER_V2,
        frames.EXECUTION, frames.MARK, frames.FUNDING, frames.DAY,
    ]  # fmt: skip
    parser = KucoinFuturesParser(
        exchange="kucoin-futures", symbols=frames.FUTURES_SYMBOLS, listings=frames.FUTURES_LISTINGS
    )
    _damage(parser, good, scale=CONTRACTS_PER_BASE)


@needs_captures
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_books_from_rest(seed: int):
    spot = b'{"code":"200000","data":{"time":1550653727731,"sequence":"32","bids":[["6500.12","0.4505"]],"asks":[["6500.16","0.5"]]}}'
    for frame in mutations([spot], 2_000, seed=seed):
        try:
            image = KucoinParser(exchange="kucoin", symbols={}).parse_image(frame, symbol="BTC/USDT", ts_init=1)
        except MalformedFrame:
            continue
        data = _read(frame)["data"]
        told = [tuple(_level(level, 1) for level in data[name] or ()) for name in ("bids", "asks")]
        assert _text([image.bids, image.asks]) == _text(told), frame


def _damage(parser: KucoinParser | KucoinFuturesParser, good: list[bytes], *, scale: int) -> None:
    events = errors = 0
    for frame in mutations(good, COUNT, seed=2021):
        try:
            got = parser.parse(frame, ts_init=2)
        except MalformedFrame:
            errors += 1
            continue
        events += len(got)
        _check(got, frame, scale)
    assert events > COUNT / 20
    assert errors > COUNT / 4


def _check(events: Sequence[VenueEvent], frame: bytes, scale: int) -> None:
    """What the same frame says when json and Decimal read it. Sizes come in contracts."""
    for event in events:
        if isinstance(event, QuoteTick | TradeTick | BookDelta | BookImage | Ticker | Premium | Funding | Bar):
            document = _read(frame)
            data = document["data"]
            told = _told(event, data["data"] if isinstance(data.get("data"), dict) else data, scale)
            assert _text(_own(event)) == _text(told), frame


def _text(values: object) -> str:
    """In which a NaN equals itself, and zero has no sign."""
    return re.sub(r"-0\.0\b", "0.0", repr(values))


def _own(event: VenueEvent) -> Any:
    if isinstance(event, QuoteTick):
        return event.bid, event.bid_size, event.ask, event.ask_size
    if isinstance(event, TradeTick):
        return event.price, event.size, event.buyer_is_maker, event.trade_id, event.ts_event
    if isinstance(event, BookDelta):
        return event.bids, event.asks, event.first_update_id, event.last_update_id
    if isinstance(event, BookImage):
        return event.bids, event.asks
    if isinstance(event, Ticker):
        return event.last, event.high, event.low
    if isinstance(event, Premium):
        return event.mark, event.index
    if isinstance(event, Funding):
        return event.rate
    assert isinstance(event, Bar)
    return event.open, event.close, event.high, event.low


def _told(event: VenueEvent, data: dict[str, Any], scale: int) -> Any:
    if isinstance(event, QuoteTick):
        if "bestBidPrice" in data:
            sides = [(data["bestBidPrice"], data["bestBidSize"]), (data["bestAskPrice"], data["bestAskSize"])]
        elif "bestBid" in data:
            sides = [(data["bestBid"], data["bestBidSize"]), (data["bestAsk"], data["bestAskSize"])]
        else:
            sides = [data["bids"] or (0, 0), data["asks"] or (0, 0)]
        return (*_level(sides[0], scale), *_level(sides[1], scale))
    if isinstance(event, TradeTick):
        time_ns = data["time"] if scale == 1 else data["ts"]
        price, size = _level((data["price"], data["size"]), scale)
        return price, size, data["side"] == "sell", _integer(data["sequence"]), _integer(time_ns)
    if isinstance(event, BookDelta):
        if "change" in data:
            price, side, size = data["change"].split(",")
            level = (_level((price, size), scale),) if _number(price) else ()
            sequence = _integer(data["sequence"])
            return level if side == "buy" else (), level if side == "sell" else (), sequence, sequence
        bids, asks = (
            tuple(
                _level(change, scale)
                for change in sorted(data["changes"][name], key=lambda change: _integer(change[2]))
                if _number(change[0])
            )
            for name in ("bids", "asks")
        )
        return bids, asks, _integer(data["sequenceStart"]), _integer(data["sequenceEnd"])
    if isinstance(event, BookImage):
        return tuple(tuple(_level(level, scale) for level in data[name]) for name in ("bids", "asks"))
    if isinstance(event, Ticker):
        names = ("lastPrice", "highPrice", "lowPrice") if "lastPrice" in data else ("lastTradedPrice", "high", "low")
        return tuple(_number(data[name]) for name in names)
    if isinstance(event, Premium):
        return _number(data["markPrice"]), _number(data["indexPrice"])
    if isinstance(event, Funding):
        return _number(data["fundingRate"])
    return tuple(_number(value) for value in data["candles"][1:5])


def _read(frame: bytes) -> Any:
    """Text that nobody looks at may hold bytes that are no UTF-8."""
    return json.loads(frame.decode("utf-8", "surrogateescape"), parse_float=Decimal, strict=False)


def _number(value: object) -> float:
    assert isinstance(value, str | int | Decimal), value
    return float(Decimal(value))


def _integer(value: object) -> int:
    assert isinstance(value, str | int | Decimal), value
    return int(Decimal(value))


def _level(level: Sequence[object], scale: int) -> tuple[float, float]:
    return _number(level[0]), _number(level[1]) / scale


def _symbol_of(topic: str) -> str:
    return topic.partition(":")[2].partition("_")[0]

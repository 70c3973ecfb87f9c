"""Upstox market data feed v3 (protobuf) to records.

Source: https://upstox.com/developer/api-documentation/v3/get-market-data-feed. The first frame of an instrument tells
how things stand; later ones may leave out what did not change, e.g. the market's levels. Prices are in rupees.

Frames are conflated (see `prints`). An index has no size, no quotes and no book: its prints have size 0.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from operator import attrgetter
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Struct

from marketdata.events import Level, OpenInterest, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    MalformedFrame,
    Notice,
    NoticeKind,
    UnknownVenueSymbol,
    VenueEvent,
)
from marketdata.exchanges.upstox.payloads import Depth, Quotes
from marketdata.exchanges.upstox.prints import NOTHING, Seen, is_sold, size_of_print
from marketdata.schemas import upstox_feed_v3_pb2 as schema

_NS_PER_MS = 1_000_000
_IDS_PER_MS = 1_000
# In nanoseconds this still fits 63 bits.
_MAX_MS = 9_000_000_000_000
# Ids are made of the feed's time: one that ran so far ahead of ours would make all later ones look old.
# The mock market may run up to hundreds of times as fast as the clock.
_MAX_JUMP_MS = 900_000
_MAX_LATER_MS = 5_000
_INITIAL, _LIVE, _MARKET_INFO = 0, 1, 2
_DAY = "1d"
_NO_LEVEL: Level = (0.0, 0.0)

_decode: Callable[[bytes], Any] = schema.FeedResponse.FromString
_decode_quotes = msgspec.json.Decoder(Quotes, strict=False).decode

# One call in C for several fields: 2.2 µs for five levels against 3.7 µs field by field.
_market = attrgetter("ltpc", "marketLevel.bidAskQuote", "vtt", "oi", "atp", "marketOHLC.ohlc")
_ltpc = attrgetter("ltp", "ltt", "ltq", "cp")
_bid = attrgetter("bidP", "bidQ")
_ask = attrgetter("askP", "askQ")


class _Frame(Struct, frozen=True, gc=False):
    """What the records of a frame have in common."""

    exchange: str
    now_ms: int
    update_id: int
    ts_init: int


class _Impossible(ValueError):
    """Numbers that cannot be."""


class UpstoxParser:
    """Decodes the frames of one socket. `symbols` maps NSE_EQ|INE002A01018 to RELIANCE/INR and may grow."""

    def __init__(self, *, exchange: str, symbols: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._seen: dict[str, Seen] = {}
        self._update_id = 0
        # The feed's time less ours, of the last frame, and of one that was refused for it.
        self._ahead_ms: int | None = None
        self._refused_ms: int | None = None

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame. Instruments that were not asked for are passed over where the frame has others.

        A frame that raises changes nothing: the volume that it told of is in the next print. Raises MalformedFrame.
        """
        try:
            response = _decode(frame)
        except DecodeError as error:
            raise MalformedFrame(f"no message of the feed ({error})", frame) from None
        kind, now_ms = response.type, response.currentTs
        if not 0 <= now_ms < _MAX_MS:
            raise MalformedFrame(f"an impossible time, {now_ms},", frame)
        if kind == _MARKET_INFO:
            return (_market_status(response.marketInfo.segmentStatus, now_ms, frame),)
        if kind != _LIVE and kind != _INITIAL:
            raise MalformedFrame(f"unknown type {kind}", frame)
        self._check_time(now_ms, ts_init, frame)
        feeds = response.feeds
        events: list[VenueEvent] = []
        fresh: dict[str, Seen] = {}
        at = _Frame(self._exchange, now_ms, max(now_ms * _IDS_PER_MS, self._update_id + 1), ts_init)
        for key in feeds:
            symbol = self._symbols.get(key)
            if symbol is None:
                continue
            seen = self._seen.get(key) if kind == _LIVE else None
            try:
                fresh[key] = _instrument(feeds[key], seen, symbol, at, events)
            except _Impossible as error:
                raise MalformedFrame(f"{error} of {symbol}", frame) from None
        if not fresh:
            if not feeds:
                raise MalformedFrame("neither instruments nor a market status", frame)
            raise UnknownVenueSymbol(f"unknown instruments {', '.join(sorted(feeds)[:3])}", frame)
        self._seen.update(fresh)
        self._update_id = at.update_id
        return events

    def _check_time(self, now_ms: int, ts_init: int, frame: bytes) -> None:
        """Refuse a time that jumps against ours, unless the frame before jumped as far: a clock was set, or frames wait."""
        ahead_ms = now_ms - ts_init // _NS_PER_MS
        known, refused = self._ahead_ms, self._refused_ms
        self._refused_ms = None
        if (
            known is not None
            and abs(ahead_ms - known) > _MAX_JUMP_MS
            and (refused is None or abs(ahead_ms - refused) > _MAX_JUMP_MS)
        ):
            self._refused_ms = ahead_ms
            raise MalformedFrame(f"a time that jumps by {(ahead_ms - known) / 1_000:.1f} s", frame)
        self._ahead_ms = ahead_ms

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        """Decode a full market quote. Its `update_id` compares with those of the feed: both are the venue's time."""
        try:
            quotes = _decode_quotes(frame).data
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedFrame(f"no market quote ({error})", frame) from None
        if len(quotes) != 1:
            raise MalformedFrame(f"{len(quotes)} market quotes instead of one", frame)
        quote = next(iter(quotes.values()))
        depth = quote.depth or Depth()
        time_ms = round(quote.timestamp.timestamp() * 1_000) if quote.timestamp is not None else 0
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=tuple((level.price, level.quantity) for level in depth.buy if level.quantity),
            asks=tuple((level.price, level.quantity) for level in depth.sell if level.quantity),
            update_id=time_ms * _IDS_PER_MS,
            ts_event=time_ms * _NS_PER_MS,
            ts_init=ts_init,
        )


def _instrument(feed: Any, seen: Seen | None, symbol: str, at: _Frame, events: list[VenueEvent]) -> Seen:
    """Append what a frame tells of one instrument; give what is known of it now. Raises _Impossible."""
    ltpc, levels, volume, open_interest, average, candles = _read(feed)
    price, time_ms, size, previous_close = _ltpc(ltpc)
    if not (0 <= time_ms < _MAX_MS and size >= 0 and volume >= 0):
        raise _Impossible(f"an impossible print (time {time_ms}, size {size}, day's volume {volume})")
    if time_ms - at.now_ms > _MAX_LATER_MS:
        raise _Impossible(f"a print {(time_ms - at.now_ms) / 1_000:.1f} s later than its frame")
    before = seen or NOTHING
    trade_id, sold, bid, ask = before.trade_id, before.sold, before.bid, before.ask
    printed = size_of_print(seen, price, time_ms, size, volume) if seen is not None else None
    if printed is not None:
        trade_id = max(time_ms * _IDS_PER_MS, trade_id + 1)
        sold = is_sold(before, price)
        events.append(
            TradeTick(
                exchange=at.exchange,
                symbol=symbol,
                price=price,
                size=printed,
                buyer_is_maker=sold,
                trade_id=trade_id,
                ts_event=time_ms * _NS_PER_MS,
                ts_init=at.ts_init,
            )
        )
    quotes = list(levels)
    if quotes:
        bid, ask = _append_book(quotes, symbol, at, events)
    now_s = at.now_ms // 1_000
    # A summary of the day needs no more than one a second.
    if now_s != before.summary_s:
        _append_ticker(candles, price, previous_close, volume, average, symbol, at, events)
    if open_interest != before.open_interest and 0.0 < open_interest < inf:
        now_ns = at.now_ms * _NS_PER_MS
        events.append(
            OpenInterest(
                exchange=at.exchange, symbol=symbol, contracts=open_interest, ts_event=now_ns, ts_init=at.ts_init
            )
        )
    return Seen(price, time_ms, size, volume, trade_id, sold, bid, ask, open_interest, now_s)


def _read(feed: Any) -> tuple[Any, Any, int, float, float, Any]:
    """(last print, levels, day's volume, open interest, average price, candles) of any mode. Raises _Impossible."""
    full = feed.fullFeed
    which = full.WhichOneof("FullFeedUnion")
    if which == "marketFF":
        values: tuple[Any, Any, int, float, float, Any] = _market(full.marketFF)
        return values
    if which == "indexFF":
        return full.indexFF.ltpc, (), 0, 0.0, 0.0, full.indexFF.marketOHLC.ohlc
    which = feed.WhichOneof("FeedUnion")
    if which == "firstLevelWithGreeks":
        first = feed.firstLevelWithGreeks
        return first.ltpc, (first.firstDepth,) if first.HasField("firstDepth") else (), first.vtt, first.oi, 0.0, ()
    if which == "ltpc":
        return feed.ltpc, (), 0, 0.0, 0.0, ()
    raise _Impossible("no data")


def _append_book(quotes: list[Any], symbol: str, at: _Frame, events: list[VenueEvent]) -> Level:
    """Append best prices and levels; give (best bid, best ask)."""
    bids: tuple[Level, ...] = tuple(map(_bid, quotes))
    asks: tuple[Level, ...] = tuple(map(_ask, quotes))
    if not (bids[-1][1] and asks[-1][1]):
        bids, asks = tuple(level for level in bids if level[1]), tuple(level for level in asks if level[1])
    # An empty side is told as zeros: nobody can trade against it, and its price before is over.
    bid, bid_size = bids[0] if bids else _NO_LEVEL
    ask, ask_size = asks[0] if asks else _NO_LEVEL
    now_ns = at.now_ms * _NS_PER_MS
    events.append(
        QuoteTick(
            exchange=at.exchange,
            symbol=symbol,
            bid=bid,
            bid_size=bid_size,
            ask=ask,
            ask_size=ask_size,
            ts_event=now_ns,
            ts_init=at.ts_init,
            update_id=at.update_id,
        )
    )
    events.append(
        BookImage(
            exchange=at.exchange,
            symbol=symbol,
            bids=bids,
            asks=asks,
            update_id=at.update_id,
            ts_init=at.ts_init,
            ts_event=now_ns,
            from_stream=True,
        )
    )
    return bid, ask


def _append_ticker(
    candles: Any,
    price: float,
    previous_close: float,
    volume: int,
    average: float,
    symbol: str,
    at: _Frame,
    events: list[VenueEvent],
) -> None:
    day = next((candle for candle in candles if candle.interval == _DAY), None)
    if day is None or not (all(0.0 < value < inf for value in (price, previous_close, day.high, day.low))):
        return
    events.append(
        Ticker(
            exchange=at.exchange,
            symbol=symbol,
            last=price,
            change=price / previous_close - 1,
            high=day.high,
            low=day.low,
            volume=float(volume),
            quote_volume=average * volume if 0.0 < average < inf else 0.0,
            ts_event=at.now_ms * _NS_PER_MS,
            ts_init=at.ts_init,
        )
    )


def _market_status(status_of: Mapping[str, int], now_ms: int, frame: bytes) -> Notice:
    """`message` groups the segments by status, e.g. "normal open: NSE_EQ, NSE_INDEX"."""
    segments: dict[int, list[str]] = {}
    for segment in sorted(status_of):
        segments.setdefault(status_of[segment], []).append(segment)
    if not segments or not segments.keys() <= _STATUS_NAMES.keys():
        raise MalformedFrame("no known market status", frame)
    message = "; ".join(f"{_STATUS_NAMES[status]}: {', '.join(names)}" for status, names in sorted(segments.items()))
    return Notice(kind=NoticeKind.MARKET_STATUS, ts_event=now_ms * _NS_PER_MS, message=message[:500])


_STATUS_NAMES: dict[int, str] = {number: name.lower().replace("_", " ") for name, number in schema.MarketStatus.items()}

"""KuCoin spot and futures: frames to events, beside msgspec decoding each into its own type and nothing else.

A change of the futures' book is text inside JSON, "90631.2,sell,2": the floor reads its numbers too.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from marketdata.exchanges.kucoin import futures_payloads, payloads
from marketdata.exchanges.kucoin.futures_messages import KucoinFuturesParser
from marketdata.exchanges.kucoin.messages import KucoinParser
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.captures import read_cryptofeed_capture
from tests.unit.marketdata.cast import CAPTURES
from tests.unit.marketdata.exchanges.kucoin_frames import (
    EXECUTION,
    FUTURES_LEVEL2,
    FUTURES_LISTINGS,
    FUTURES_SYMBOLS,
    TICKER_V2,
)

_SPOT: dict[bytes, type[Struct]] = {
    b"/market/level2:": payloads.Level2Frame,
    b"/market/ticker:": payloads.TickerFrame,
    b"/market/match:": payloads.MatchFrame,
}
_FUTURES: dict[bytes, type[Struct]] = {
    b"/contractMarket/level2:": futures_payloads.Level2Frame,
    b"/contractMarket/tickerV2:": futures_payloads.TickerV2Frame,
    b"/contractMarket/execution:": futures_payloads.ExecutionFrame,
    b"/contractMarket/level2Depth5:": futures_payloads.DepthFrame,
}
# Of a perpetual most frames are changes of the book and quotes.
_MIX = (FUTURES_LEVEL2,) * 5 + (TICKER_V2,) * 3 + (EXECUTION,)


def run() -> dict[str, Row]:
    spot = [frame.payload for frame in read_cryptofeed_capture(CAPTURES / "kucoin_spot_20210425.ws.gz")]
    names = {frame.split(b'"topic":"')[1].split(b'"')[0].split(b":")[1].decode() for frame in spot if b"topic" in frame}
    recorded = (CAPTURES / "kucoinfutures.jsonl").read_bytes().splitlines()
    return {
        "feed.kucoin.frame_to_event": compare(
            spot,
            _SPOT,
            KucoinParser(exchange="kucoin", symbols={name: name.replace("-", "/") for name in names}).parse,
        ),
        "feed.kucoin_futures.frame_to_event": compare(
            [*recorded, *_MIX * 200],
            _FUTURES,
            KucoinFuturesParser(exchange="kucoin-futures", symbols=FUTURES_SYMBOLS, listings=FUTURES_LISTINGS).parse,
        ),
    }


def compare(frames: list[bytes], kinds: dict[bytes, type[Struct]], parse: Callable[..., Any]) -> Row:
    decode_number = msgspec.json.Decoder(float).decode
    pairs = [
        (msgspec.json.Decoder(kind, strict=False).decode, frame)
        for frame in frames
        for topic, kind in kinds.items()
        if topic in frame
    ]

    def ours() -> None:
        for _, frame in pairs:
            parse(frame, ts_init=1)

    def floor() -> None:
        for decode, frame in pairs:
            message = decode(frame)
            if type(message) is futures_payloads.Level2Frame:
                price, _, size = message.data.change.split(",")
                decode_number(price)
                decode_number(size)

    to_us = 1e6 / len(pairs)
    return Row(
        value=best_seconds(ours) * to_us,
        unit="us",
        floor=best_seconds(floor) * to_us,
        budget=2,
        budget_is_ratio=True,
    )

"""Coinbase: frames to events with every sequence checked, on the feed recorded in 2021 in today's envelope."""

import msgspec

from marketdata.exchanges.coinbase.messages import CoinbaseParser
from marketdata.exchanges.coinbase.payloads import BookMessage, OtherMessage, TickerMessage, TradeMessage
from marketdata.exchanges.rfc3339 import rfc3339_ns
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.exchanges.coinbase_frames import LEGACY_SYMBOLS, legacy_frames

_KINDS = {b"l2_dat": BookMessage, b"market": TradeMessage, b"ticker": TickerMessage, b"subscr": OtherMessage}


def run() -> dict[str, Row]:
    """The floor decodes each frame into its own type, and makes pairs of floats of its levels and a number of its time.

    That is the fair floor: the venue sends levels as objects with a side, which no decoder turns into pairs of floats, and
    times as text. The second row is beside decoding alone: most of these frames carry one level, around which the rest is
    large.
    """
    frames = list(legacy_frames())
    decoders = {head: msgspec.json.Decoder(kind, strict=False).decode for head, kind in _KINDS.items()}
    pairs = [(decoders[frame[12:18]], frame) for frame in frames]
    to_us = 1e6 / len(frames)

    def ours() -> None:
        parse = CoinbaseParser(exchange="coinbase", symbols=LEGACY_SYMBOLS).parse
        for frame in frames:
            parse(frame, ts_init=1)

    def floor() -> None:
        for decode, frame in pairs:
            message = decode(frame)
            if isinstance(message, BookMessage):
                rfc3339_ns(message.timestamp)
                [(level.price, level.size) for level in message.events[0].updates]

    def decoded() -> None:
        for decode, frame in pairs:
            decode(frame)

    value = best_seconds(ours) * to_us
    return {
        "feed.coinbase.frame_to_event": Row(
            value=value, unit="us", floor=best_seconds(floor) * to_us, budget=2, budget_is_ratio=True
        ),
        "feed.coinbase.frame_to_event_beside_bare_decode": Row(
            value=value, unit="us", floor=best_seconds(decoded) * to_us, budget=15
        ),
    }

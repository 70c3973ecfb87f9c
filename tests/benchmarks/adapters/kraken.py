"""Kraken: frames to events with every checksum verified, on the books recorded in 2021 in today's envelope."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zlib import crc32

import msgspec
from msgspec import Meta, Struct

from marketdata.exchanges.kraken.messages import KrakenParser
from marketdata.exchanges.kraken.payloads import Book, time_ns
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.exchanges.kraken_frames import DEPTH, V1_SYMBOLS, v1_books_as_v2

# What the ten best levels of a side contribute to a checksum.
_TOKENS = [b"%d%d" % (856_005_000 + number, 20_401_971) for number in range(10)]


class _Level(Struct, gc=False):
    price: Decimal
    qty: Decimal


class _Data(Struct, gc=False):
    symbol: str
    bids: list[_Level]
    asks: list[_Level]
    checksum: int
    timestamp: Annotated[datetime, Meta(tz=True)]


class _Book(Struct, gc=False):
    type: str
    data: list[_Data]


def run() -> dict[str, Row]:
    """The floor decodes the numbers exactly, as a checksum needs them, and the time, and takes the CRC32 of 20 levels.

    It keeps no book. That is the fair floor: a checksum is of digits as sent, which floats have lost, and whoever skips it
    cannot tell a wrong book from a right one. The second row is beside decoding into floats alone.
    """
    frames = list(v1_books_as_v2())
    images = [frame for frame in frames if b'"snapshot"' in frame[:45]]
    updates = [frame for frame in frames if b'"update"' in frame[:45]]
    exact, bare = msgspec.json.Decoder(_Book).decode, msgspec.json.Decoder(Book).decode
    to_us = 1e6 / len(updates)

    def ours() -> float:
        parse = KrakenParser(exchange="kraken", symbols=V1_SYMBOLS, listings={}, depth=DEPTH).parse
        for frame in images:
            parse(frame, ts_init=1)

        def follow() -> None:
            for frame in updates:
                parse(frame, ts_init=1)

        return best_seconds(follow, repeat=1)

    def floor() -> None:
        for frame in updates:
            time_ns(exact(frame).data[0].timestamp)
            crc32(b"".join(_TOKENS), crc32(b"".join(_TOKENS)))

    def decoded() -> None:
        for frame in updates:
            bare(frame)

    value = min(ours() for _ in range(5)) * to_us
    return {
        "feed.kraken.frame_to_event": Row(
            value=value, unit="us", floor=best_seconds(floor) * to_us, budget=2, budget_is_ratio=True
        ),
        "feed.kraken.frame_to_event_beside_bare_decode": Row(
            value=value, unit="us", floor=best_seconds(decoded) * to_us, budget=15
        ),
    }

"""Kraken's frames for tests: today's recording, and those of 2021 in today's envelope."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from zlib import crc32

from tests.unit.marketdata.captures import read_cryptofeed_capture
from tests.unit.marketdata.cast import CAPTURES

V1_CAPTURE = CAPTURES / "kraken_v1_book_20210417.ws.gz"
V1_SYMBOLS = {
    name.replace("XBT", "BTC"): name.replace("XBT", "BTC")
    for name in (
        "WAVES/EUR", "XMR/USD", "KSM/XBT", "GRT/ETH", "SC/EUR", "ETH/CHF", "OCEAN/XBT", "OMG/USD", "XBT/CHF", "ADA/XBT",
    )
}  # fmt: skip
DEPTH = 1000


def v2_frames() -> list[bytes]:
    return (CAPTURES / "kraken_v2.jsonl").read_bytes().splitlines()


def v1_books_as_v2() -> Iterator[bytes]:
    """Yield every image and update of 2021 with the same digits, as numbers, in today's envelope."""
    for frame in read_cryptofeed_capture(V1_CAPTURE):
        if not frame.payload.startswith(b"["):
            continue
        message = json.loads(frame.payload)
        symbol = message[-1].replace("XBT", "BTC")
        sides: dict[str, list[list[str]]] = {}
        checksum = None
        for part in message[1:-2]:
            checksum = part.pop("c", checksum)
            sides.update(part)
        kind = "snapshot" if "as" in sides else "update"
        bids, asks = sides.get("bs", sides.get("b", [])), sides.get("as", sides.get("a", []))
        if kind == "snapshot":
            checksum = digits_checksum(bids, asks)
        yield book_frame(kind, symbol, bids, asks, checksum)


def book_frame(kind: str, symbol: str, bids, asks, checksum, when: str = "") -> bytes:
    """`bids` and `asks` are lists of (price, size, time…) texts, whose digits go into the frame as they are."""
    times = [level[2] for level in (*bids, *asks) if len(level) > 2]
    when = when or _iso(max(times, key=Decimal)) if times or when else "2021-04-17T16:48:53.000000Z"
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{_levels(bids)}],'
        f'"asks":[{_levels(asks)}],"checksum":{checksum},"timestamp":"{when}"}}]}}'
    ).encode()


def digits_checksum(bids, asks) -> int:
    """Kraken's guide, word for word, over texts: without point, without leading zeros; asks first."""
    text = "".join(
        price.replace(".", "").lstrip("0") + size.replace(".", "").lstrip("0")
        for levels in (asks, bids)
        for price, size, *_ in levels[:10]
    )
    return crc32(text.encode())


def _levels(levels) -> str:
    return ",".join(f'{{"price":{price},"qty":{size}}}' for price, size, *_ in levels)


def _iso(seconds: str) -> str:
    whole, _, fraction = seconds.partition(".")
    return f"{datetime.fromtimestamp(int(whole), UTC):%Y-%m-%dT%H:%M:%S}.{fraction}Z"

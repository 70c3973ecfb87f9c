"""Reads recordings of cryptofeed: `<unix s>: <frame>` lines among records of connections and REST answers."""

import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple


class CapturedFrame(NamedTuple):
    """`url` is empty for a frame from the socket, else what was asked by REST."""

    ts_init: int
    url: str
    payload: bytes


def read_cryptofeed_capture(path: Path) -> Iterator[CapturedFrame]:
    """Yield what was received, in order; leave out connections (`<->`) and what was sent (`<-`).

    A REST answer is `<url> -> <unix s>: <body>`. Raises ValueError, naming the line, for anything else.
    """
    with gzip.open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            head, _, payload = line.rstrip(b"\r\n").partition(b": ")
            if not head:
                continue
            url, _, stamp = head.rpartition(b" ")
            if url.startswith((b"wss://", b"https://")):
                url, _, direction = url.rpartition(b" ")
                if direction != b"->":
                    continue
            elif url or not payload:
                raise ValueError(f"{path}, line {number}: expected '<unix s>: <frame>', found {line[:80]!r}.")
            yield CapturedFrame(int(Decimal(stamp.decode()) * 1_000_000_000), url.decode(), payload)

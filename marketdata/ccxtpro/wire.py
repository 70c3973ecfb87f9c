"""What the feed and the child process with CCXT Pro say to each other, and how it is framed.

A frame is its length (4 bytes, big-endian) and a msgpack list of messages. Commands go to the child's stdin, reports
come from its stdout.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from marketdata.events import Level, QuoteTick, Ticker, TradeTick

_LENGTH_BYTES = 4
MAX_FRAME_BYTES = 64 * 1024 * 1024


class Start(Struct, frozen=True, kw_only=True, tag="start"):
    """The first command. Without URLs the exchange's own addresses are used.

    `exchange` is our code of the venue, `options` are merged into the ccxt exchange's options.
    """

    exchange_id: str
    exchange: str
    environment: str = "live"
    rest_url: str = ""
    websocket_url: str = ""
    credentials: Mapping[str, str] = {}
    options: Mapping[str, Any] = {}


class Watch(Struct, frozen=True, kw_only=True, tag="watch"):
    symbol: str


class Unwatch(Struct, frozen=True, kw_only=True, tag="unwatch"):
    symbol: str


class Rewatch(Struct, frozen=True, kw_only=True, tag="rewatch"):
    symbol: str


class Reconnect(Struct, frozen=True, kw_only=True, tag="reconnect"):
    """Close every socket; what is watched is watched again."""


class Call(Struct, frozen=True, kw_only=True, tag="call"):
    """A REST request; its Answer or Failed has the same id."""

    id: int
    method: str
    arguments: Mapping[str, Any] = {}


Command = Start | Watch | Unwatch | Rewatch | Reconnect | Call


class Heartbeat(Struct, frozen=True, kw_only=True, array_like=True, tag="heartbeat"):
    """The child lives and its event loop turns."""


class Up(Struct, frozen=True, kw_only=True, array_like=True, tag="up"):
    symbol: str


class Down(Struct, frozen=True, kw_only=True, array_like=True, tag="down"):
    """An empty symbol means all of them."""

    symbol: str
    reason: str


class Image(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="image"):
    """The top of an order book, best first; sizes in base."""

    exchange: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int
    ts_event: int
    ts_init: int


class GapSeen(Struct, frozen=True, kw_only=True, array_like=True, tag="gap"):
    symbol: str
    reason: str
    ts_init: int


class Refused(Struct, frozen=True, kw_only=True, array_like=True, tag="refused"):
    symbol: str
    error: str


class Denied(Struct, frozen=True, kw_only=True, array_like=True, tag="denied"):
    message: str


class Note(Struct, frozen=True, kw_only=True, array_like=True, tag="note"):
    kind: str
    message: str


class Answer(Struct, frozen=True, kw_only=True, array_like=True, tag="answer"):
    id: int
    body: bytes


class Failed(Struct, frozen=True, kw_only=True, array_like=True, tag="failed"):
    """`kind` names the VenueError: unavailable, rejected, unknown_symbol, timeframe, not_allowed or rate_limited."""

    id: int
    kind: str
    message: str
    retry_after_s: float = 0.0


Market = QuoteTick | TradeTick | Ticker | Image
Report = Market | Heartbeat | Up | Down | GapSeen | Refused | Denied | Note | Answer | Failed

_encoder = msgspec.msgpack.Encoder()
decode_command = msgspec.msgpack.Decoder(list[Command]).decode
_decode_reports = msgspec.msgpack.Decoder(list[Report]).decode


class BrokenFrame(ValueError):
    """A frame that the other side cannot have sent."""


def decode_reports(payload: bytes) -> list[Report]:
    """Raises BrokenFrame."""
    try:
        return _decode_reports(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenFrame(str(error)) from error


def frame(messages: Sequence[Command] | Sequence[Report]) -> bytes:
    payload = _encoder.encode(messages)
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


class FrameReader:
    """Cuts a stream of bytes into the payloads of its frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add what was read; gives the payloads that are whole. Raises BrokenFrame."""
        pending = self._pending
        pending += data
        start = 0
        try:
            while len(pending) - start >= _LENGTH_BYTES:
                length = int.from_bytes(pending[start : start + _LENGTH_BYTES], "big")
                if length > MAX_FRAME_BYTES:
                    raise BrokenFrame(f"a frame of {length} bytes is announced; the limit is {MAX_FRAME_BYTES}")
                end = start + _LENGTH_BYTES + length
                if len(pending) < end:
                    break
                payload = bytes(pending[start + _LENGTH_BYTES : end])
                start = end
                yield payload
        finally:
            del pending[:start]

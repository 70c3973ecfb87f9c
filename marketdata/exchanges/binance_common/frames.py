"""Binance's WebSocket frames to records: what spot and futures have in common.

Both the combined envelope (`{"stream": …, "data": …}`) and raw payloads are understood.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from marketdata.exchanges.adapter import (
    Acknowledgement,
    BookImage,
    MalformedFrame,
    Notice,
    NoticeKind,
    UnknownVenueSymbol,
    VenueEvent,
)
from marketdata.exchanges.binance_common.payloads import Answer, Image, Order, Probe, Shutdown

NS_PER_MS = 1_000_000
_OPENING = b'{"stream":"'
# Where a combined frame names its stream: enough for the symbol and the beginning of the channel.
_HEAD = slice(0, len(_OPENING) + 24)
_MAX_HEADS = 8_192
_QUOTE = "bookTicker"
_SHUTDOWN = "serverShutdown"
_LONGEST_ERROR = 300

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Handler = Callable[[bytes, int], Sequence[VenueEvent]]
# Makes the handler of one kind for the venue's spelling of a symbol and ours.
Maker = Callable[[str, str], Handler]


def envelope_decoder(payload: type[Struct]) -> Callable[[bytes], Any]:
    """Decode the combined envelope around `payload`; what comes back has it as `data`."""
    envelope = msgspec.defstruct(f"{payload.__name__}Envelope", [("data", payload)], gc=False)
    return msgspec.json.Decoder(envelope, strict=False).decode


_decode_image = msgspec.json.Decoder(Image, strict=False).decode
_decode_answer = msgspec.json.Decoder(Answer, strict=False).decode
_decode_shutdown = msgspec.json.Decoder(Shutdown, strict=False).decode
_decode_probe = msgspec.json.Decoder(Probe).decode
_decode_order = msgspec.json.Decoder(Order).decode


class FrameParser:
    """Decodes the frames of one socket. `symbols` maps BTCUSDT to ours and may grow.

    `makers` has a maker for each type of event ("trade"), `channels` maps the first two letters of each channel to it.
    """

    def __init__(
        self, *, exchange: str, symbols: Mapping[str, str], makers: Mapping[str, Maker], channels: Mapping[bytes, str]
    ) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._makers = makers
        self._channels = channels
        self._handlers: dict[tuple[str, str], Handler] = {}
        # Frames of a stream begin alike: looking their beginning up is faster than searching for the name.
        self._by_head: dict[bytes, Handler] = {}

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame. `ts_event` is 0 where the venue sends no time, e.g. with spot's quotes.

        Raises MalformedFrame, or UnknownVenueSymbol for a symbol that is not in the table, or not the stream's own.
        """
        handle = self._by_head.get(frame[_HEAD]) or self._learn(frame)
        if handle is not None:
            try:
                return handle(frame, ts_init)
            except UNREADABLE:
                # A name that promises another payload, or damage: the slow way tells.
                pass
        return self._parse_any(frame, ts_init)

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        try:
            image = _decode_image(frame)
        except UNREADABLE as error:
            raise MalformedFrame(f"no depth snapshot ({error})", frame) from None
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=image.bids,
            asks=image.asks,
            update_id=image.update_id,
            ts_event=image.time_ms * NS_PER_MS,
            ts_init=ts_init,
        )

    def _learn(self, frame: bytes) -> Handler | None:
        """The stream's name (btcusdt@trade) tells symbol and type; each handler checks both in the payload."""
        at = frame.find(b"@")
        kind = self._channels.get(frame[at + 1 : at + 3])
        if at < 0 or kind is None or not frame.startswith(_OPENING):
            return None
        try:
            venue_symbol = frame[len(_OPENING) : at].decode().upper()
        except UnicodeDecodeError:
            return None
        handle = self._handler(kind, venue_symbol)
        if handle is not None and at + 3 <= _HEAD.stop and len(self._by_head) < _MAX_HEADS:
            self._by_head[frame[_HEAD]] = handle
        return handle

    def _handler(self, kind: str, venue_symbol: str) -> Handler | None:
        handle = self._handlers.get((kind, venue_symbol))
        if handle is None:
            symbol = self._symbols.get(venue_symbol)
            if symbol is None:
                return None
            handle = self._handlers[kind, venue_symbol] = self._makers[kind](venue_symbol, symbol)
        return handle

    def _parse_any(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        try:
            return self._read(frame, ts_init)
        except UNREADABLE as error:
            raise MalformedFrame(str(error), frame) from None

    def _read(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        probe, payload, stream = _decode_probe(frame), frame, ""
        if probe.stream:
            stream, payload = probe.stream, bytes(probe.data)
            probe = _decode_probe(payload)
        kind = probe.event or (_QUOTE if probe.update_id is not None else "")
        if not kind:
            return (_acknowledgement(payload),)
        if kind == _SHUTDOWN:
            return (Notice(kind=NoticeKind.ENDING, ts_event=_decode_shutdown(payload).time_ms * NS_PER_MS),)
        if kind not in self._makers:
            raise MalformedFrame(f"unknown event type {kind!r}", frame)
        venue_symbol = probe.symbol or _decode_order(probe.order).symbol
        handle = self._handler(kind, venue_symbol)
        if handle is None:
            raise UnknownVenueSymbol(f"unknown symbol {venue_symbol!r}", frame)
        named, _, channel = stream.partition("@")
        if channel and not named.startswith("!") and named.upper() != venue_symbol:
            raise other_symbol(venue_symbol, named.upper(), frame)
        return handle(b'{"data":' + payload + b"}", ts_init)


def other_symbol(found: str, expected: str, frame: bytes) -> UnknownVenueSymbol:
    return UnknownVenueSymbol(f"{found!r} in the stream of {expected}", frame)


def _acknowledgement(payload: bytes) -> Acknowledgement:
    answer = _decode_answer(payload)
    error = bytes(answer.error).decode("utf-8", "replace")
    if answer.code is not None:
        error = f"{answer.code} {answer.msg}"
    if error in ("", "null") and answer.id is None and b'"result"' not in payload:
        raise MalformedFrame("neither an event nor an answer", payload)
    request_id = answer.id if isinstance(answer.id, int) else None
    return Acknowledgement(request_id=request_id, error="" if error == "null" else error[:_LONGEST_ERROR])

"""What KuCoin's sockets, of spot and of futures, say beside market data.

Source: https://www.kucoin.com/docs-new/websocket-api/base-info/introduction.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from marketdata.events import Timeframe
from marketdata.exchanges.adapter import (
    Acknowledgement,
    Heartbeat,
    MalformedFrame,
    Notice,
    NoticeKind,
    Stream,
    StreamLimits,
    VenueEvent,
)

# The venue's pingInterval is 18 s: half of it, so that one that is late does not cost the socket.
HEARTBEAT = Heartbeat(interval_s=9, payload=b'{"id":"ping","type":"ping"}')

# Per connection 100 messages in 10 s, of which some are left to pings, and 300 topics, where each symbol of a topic
# counts; 100 symbols in a message; 30 new connections a minute; a connection ends after 24 hours.
LIMITS = StreamLimits(
    messages_per_s=8,
    streams_per_connection=300,
    streams_per_message=100,
    connections_per_5min=150,
    lifetime_s=24 * 3600,
)

TIMEFRAMES: dict[str, Timeframe] = {
    "1min": "1m",
    "3min": "3m",
    "5min": "5m",
    "15min": "15m",
    "30min": "30m",
    "1hour": "1h",
    "4hour": "4h",
    "1day": "1d",
}

_TOKEN_REFUSED = 401


class Control(Struct):
    """Enough of a frame to know what it is."""

    type: str = ""
    topic: str = ""
    subject: str = ""
    id: str | int | None = None
    code: int | str | None = None
    data: msgspec.Raw = msgspec.Raw()


decode_control = msgspec.json.Decoder(Control).decode


def request(kind: str, streams: Sequence[Stream], request_id: int) -> bytes:
    """Ask for ("subscribe") or end ("unsubscribe") streams of one topic."""
    topic = f"{streams[0].group}:{','.join(stream.name for stream in streams)}"
    return msgspec.json.encode({"id": str(request_id), "type": kind, "topic": topic, "response": True})


def read_control(control: Control, frame: bytes) -> Sequence[VenueEvent]:
    """Understand a frame that carries no market data. Raises MalformedFrame."""
    if control.type == "ack":
        return (Acknowledgement(request_id=_number(control.id)),)
    if control.type in ("welcome", "pong"):
        return ()
    if control.type == "error":
        return (_refusal(control),)
    raise MalformedFrame(f"unknown type {control.type!r} with topic {control.topic!r}", frame)


def _refusal(control: Control) -> VenueEvent:
    """Of a whole request: whether the other symbols of it go on is not documented, so none is named."""
    detail = bytes(control.data).decode("utf-8", "replace").strip('"')[:300]
    if _number(control.code) == _TOKEN_REFUSED or "token" in detail:
        return Notice(
            kind=NoticeKind.NOT_ALLOWED,
            message=f"KuCoin refuses the socket's token ({detail}): connect again, each new socket asks for a new one.",
        )
    return Acknowledgement(request_id=_number(control.id), error=f"{control.code} {detail}".strip())


def _number(value: str | int | None) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None
    return value

"""The lines of a recording.

A recording is a gzip of lines, oldest first, each `<receive ns> <rest>`. A rest that does not begin with `#` is a frame
as it came over the socket. Otherwise a JSON object follows the `#`, and after it, behind a blank, what it is about:

    <ns> {"stream":"btcusdt@trade",…}                  a frame of the file's main socket
    <ns> #{"socket":"public-2"} <frame>                a frame of another socket
    <ns> #{"b64":true} <base64>                        a frame that has a line break in it, or would look like a mark
    <ns> #{"b64":true,"socket":"public-2"} <base64>    the same of another socket
    <ns> #{"begin":{…}}                                first line of every file, see `Begin`
    <ns> #{"main":"public-1"}                          the file's main socket, from here on
    <ns> #{"listings":2} [{…},{…}]                     the venue's rules: once a file, and again when they change
    <ns> #{"open":"public-2","held":false}             a connection was made: a new parser. `held`: it will take over from
                                                       another socket and is not listened to before
    <ns> #{"subscribed":["BTC/USDT"]}                  asked for
    <ns> #{"up":["BTC/USDT"]}                          all its sockets are open: what was known is old
    <ns> #{"down":["BTC/USDT"],"text":"…"}             not all of them are
    <ns> #{"handover":["BTC/USDT"],"socket":"main-3"}  from here on this socket brings them
    <ns> #{"image":"BTC/USDT"} <body>                  an order book as REST answered (with "b64" where it needs that)
    <ns> #{"book":"BTC/USDT"} {…}                      the same, already read; near the beginning of a file, and after
                                                       lost lines, the book as the feed had it then
    <ns> #{"history":"BTC/USDT"} {"bars":[…],"trades":[…]}
    <ns> #{"note":"…"}                                 for people
    <ns> #{"lost":17}                                  so many lines could not be written (disk full)

Recordings of others that consist of frames only are read as well; in these a frame that begins with
`{"lastUpdateId"` stands for the answer of the venue's REST.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

FORMAT = 1

_read_json = json.JSONDecoder().raw_decode
_SOCKET = b'#{"socket":"'
_SOCKET_END = b'"} '


class MarkKind(StrEnum):
    BEGIN = "begin"
    MAIN = "main"
    LISTINGS = "listings"
    OPEN = "open"
    SUBSCRIBED = "subscribed"
    UP = "up"
    DOWN = "down"
    HANDOVER = "handover"
    BOOK = "book"
    HISTORY = "history"
    NOTE = "note"
    LOST = "lost"


class Begin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file is about. `follows` names the file that it goes on from, without a break; `up` what was up then."""

    format: int = FORMAT
    exchange: str
    adapter: str
    software: str
    follows: str = ""
    up: tuple[str, ...] = ()
    # The main socket: that of frames which name none.
    main: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """`number` counts the frames of a file from 1. `socket` is empty where the file does not tell."""

    number: int
    ts_init: int
    payload: bytes
    socket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something other than a frame. `about` is what follows its kind, `payload` what follows the object."""

    kind: MarkKind
    ts_init: int
    about: Any
    more: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(map(str, self.about)) if isinstance(self.about, list) else (str(self.about),)

    @property
    def socket(self) -> str:
        return str(self.more.get("socket", ""))

    @property
    def text(self) -> str:
        return str(self.more.get("text", ""))


Record = Frame | Mark


class MalformedLine(ValueError):
    """What stands after the time cannot be read."""


def needs_base64(payload: bytes) -> bool:
    """Whether a payload would not survive as the end of a line."""
    return b"\n" in payload or not payload or payload[:1] == b"#" or payload[-1:] == b"\r"


def frame_line(payload: bytes, ts_init: int, socket: bytes) -> bytes:
    """`socket` is the name as JSON (see `socket_name`), or empty for the file's main one."""
    if needs_base64(payload):
        named = b',"socket":%b' % socket if socket else b""
        return b'%d #{"b64":true%b} %b\n' % (ts_init, named, base64.b64encode(payload))
    if socket:
        return b'%d #{"socket":%b} %b\n' % (ts_init, socket, payload)
    return b"%d %b\n" % (ts_init, payload)


def socket_name(socket: str) -> bytes:
    return json.dumps(socket).encode()


def mark_line(kind: MarkKind, about: Any, ts_init: int, *, payload: bytes | None = None, **more: Any) -> bytes:
    """One line. `about` and `more` become JSON; empty ones of `more` are left out."""
    head: dict[str, Any] = {kind.value: about, **{name: value for name, value in more.items() if value}}
    if payload is None:
        return b"%d #%b\n" % (ts_init, msgspec.json.encode(head))
    if needs_base64(payload):
        head["b64"], payload = True, base64.b64encode(payload)
    return b"%d #%b %b\n" % (ts_init, msgspec.json.encode(head), payload)


def read_line(rest: bytes, *, ts_init: int, number: int, main_socket: str) -> Record:
    """What stands after the time. A frame gets `number`. Raises MalformedLine."""
    if rest[:1] != b"#":
        return Frame(number=number, ts_init=ts_init, payload=rest, socket=main_socket)
    if rest.startswith(_SOCKET):
        end = rest.find(_SOCKET_END, len(_SOCKET))
        name = rest[len(_SOCKET) : end]
        if end > 0 and name.isascii() and b"\\" not in name and b'"' not in name:
            payload = rest[end + len(_SOCKET_END) :]
            return Frame(number=number, ts_init=ts_init, payload=payload, socket=name.decode())
    return _read_marked(rest, ts_init=ts_init, number=number, main_socket=main_socket)


def _read_marked(rest: bytes, *, ts_init: int, number: int, main_socket: str) -> Record:
    # Latin 1 keeps places as they are, whatever bytes follow the object.
    text = rest.decode("latin-1")
    try:
        _, end = _read_json(text, 1)
        head = json.loads(rest[1:end])
        payload = rest[end + 1 :]
        if head.pop("b64", False):
            payload = base64.b64decode(payload, validate=True)
        kind, about = next(iter(head.items()), ("socket", main_socket))
        if kind == "socket":
            return Frame(number=number, ts_init=ts_init, payload=payload, socket=str(about))
        del head[kind]
        return Mark(kind=MarkKind(kind), ts_init=ts_init, about=about, more=head, payload=payload)
    except (ValueError, AttributeError, RecursionError, binascii.Error) as error:
        raise MalformedLine(f"{error}: {rest[:80]!r}") from error

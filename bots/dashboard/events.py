"""The event streams that `bots.broadcast` writes, read.

The streams, not the channel layer, are what browsers are told from: they keep order and outlive a lost connection, so
that nothing is missing or doubled after one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

ALL = "events:all"
MAX_MISSED = 1_000
BLOCK_MS = 200

StreamId = tuple[int, int]
START: StreamId = (0, 0)


def user_stream(user_id: int) -> str:
    return f"events:user:{user_id}"


def parse_id(text: object) -> StreamId | None:
    """(ms, n) of "ms-n"; None for anything else."""
    ms, dash, number = str(text).partition("-")
    if not dash or not (ms.isascii() and number.isascii() and ms.isdecimal() and number.isdecimal()):
        return None
    if len(ms) > 18 or len(number) > 18:
        return None
    return int(ms), int(number)


def id_text(stream_id: StreamId) -> str:
    return f"{stream_id[0]}-{stream_id[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """An event as browsers get it. `kind` is its type."""

    stream_id: StreamId
    kind: str
    text: str


class _Kind(msgspec.Struct):
    type: str


_decode_kind = msgspec.json.Decoder(_Kind).decode


def read_entry(entry_id: bytes, fields: Mapping[bytes, bytes], *, to_all: bool) -> StreamEvent | None:
    """One entry; None for one that is no event.

    `seq` is the entry's own id, written in front. In the stream to all users it is called `all_seq`: the streams'
    ids are not in one order, and a browser keeps one position in each.
    """
    stream_id = parse_id(entry_id.decode())
    payload = fields.get(b"payload")
    if stream_id is None or payload is None or not payload.startswith(b"{"):
        return None
    try:
        kind = _decode_kind(payload).type
    except msgspec.DecodeError:
        return None
    name = "all_seq" if to_all else "seq"
    return StreamEvent(
        stream_id=stream_id, kind=kind, text=f'{{"{name}":"{id_text(stream_id)}",' + payload[1:].decode()
    )


class EventStreams:
    """Reads streams over one connection for waiting and one for the rest."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)

    async def close(self) -> None:
        await self._redis.aclose()

    async def last_id(self, stream: str) -> StreamId:
        """Of the newest entry ever; START for a stream that is not there."""
        info = await self._info(stream)
        return START if info is None else parse_id(_text(info["last-generated-id"])) or START

    async def since(self, stream: str, after: StreamId) -> list[StreamEvent] | None:
        """What came after a position, oldest first; None when it cannot be told, or is too much."""
        info = await self._info(stream)
        if info is None:
            return None if after > START else []
        last = parse_id(_text(info["last-generated-id"])) or START
        if after > last:
            return None  # another stream than the position was taken in: Redis has lost its memory
        entries = await self._redis.xrange(stream, min=f"({id_text(after)}", count=MAX_MISSED + 1) or []
        if len(entries) > MAX_MISSED:
            return None
        first = parse_id(_text(info["first-entry"][0])) if info["first-entry"] else None
        trimmed = int(info["entries-added"]) > int(info["length"])
        if trimmed and (first is None or after < first) and after != last:
            return None
        return self._events(stream, entries)

    async def wait(self, positions: Mapping[str, StreamId]) -> dict[str, list[StreamEvent]]:
        """New events of each stream after its position; empty after BLOCK_MS without any."""
        asked = {stream: id_text(position) for stream, position in positions.items()}
        answer = await self._redis.xread(asked, count=500, block=BLOCK_MS)  # type: ignore[arg-type]
        pairs: Iterable[Any] = answer.items() if isinstance(answer, dict) else answer or ()
        found: dict[str, list[StreamEvent]] = {}
        for name, entries in pairs:
            stream = _text(name)
            flat = entries[0] if entries and isinstance(entries[0], list) else entries
            found[stream] = self._events(stream, flat)
        return found

    def _events(self, stream: str, entries: Iterable[Any]) -> list[StreamEvent]:
        read = (read_entry(entry_id, fields, to_all=stream == ALL) for entry_id, fields in entries)
        return [event for event in read if event is not None]

    async def _info(self, stream: str) -> dict[str, Any] | None:
        try:
            info: dict[str, Any] = await self._redis.xinfo_stream(stream)
        except ResponseError:
            return None
        return info


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value

"""Telling browsers what was committed: capped Redis streams, one for each person and one for all.

An event is the JSON object {"type", "ts", "data"} in the field `payload`; its number, `seq`, is the id that the
stream gives it, which readers write in front. Redis may be away: what is committed stands, the event is dropped and
counted, and browsers that come back too late get a snapshot.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import structlog
from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

ALL_STREAM = "events:all"
MAX_WAITING = 20_000
_BATCH = 200
_FLUSH_S = 0.02
_RETRY_S = 1.0


def user_stream(user_id: int) -> str:
    return f"events:user:{user_id}"


def plain(amount: Decimal) -> str:
    """A decimal without an exponent or trailing zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _encode_unknown(value: Any) -> str:
    raise TypeError(f"an event cannot carry a {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_encode_unknown)


def encode_event(kind: str, data: dict[str, Any], *, ts: str) -> bytes:
    """The JSON text of an event. NaN becomes null, decimals become strings."""
    return _encoder.encode({"type": kind, "ts": ts, "data": data})


def publish_sync(user_id: int, kind: str, data: dict[str, Any]) -> None:
    """To one person, from code that does not await. Call it after the commit."""
    publish_many_sync([(user_id, kind, data)])


def publish_many_sync(events: Iterable[tuple[int, str, dict[str, Any]]]) -> None:
    """To several people, in order, over one connection."""
    ts = _now_text()
    _add_sync([(user_stream(user_id), encode_event(kind, data, ts=ts)) for user_id, kind, data in events])


def publish_all_sync(kind: str, data: dict[str, Any]) -> None:
    """To everybody."""
    _add_sync([(ALL_STREAM, encode_event(kind, data, ts=_now_text()))])


def _add_sync(entries: list[tuple[str, bytes]]) -> None:
    if not entries:
        return
    try:
        with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as connection:
            for start in range(0, len(entries), _BATCH):
                pipeline = connection.pipeline(transaction=False)
                for stream, payload in entries[start : start + _BATCH]:
                    pipeline.xadd(stream, {"payload": payload}, maxlen=settings.EVENT_STREAM_MAXLEN, approximate=True)
                pipeline.execute()
    except (RedisError, OSError) as error:
        streams = sorted({stream for stream, _ in entries})[:3]
        log.warning("broadcast.dropped", streams=streams, events=len(entries), error=f"{type(error).__name__}: {error}")


async def publish(user_id: int, kind: str, data: dict[str, Any]) -> None:
    """To one person, at once. Processes with many events use a Broadcaster."""
    await asyncio.to_thread(publish_sync, user_id, kind, data)


async def publish_all(kind: str, data: dict[str, Any]) -> None:
    await asyncio.to_thread(publish_all_sync, kind, data)


def _now_text() -> str:
    return datetime.now(UTC).isoformat()  # noqa: TID251


class Broadcaster:
    """Events of a busy process: `put` never waits, `run` is the task that sends them in order, many at a time."""

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._max_waiting = max_waiting
        self._wake = asyncio.Event()
        self._redis: AsyncRedis | None = None
        self.sent = 0
        self.dropped = 0
        self.is_down = False

    def put(self, user_id: int, kind: str, data: dict[str, Any]) -> None:
        self._put(user_stream(user_id), kind, data)

    def put_all(self, kind: str, data: dict[str, Any]) -> None:
        self._put(ALL_STREAM, kind, data)

    def _put(self, stream: str, kind: str, data: dict[str, Any]) -> None:
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((stream, encode_event(kind, data, ts=_now_text())))
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            # Events of one moment travel together.
            await asyncio.sleep(_FLUSH_S)
            self._wake.clear()
            while self._waiting:
                if not await self.flush():
                    await asyncio.sleep(_RETRY_S)

    async def flush(self) -> bool:
        """Send one batch; false where Redis is away: then the batch is dropped, for browsers take a snapshot anyway."""
        batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        if not batch:
            return True
        if self._redis is None:
            self._redis = AsyncRedis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for stream, payload in batch:
                    await pipeline.xadd(
                        stream, {"payload": payload}, maxlen=settings.EVENT_STREAM_MAXLEN, approximate=True
                    )
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self.dropped += len(batch)
            if not self.is_down:
                self.is_down = True
                log.warning("broadcast.redis.away", error=f"{type(error).__name__}: {error}")
            return False
        self.sent += len(batch)
        if self.is_down:
            self.is_down = False
            log.info("broadcast.redis.back", dropped=self.dropped)
        return True

    async def close(self) -> None:
        """Send what waits, and hang up."""
        while self._waiting and await self.flush():
            pass
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

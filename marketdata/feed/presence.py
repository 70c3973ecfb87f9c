"""Which processes stand behind each venue's feed, in the cache for a few seconds: for who looks at the feeds.

The lease in the database says who leads; here is what only the processes know. Gone with Redis, and no harm done.
"""

import os
import socket
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from asgiref.sync import sync_to_async
from django.core.cache import cache
from msgspec import Struct, field

if TYPE_CHECKING:
    from marketdata.feed.service import FeedService

_TTL_S = 10


class Leader(Struct, frozen=True, kw_only=True):
    """What the leading process knows of its venue. `clock_offset_ms`: ours less theirs, and the shortest way here.

    `denied` is why the venue does not let us in, or "".
    """

    holder: str
    clock_offset_ms: float | None = None
    denied: str = ""
    published: int = 0
    dropped: int = 0
    malformed: int = 0
    health: str = ""


class Presence(Struct, frozen=True, kw_only=True):
    """`standbys` are host:pid."""

    leader: Leader | None = None
    standbys: tuple[str, ...] = field(default_factory=tuple)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Leader).decode


def leader_of(service: "FeedService", *, health: str = "") -> Leader:
    feed, publisher = service.feed, service.publisher
    offset_ns = getattr(feed.clock, "offset_ns", None) if feed is not None and feed.followed else None
    return Leader(
        holder=service.holder,
        clock_offset_ms=round(offset_ns / 1e6, 1) if offset_ns is not None else None,
        denied=feed.denied if feed is not None else "",
        published=publisher.published if publisher is not None else 0,
        dropped=publisher.dropped if publisher is not None else 0,
        malformed=feed.counts["malformed"] if feed is not None else 0,
        health=health,
    )


def host_and_pid(holder: str) -> str:
    """A lease's holder as people know it."""
    return ":".join(holder.split(":")[:2])


def tell_presence(services: Sequence["FeedService"], *, health: str = "") -> None:
    """Write what these services are. Raises RedisError."""
    leaders = {_leader_key(item.config.exchange): item for item in services if item.is_leading}
    if leaders:
        cache.set_many({key: _encode(leader_of(item, health=health)) for key, item in leaders.items()}, _TTL_S)
    me, now_s = f"{socket.gethostname()[:32]}:{os.getpid()}", time.time()
    for service in services:
        key = _standby_key(service.config.exchange)
        known: dict[str, float] = cache.get(key) or {}
        # Two that write at once may lose one for two seconds, which is shorter than it is shown.
        others = {name: at_s for name, at_s in known.items() if name != me and now_s - at_s < _TTL_S}
        if service.is_standby:
            others[me] = now_s
        if others != known:
            cache.set(key, others, _TTL_S)


def read_presence(exchanges: Iterable[str]) -> dict[str, Presence]:
    """What is known of each. Raises RedisError."""
    codes = list(exchanges)
    found = cache.get_many([key for code in codes for key in (_leader_key(code), _standby_key(code))])
    return {
        code: Presence(
            leader=_decode(found[_leader_key(code)]) if _leader_key(code) in found else None,
            standbys=tuple(sorted(found.get(_standby_key(code), ()))),
        )
        for code in codes
    }


def _leader_key(exchange: str) -> str:
    return f"feed-leader:{exchange}"


def _standby_key(exchange: str) -> str:
    return f"feed-standbys:{exchange}"


atell_presence = sync_to_async(tell_presence, thread_sensitive=False)

"""The newest live signals of every instrument, in the cache for a minute: for processes beside the engine.

`publish` belongs to the engine, about once a second for each instrument and never tick by tick; it takes one round trip
for all of them. What another quant server said is left out: it would come back to it as ours.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.core.cache import cache
from msgspec import Struct

from marketdata.events import TIMEFRAME_SECONDS
from quant.reading import REMOTE_PART, Component, Reading
from quant.vector import SignalVector, age_limits_s, freshness

TTL_S = 60
LIVE_COMPONENTS = frozenset(
    {
        Component.SPEED,
        Component.MICROSTRUCTURE,
        Component.OPEN_INTEREST,
        Component.OPTIONS_FLOW,
        Component.SENTIMENT,
        Component.VOLATILITY,
    }
)


class LatestReading(Struct, frozen=True, kw_only=True):
    """A value in [-1, 1], its quality before it ages, and how it ages, in seconds."""

    value: float
    quality: float
    as_of: int
    max_age_s: float
    grace_s: float


class LatestSignals(Struct, frozen=True, kw_only=True):
    """One instrument's live components at `now_ns`, by the engine's clock; those without a value are left out."""

    exchange: str
    symbol: str
    now_ns: int
    readings: dict[str, LatestReading]

    def values(self, *, now_ns: int) -> dict[Component, Reading]:
        """What still counts at `now_ns`, with the quality that its age has left."""
        found = {}
        for name, latest in self.readings.items():
            left = freshness((now_ns - latest.as_of) / 1e9, latest.max_age_s, latest.grace_s)
            if left * latest.quality > 0.0:
                found[Component(name)] = Reading(
                    value=latest.value, quality=latest.quality * left, as_of=latest.as_of, n_obs=0
                )
        return found


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LatestSignals).decode


def plain_name(symbol: str) -> str:
    """One spelling of BTC/USDT, btc-usdt and BTCUSDT; a perpetual keeps its colon."""
    return re.sub(r"[^A-Z0-9:]", "", symbol.upper())


def signals_key(symbol: str) -> str:
    return f"signals:{plain_name(symbol)}"


def latest_of(vector: SignalVector) -> LatestSignals:
    """What of a vector others may read."""
    frames = [column.timeframe for column in vector.columns if column.timeframe is not None]
    base = min(frames, key=TIMEFRAME_SECONDS.__getitem__) if frames else "1m"
    readings = {}
    for column, reading in zip(vector.columns, vector.readings, strict=True):
        if column.component in LIVE_COMPONENTS and reading.value is not None and REMOTE_PART not in reading.parts:
            max_age_s, grace_s = age_limits_s(column, base)
            readings[column.component.value] = LatestReading(
                value=reading.value, quality=reading.quality, as_of=reading.as_of, max_age_s=max_age_s, grace_s=grace_s
            )
    return LatestSignals(exchange=vector.exchange, symbol=vector.symbol, now_ns=vector.now_ns, readings=readings)


def publish(*vectors: SignalVector) -> None:
    """Write the newest of some instruments. Raises redis.RedisError."""
    if not vectors:
        return
    pipeline = _client().pipeline(transaction=False)
    for vector in vectors:
        key = cache.make_key(signals_key(vector.symbol))
        pipeline.hset(key, vector.exchange, _encode(latest_of(vector)))
        pipeline.expire(key, TTL_S)
    pipeline.execute()


def read(exchange: str | None, symbol: str) -> LatestSignals | None:
    """The newest of an instrument; without an exchange, of the one that spoke last. Raises redis.RedisError."""
    rows: dict[bytes, bytes] = _client().hgetall(cache.make_key(signals_key(symbol)))
    return _freshest(
        _decode(row) for name, row in rows.items() if exchange is None or name.decode("utf-8", "replace") == exchange
    )


def _freshest(found: Iterable[LatestSignals]) -> LatestSignals | None:
    return max(found, key=lambda latest: latest.now_ns, default=None)


def _client() -> Any:
    # The cache has no hashes of its own; what lies below it has.
    below: Any = cache._cache  # type: ignore[attr-defined]
    return below.get_client(write=True)


apublish = sync_to_async(publish, thread_sensitive=False)

"""How the remote servers are, for other processes: written by the engine, read by doctor, metrics and pages."""

from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.core.cache import cache

from quant.remote.transport import Health

TTL_S = 180
PREFIX = "remote_service:"
SERVICES = ("quant", "model", "policy")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Health).decode


def publish_health(*healths: Health) -> None:
    """Keep how each service is, for three minutes; once a minute is often enough. Raises redis.RedisError."""
    values: dict[str, Any] = {f"{PREFIX}{health.service}": _encode(health) for health in healths}
    if values:
        cache.set_many(values, TTL_S)


def read_health() -> list[Health]:
    """Of the services that an engine asks, in the order of SERVICES. Raises redis.RedisError."""
    found = cache.get_many([f"{PREFIX}{service}" for service in SERVICES])
    return [_decode(value) for service in SERVICES if (value := found.get(f"{PREFIX}{service}")) is not None]


apublish_health = sync_to_async(publish_health, thread_sensitive=False)

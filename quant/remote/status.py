"""How the remote servers are, for other processes: written by the engine that asks them, read by metrics and pages."""

from typing import Any

import msgspec
import structlog
from asgiref.sync import sync_to_async
from django.core.cache import cache
from redis import RedisError

from quant.remote.transport import Health

log = structlog.get_logger(__name__)

TTL_S = 180
PREFIX = "remote_service:"
SERVICES = ("quant", "model", "policy")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Health).decode


def publish_health(*healths: Health) -> None:
    """Keep how each service is, for three minutes. Raises redis.RedisError."""
    values: dict[str, Any] = {f"{PREFIX}{health.service}": _encode(health) for health in healths}
    if values:
        cache.set_many(values, TTL_S)


def read_health() -> list[Health]:
    """Of the services that an engine asks, in the order of SERVICES. Raises redis.RedisError."""
    found = cache.get_many([f"{PREFIX}{service}" for service in SERVICES])
    return [_decode(value) for service in SERVICES if (value := found.get(f"{PREFIX}{service}")) is not None]


_publish = sync_to_async(publish_health, thread_sensitive=False)


async def tell_health(health: Health) -> None:
    """Keep how a service is; while Redis is away nobody is told."""
    try:
        await _publish(health)
    except (RedisError, OSError) as error:
        log.debug("remote.status.unavailable", error=f"{type(error).__name__}: {error}")

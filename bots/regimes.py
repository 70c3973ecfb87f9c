"""The regime of every symbol that an engine runs, in the cache for a few minutes: for REST and pages."""

from collections.abc import Iterable, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.core.cache import cache

TTL_S = 180

Place = tuple[str, str]


def regime_key(exchange: str, symbol: str) -> str:
    return f"regime:{exchange}:{symbol.replace(' ', '_')}"


def store_regimes(records: Mapping[Place, dict[str, Any]]) -> None:
    """Raises redis.RedisError."""
    cache.set_many({regime_key(*place): record for place, record in records.items()}, TTL_S)


def latest_regimes(places: Iterable[Place]) -> dict[Place, dict[str, Any]]:
    """Those that there are, of (exchange, symbol) pairs, in one round trip."""
    keys = {regime_key(*place): place for place in places}
    return {keys[key]: record for key, record in cache.get_many(list(keys)).items()}


astore_regimes = sync_to_async(store_regimes, thread_sensitive=False)

"""Django's Redis cache with one pool of connections for the process.

Django makes a cache for each thread and each asynchronous context, and a pool with it: every browser's socket then
leaves connections behind, until the garbage collector comes by.
"""

from functools import cache
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient


class SharedRedisCache(RedisCache):
    _servers: list[str]
    _options: dict[str, Any]

    @property
    def _cache(self) -> RedisCacheClient:
        return _client(tuple(self._servers), tuple(self._options.items()))


@cache
def _client(servers: tuple[str, ...], options: tuple[tuple[str, Any], ...]) -> RedisCacheClient:
    """Safe for threads and forks, as redis-py's pools are."""
    return RedisCacheClient(list(servers), **dict(options))

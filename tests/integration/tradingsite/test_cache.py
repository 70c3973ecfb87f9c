"""One pool of connections to Redis for the process, whoever asks."""

import asyncio
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache, caches


@pytest.mark.usefixtures("redis_flush")
async def test_tasks_share_their_connections():
    async def ask(number: int) -> Any:
        await sync_to_async(cache.set, thread_sensitive=False)(f"key-{number}", number)
        assert await sync_to_async(cache.get, thread_sensitive=False)(f"key-{number}") == number
        return cast(Any, caches["default"])._cache.get_client().connection_pool

    pools = await asyncio.gather(*(asyncio.create_task(ask(number)) for number in range(20)))
    assert len(set(map(id, pools))) == 1
    # As many as asked at once, not as many as asked.
    before = len(pools[0]._available_connections)
    for number in range(20):
        await asyncio.create_task(ask(number))
    assert len(pools[0]._available_connections) == before

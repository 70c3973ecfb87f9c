"""A channel of the channel layer, and the groups that it is in: joined again after Redis was away."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

_RETRY_S = 1.0


class Membership:
    """Messages of all wanted groups come to `take`, in the order of the layer."""

    def __init__(self, take: Callable[[dict[str, Any]], None], *, layer: Any = None) -> None:
        self._take = take
        self._layer: Any = layer or get_channel_layer()
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._channel = ""
        self._changed = asyncio.Event()

    def want(self, groups: set[str]) -> None:
        """These groups, and no others."""
        if groups != self._wanted:
            self._wanted = set(groups)
            self._changed.set()

    async def keep_groups(self) -> None:
        """Join the groups that are wanted and leave the others, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._match()
            except (RedisError, OSError) as error:
                log.warning("[WS] redis is away: trying again", error=f"{type(error).__name__}: {error}")
                self._changed.set()
                await asyncio.sleep(_RETRY_S)

    async def _match(self) -> None:
        if not self._channel:
            return
        for group in sorted(self._wanted - self._joined):
            await self._layer.group_add(group, self._channel)
            self._joined.add(group)
        for group in sorted(self._joined - self._wanted):
            await self._layer.group_discard(group, self._channel)
            self._joined.discard(group)

    async def receive(self) -> None:
        """Take messages until cancelled."""
        while not self._channel:
            try:
                self._channel = await self._layer.new_channel("engine.")
            except (RedisError, OSError) as error:
                log.warning("[WS] redis is away: trying again", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_RETRY_S)
        self._joined.clear()
        self._changed.set()
        try:
            while True:
                # Cancelling this call gives the channel up, so nothing here waits with a timeout.
                self._take(await self._layer.receive(self._channel))
        finally:
            self._channel = ""

"""The channel layer of channels_redis, which can also send to many groups in one round trip."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

# One command and one answer for all of them: most of what sending costs, it costs a message.
_PUBLISH_ALL = "for i = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end"


class BulkChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Receivers see no difference: each message is published on its group's channel, in the order given."""

    async def group_send_many(self, messages: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Send (group, message) pairs. Raises RedisError and OSError, and then nobody knows which were sent."""
        layer = self._get_layer()
        by_shard: defaultdict[Any, list[str | bytes]] = defaultdict(list)
        for group, message in messages:
            channel = layer._get_group_channel_name(group)
            by_shard[layer._get_shard(channel)] += (channel, self.serialize(message))
        for shard, arguments in by_shard.items():
            async with shard._lock:
                shard._ensure_redis()
                await shard._redis.register_script(_PUBLISH_ALL)(args=arguments)

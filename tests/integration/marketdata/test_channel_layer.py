"""Many groups in one round trip: receivers of channels_redis' own layer see no difference."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis import asyncio as redis

from marketdata.bus import BatchReader, TickPublisher, tick_group
from marketdata.channel_layer import BulkChannelLayer
from marketdata.events import MAX_BATCH
from tests.patience import PATIENCE_S
from tests.unit.marketdata.cast import quote

pytestmark = pytest.mark.servers

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


@pytest.fixture
async def layers(servers: dict[str, str]) -> AsyncIterator[tuple[BulkChannelLayer, RedisPubSubChannelLayer]]:
    sending = BulkChannelLayer(hosts=[servers["REDIS_URL"]], prefix="bulk")
    receiving = RedisPubSubChannelLayer(hosts=[servers["REDIS_URL"]], prefix="bulk")
    yield sending, receiving
    await sending.flush()
    await receiving.flush()


async def joined(receiving: RedisPubSubChannelLayer, *groups: str) -> str:
    channel: str = await receiving.new_channel()
    for group in groups:
        await receiving.group_add(group, channel)
    return channel


async def test_each_group_hears_its_own_in_order(layers):
    sending, receiving = layers
    first, second = await joined(receiving, "first"), await joined(receiving, "second")
    await sending.group_send_many([(("first", "second")[number % 2], {"number": number}) for number in range(6)])
    async with asyncio.timeout(PATIENCE_S):
        assert [(await receiving.receive(first))["number"] for _ in range(3)] == [0, 2, 4]
        assert [(await receiving.receive(second))["number"] for _ in range(3)] == [1, 3, 5]


async def test_a_server_that_was_started_again_knows_no_script_and_is_told_again(layers, servers):
    sending, receiving = layers
    channel = await joined(receiving, "first")
    await sending.group_send_many([("first", {"number": 1})])
    async with redis.Redis.from_url(servers["REDIS_URL"]) as administrator:
        await administrator.script_flush()
    await sending.group_send_many([("first", {"number": 2})])
    async with asyncio.timeout(PATIENCE_S):
        assert [(await receiving.receive(channel))["number"] for _ in range(2)] == [1, 2]


async def test_a_busy_symbol_goes_out_in_batches_beside_the_others_and_nothing_is_lost(layers):
    sending, receiving = layers
    channel = await joined(receiving, *(tick_group("binance", symbol) for symbol in SYMBOLS))
    publisher = TickPublisher(exchange="binance", epoch=1, now_ns=time.time_ns, layer=sending)
    counts = {"BTC/USDT": 2 * MAX_BATCH + 1, "ETH/USDT": 1, "SOL/USDT": 2}
    for symbol, count in counts.items():
        publisher.add(symbol, [quote(99, 101, id=number) for number in range(1, count + 1)])
    publishing = asyncio.create_task(publisher.run())
    reader, heard, order = BatchReader(), defaultdict(list), []
    async with asyncio.timeout(PATIENCE_S):
        while sum(map(len, heard.values())) < sum(counts.values()):
            read = reader.read((await receiving.receive(channel))["payload"])
            assert read.missed == 0
            assert len(read.batch.events) <= MAX_BATCH
            heard[read.batch.symbol] += [event.update_id for event in read.batch.events]
            order.append(read.batch.symbol)
    assert heard == {symbol: list(range(1, count + 1)) for symbol, count in counts.items()}
    # The busy one waits for its turn.
    assert order == ["BTC/USDT", "ETH/USDT", "SOL/USDT", "BTC/USDT", "BTC/USDT"]
    assert (publisher.published, publisher.messages) == (sum(counts.values()), len(order))
    publishing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await publishing

"""Redis goes away under open sockets, and comes back with nothing in it."""

import asyncio

import pytest
import redis

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def second_redis(tmp_path):
    from tradingsite.servers import EmbeddedServers

    servers = EmbeddedServers(local_dir=tmp_path / "redis", durable=False, postgres=False)
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
def cookie(alice):
    from tests.integration.web.sockets import sign_in

    return sign_in(alice.user)


async def test_sockets_stay_and_everything_goes_on(second_redis, alice, cookie):
    from channels_redis.pubsub import RedisPubSubChannelLayer

    from marketdata.batches import MESSAGE_TYPE, encode_batch, tick_group
    from marketdata.events import Batch, QuoteTick
    from tests.integration.web.sockets import browser, event_json, web_process
    from tradingsite.servers.binaries import find_binaries

    stream, channel = f"events:user:{alice.user.pk}", "prices:simulated:BTC/USDT"
    with web_process(redis_url=second_redis.redis_url) as port:
        async with browser(port, f"/ws/trading/{alice.user.pk}", cookie) as web:
            await web.say(action="subscribe", channels=[channel])
            before = await web.hear("snapshot")
            second_redis.valkey.stop()
            assert (await web.hear("error"))["code"] == "interrupted"
            await web.say(action="ping")
            await web.hear("pong")

            second_redis.valkey.start(find_binaries(second_redis.account, second_redis.folder))
            after = await web.hear("snapshot")
            assert [bot["id"] for bot in after["data"]["bots"]] == [bot["id"] for bot in before["data"]["bots"]]
            with redis.Redis.from_url(second_redis.redis_url) as connection:
                connection.xadd(stream, {"payload": event_json("botState", bot_id=alice.bot.pk)})
            await web.hear("botState", bot_id=alice.bot.pk)

            layer = RedisPubSubChannelLayer(hosts=[second_redis.redis_url], prefix="tradingsite")
            done = asyncio.Event()

            async def tick() -> None:
                sequence = 0
                while not done.is_set():
                    sequence += 1
                    quote = QuoteTick(exchange="simulated", symbol="BTC/USDT", bid=1, bid_size=1, ask=2, ask_size=1,
                                      ts_event=sequence, ts_init=sequence)  # fmt: skip
                    batch = Batch(exchange="simulated", symbol="BTC/USDT", epoch=1, sequence=sequence, now_ns=0,
                                  events=(quote,))  # fmt: skip
                    message = {"type": MESSAGE_TYPE, "payload": encode_batch(batch)}
                    await layer.group_send(tick_group("simulated", "BTC/USDT"), message)
                    await asyncio.sleep(0.02)

            ticking = asyncio.create_task(tick())
            try:
                assert (await web.hear("price_update"))["bid"] == 1
            finally:
                done.set()
                await ticking
                await layer.flush()

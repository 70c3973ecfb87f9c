"""Browser sockets over a real Daphne: whose they are, what they tell, what they survive."""

import asyncio
import contextlib
import json

import pytest
from channels.db import database_sync_to_async
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def port(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        from tests.integration.web.sockets import web_process

        with web_process() as port:
            yield port


@pytest.fixture
def cookies(alice, bob):
    from tests.integration.web.sockets import sign_in

    return {"alice": sign_in(alice.user), "bob": sign_in(bob.user)}


def own(person) -> str:
    return f"/ws/trading/{person.user.pk}"


async def subscribed(web, **frame):
    await web.say(action="subscribe", channels=frame.pop("channels", []), **frame)
    return await web.hear("subscribed")


async def test_the_first_subscription_gets_a_snapshot_of_own_rows(port, alice, bob, cookies):
    from tests.integration.web.sockets import browser

    async with browser(port, own(alice), cookies["alice"]) as web:
        await subscribed(web)
        data = (await web.hear("snapshot"))["data"]
    assert [bot["id"] for bot in data["bots"]] == [alice.bot.pk]
    assert [position["position_id"] for position in data["positions"]] == [alice.position.pk]
    assert "bob" not in json.dumps(data)


async def test_events_reach_their_person_only(port, alice, bob, cookies):
    from bots.broadcast import publish, publish_all
    from tests.integration.web.sockets import browser

    async with browser(port, own(alice), cookies["alice"]) as hers, browser(port, own(bob), cookies["bob"]) as his:
        for web in (hers, his):
            await subscribed(web)
            await web.hear("snapshot")
        await publish(bob.user.pk, "orderUpdate", {"order_id": "bob's"})
        await publish(alice.user.pk, "orderUpdate", {"order_id": "alice's"})
        await publish_all("feedEvent", {"message": "for all"})
        for web, mine in ((hers, "alice's"), (his, "bob's")):
            await web.hear("feedEvent")
            if not any(message["type"] == "orderUpdate" for message in web.heard):
                await web.hear("orderUpdate")
            orders = [message["data"]["order_id"] for message in web.heard if message["type"] == "orderUpdate"]
            assert orders == [mine]


@pytest.mark.parametrize("path_of", [own])
async def test_somebody_elses_socket_is_refused(port, alice, bob, cookies, path_of):
    from tests.integration.web.sockets import browser

    async with browser(port, path_of(bob), cookies["alice"]) as web:
        assert await web.closed() == 4403


@pytest.mark.parametrize("cookie", ["", "sessionid=madeupmadeupmadeupmadeupmadeup00"])
async def test_strangers_are_refused(port, alice, cookie):
    from tests.integration.web.sockets import browser

    for path in (own(alice), "/ws/v1"):
        async with browser(port, path, cookie) as web:
            assert await web.closed() == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", None])
async def test_a_page_of_another_site_cannot_connect(port, alice, cookies, origin):
    from tests.integration.web.sockets import browser

    with pytest.raises(InvalidStatus):
        async with browser(port, own(alice), cookies["alice"], origin=origin):
            pass


async def test_a_returning_browser_gets_what_it_missed_in_order(port, alice, cookies):
    from bots.broadcast import publish
    from tests.integration.web.sockets import browser

    async with browser(port, own(alice), cookies["alice"]) as web:
        await subscribed(web)
        await web.hear("snapshot")
        await publish(alice.user.pk, "botState", {"number": 0})
        seq = (await web.hear("botState"))["seq"]
    for number in range(1, 6):
        await publish(alice.user.pk, "botState", {"number": number})
    async with browser(port, own(alice), cookies["alice"]) as web:
        await subscribed(web, last_seq=seq)
        await publish(alice.user.pk, "botState", {"number": 6})
        await web.hear("botState", number=6)
        numbers = [message["data"]["number"] for message in web.heard if message["type"] == "botState"]
        assert numbers == [1, 2, 3, 4, 5, 6]
        assert not any(message["type"] == "snapshot" for message in web.heard)


@pytest.mark.parametrize("last_seq", ["1-1", "99999999999999-0", "nonsense"])
async def test_a_position_that_cannot_be_continued_gets_a_snapshot(port, alice, cookies, last_seq):
    import redis.asyncio
    from django.conf import settings

    from bots.broadcast import publish
    from tests.integration.web.sockets import browser

    async with redis.asyncio.from_url(settings.REDIS_URL) as connection:
        for _ in range(3):
            await publish(alice.user.pk, "botState", {})
        await connection.xtrim(f"events:user:{alice.user.pk}", maxlen=1, approximate=False)
    async with browser(port, own(alice), cookies["alice"]) as web:
        await subscribed(web, last_seq=last_seq)
        await web.hear("snapshot")


async def test_who_asks_for_nothing_hears_events_all_the_same(port, alice, cookies):
    from bots.broadcast import publish
    from tests.integration.web.sockets import browser

    async with browser(port, own(alice), cookies["alice"]) as web:
        # Its place is kept from the connection on; a pong says that the connection is through.
        await web.say(action="ping")
        await web.hear("pong")
        await publish(alice.user.pk, "botState", {"number": 1})
        await web.hear("botState", number=1)


async def test_channels_choose_events_on_the_general_socket(port, alice, cookies):
    from bots.broadcast import publish
    from tests.integration.web.sockets import browser

    async with browser(port, "/ws/v1", cookies["alice"]) as web:
        await subscribed(web, channels=["orders"])
        await web.hear("snapshot")
        await publish(alice.user.pk, "positionUpdate", {"number": 1})
        await publish(alice.user.pk, "orderUpdate", {"number": 2})
        await publish(alice.user.pk, "alert", {"number": 3})
        await web.hear("alert")
        kinds = [message["type"] for message in web.heard]
        assert kinds.index("orderUpdate") < kinds.index("alert")
        assert "positionUpdate" not in kinds


async def test_prices_and_candles_follow_the_ticks(port, alice, cookies):
    from marketdata.events import QuoteTick, TradeTick
    from tests.integration.web.sockets import browser, publish_ticks

    symbol, minute = "BTC/USDT", 1_700_000_040_000_000_000
    async with browser(port, own(alice), cookies["alice"]) as web:
        await subscribed(web, channels=[f"prices:simulated:{symbol}", f"candles:simulated:{symbol}:1m"])
        await web.hear("snapshot")
        seen = asyncio.Event()

        async def tick() -> None:
            sequence = 0
            while not seen.is_set():
                sequence += 1
                quote = QuoteTick(exchange="simulated", symbol=symbol, bid=99.5, bid_size=1, ask=100.5, ask_size=1,
                                  ts_event=minute, ts_init=minute)  # fmt: skip
                trade = TradeTick(exchange="simulated", symbol=symbol, price=100.0 + sequence % 2, size=1,
                                  buyer_is_maker=False, trade_id=sequence, ts_event=minute + 1, ts_init=minute)  # fmt: skip
                await publish_ticks("simulated", symbol, sequence, quote, trade)
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        try:
            price = await web.hear("price_update", bid=99.5)
            candle = await web.hear("candle", timeframe="1m")
        finally:
            seen.set()
            await ticking
    assert (price["exchange"], price["symbol"], price["ask"]) == ("simulated", symbol, 100.5)
    assert price["timestamp"].startswith("2023-11-14T22:14:00")
    assert (candle["ts_open"], candle["closed"]) == (minute, False)
    assert 100.0 <= candle["low"] <= candle["high"] <= 101.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not json", "bad_frame"),
        ('{"channels": ["orders"]}', "bad_frame"),
        ('["subscribe"]', "bad_frame"),
        ('{"action": "subscribe", "channels": "orders"}', "bad_frame"),
        ('{"action": "reboot"}', "unknown_action"),
        ('{"action": "subscribe", "channels": ["user.1"]}', "unknown_channel"),
        ('{"action": "subscribe", "channels": ["candles:simulated:BTC/USDT:7m"]}', "unknown_channel"),
        ("x" * 40_000, "bad_frame"),
        (b"\x00\x01", "bad_frame"),
    ],
)
async def test_malformed_frames_are_answered_and_the_socket_lives(port, alice, cookies, text, code):
    from tests.integration.web.sockets import browser

    async with browser(port, own(alice), cookies["alice"]) as web:
        await web.connection.send(text)
        assert (await web.hear("error"))["code"] == code
        await web.say(action="ping")
        await web.hear("pong")


@pytest.mark.parametrize("end", ["sign out", "deactivate", "change password"])
async def test_access_that_ends_closes_the_socket(port, alice, bob, cookies, end):
    from tests.integration.web.sockets import browser

    def lose_access() -> None:
        from django.contrib.sessions.models import Session

        if end == "sign out":
            Session.objects.filter(session_key=cookies["alice"].partition("=")[2]).delete()
        elif end == "deactivate":
            alice.user.is_active = False
        else:
            alice.user.set_password("another long password")
        alice.user.save()

    async with browser(port, own(alice), cookies["alice"]) as hers, browser(port, own(bob), cookies["bob"]) as his:
        await subscribed(hers)
        await subscribed(his)
        await database_sync_to_async(lose_access)()
        assert await hers.closed() == 4401
        await his.say(action="ping")
        await his.hear("pong")


async def test_a_browser_that_does_not_read_is_closed_and_others_are_not_slowed(port, alice, bob, cookies):
    from bots.broadcast import Broadcaster
    from tests.integration.web.sockets import browser

    broadcaster = Broadcaster(max_waiting=100_000)
    padding = "x" * 20_000
    # A read limit of one message: what is not read stays in the sockets' buffers, and those fill.
    async with (
        browser(port, own(alice), cookies["alice"], max_queue=1) as slow,
        browser(port, own(alice), cookies["alice"]) as quick,
    ):
        for web in (slow, quick):
            await subscribed(web)
            await web.hear("snapshot")
        for number in range(1500):
            broadcaster.put(alice.user.pk, "alert", {"number": number, "padding": padding})
            if number % 100 == 99:
                await broadcaster.flush()
                await quick.hear("alert", number=number)
        await broadcaster.close()
        with contextlib.suppress(Exception):
            while True:
                await slow.hear("never")
        # 1006 when the close itself could not be delivered in time.
        assert slow.connection.close_code in (4408, 1006)
        assert len([message for message in slow.heard if message["type"] == "alert"]) < 1500
        await quick.say(action="ping")
        await quick.hear("pong")

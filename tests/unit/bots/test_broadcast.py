"""Events on their streams, as readers find them; a Redis that is away is no failure of what was committed."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from bots.broadcast import ALL_STREAM, Broadcaster, plain, publish, publish_all_sync, publish_sync, user_stream


def entries(stream: str) -> list[dict[str, Any]]:
    with Redis.from_url(settings.REDIS_URL) as connection:
        return [json.loads(fields[b"payload"]) for _, fields in connection.xrange(stream)]


@pytest.mark.parametrize(
    ("amount", "text"), [("1.500", "1.5"), ("100", "100"), ("1E-8", "0.00000001"), ("0E-12", "0"), ("-2.0", "-2")]
)
def test_decimals_are_plain_text(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


def test_an_event_is_found_on_the_stream_of_its_person_only(redis_flush: None) -> None:
    publish_sync(7, "alert", {"level": "info", "amount": Decimal("0.10"), "unknown": float("nan")})
    (found,) = entries(user_stream(7))
    assert found["type"] == "alert"
    assert found["data"] == {"level": "info", "amount": "0.10", "unknown": None}
    assert found["ts"].endswith("+00:00")
    assert entries(user_stream(8)) == []


def test_an_event_to_all_is_on_the_stream_of_all(redis_flush: None) -> None:
    publish_all_sync("feedEvent", {"kind": "connected"})
    assert entries(ALL_STREAM)[0]["data"] == {"kind": "connected"}


async def test_a_coroutine_publishes_too(redis_flush: None) -> None:
    await publish(7, "botState", {"bot_id": 1})
    assert entries(user_stream(7))[0]["type"] == "botState"


async def test_a_broadcaster_keeps_order_and_sends_what_waits_when_it_is_closed(redis_flush: None) -> None:
    broadcaster = Broadcaster()
    for number in range(500):
        broadcaster.put(7, "orderUpdate", {"number": number})
    await broadcaster.close()
    assert [found["data"]["number"] for found in entries(user_stream(7))] == list(range(500))


async def test_a_running_broadcaster_sends_by_itself(redis_flush: None) -> None:
    broadcaster = Broadcaster()
    task = asyncio.create_task(broadcaster.run())
    broadcaster.put_all("feedEvent", {})
    while not broadcaster.sent:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await broadcaster.close()
    assert len(entries(ALL_STREAM)) == 1


async def test_the_oldest_event_makes_room_and_is_counted(redis_flush: None) -> None:
    broadcaster = Broadcaster(max_waiting=2)
    for number in range(3):
        broadcaster.put(7, "alert", {"number": number})
    await broadcaster.close()
    assert [found["data"]["number"] for found in entries(user_stream(7))] == [1, 2]
    assert broadcaster.dropped == 1


async def test_without_redis_events_are_dropped_and_counted_and_nothing_fails(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    publish_sync(7, "alert", {})
    broadcaster = Broadcaster()
    broadcaster.put(7, "alert", {})
    assert not await broadcaster.flush()
    assert broadcaster.is_down
    assert broadcaster.dropped == 1
    await broadcaster.close()


def test_what_json_cannot_say_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="object"):
        publish_sync(7, "alert", {"bad": object()})

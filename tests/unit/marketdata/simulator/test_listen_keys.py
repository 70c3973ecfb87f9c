"""The user data stream by listenKey."""

import json

import pytest

from marketdata.simulator.errors import VenueError
from marketdata.simulator.faults import Faults
from marketdata.simulator.hub import Hub, Subscriber
from marketdata.simulator.listen_keys import VALID_MS, ListenKeys
from marketdata.simulator.private_events import PrivateEvents
from marketdata.simulator.tampering import Tampering

ALICE = 1


@pytest.fixture
def hub() -> Hub:
    faults = Faults()
    return Hub(Tampering(faults), PrivateEvents(faults))


def heard(subscriber: Subscriber) -> list[dict[str, object]]:
    return [json.loads(frame) for frame in subscriber.queue]


def test_who_comes_with_a_key_hears_bare_events(hub: Hub) -> None:
    keys, reader = ListenKeys(hub), Subscriber()
    name = keys.create(ALICE, now_ms=0)
    assert keys.create(ALICE, now_ms=1) == name
    assert keys.join(name, reader, now_ms=2)
    hub.publish_private(ALICE, {"e": "balanceUpdate"})
    assert heard(reader) == [{"e": "balanceUpdate"}]


def test_a_key_nobody_has_opens_nothing(hub: Hub) -> None:
    assert not ListenKeys(hub).join("nonsense", Subscriber(), now_ms=0)


def test_it_expires_after_an_hour_and_is_silent_then(hub: Hub) -> None:
    keys, reader = ListenKeys(hub), Subscriber()
    name = keys.create(ALICE, now_ms=0)
    keys.join(name, reader, now_ms=0)
    keys.keep(ALICE, name, now_ms=1000)
    keys.expire_old(now_ms=VALID_MS)
    assert heard(reader) == []
    keys.expire_old(now_ms=VALID_MS + 1000)
    assert heard(reader) == [{"e": "listenKeyExpired", "E": VALID_MS + 1000, "listenKey": name}]
    hub.publish_private(ALICE, {"e": "balanceUpdate"})
    assert len(reader.queue) == 1
    with pytest.raises(VenueError) as refusal:
        keys.keep(ALICE, name, now_ms=VALID_MS + 1001)
    assert refusal.value.code == -1125
    assert keys.create(ALICE, now_ms=VALID_MS + 1002) != name


def test_the_time_may_come_as_text(hub: Hub) -> None:
    keys, reader = ListenKeys(hub), Subscriber()
    keys.join(keys.create(ALICE, now_ms=0), reader, now_ms=0)
    keys.expire_all(now_ms=5, as_text=True)
    assert heard(reader)[0]["E"] == "5"


def test_a_closed_key_says_nothing(hub: Hub) -> None:
    keys, reader = ListenKeys(hub), Subscriber()
    name = keys.create(ALICE, now_ms=0)
    keys.join(name, reader, now_ms=0)
    keys.close(ALICE, name, now_ms=1)
    hub.publish_private(ALICE, {"e": "balanceUpdate"})
    assert heard(reader) == []

"""What waits for one browser."""

from bots.dashboard.outbox import Outbox


def drain(outbox: Outbox) -> list[str]:
    return [text for _ in range(len(outbox)) if (text := outbox.take()) is not None]


def test_events_keep_their_order_and_go_first():
    outbox = Outbox()
    outbox.put_latest("price", "p1")
    assert outbox.put_event("e1")
    assert outbox.put_event("e2")
    assert drain(outbox) == ["e1", "e2", "p1"]
    assert outbox.take() is None


def test_only_the_newest_of_a_channel_waits():
    outbox = Outbox()
    for number in range(100):
        outbox.put_latest("btc", f"btc {number}")
        outbox.put_latest("eth", f"eth {number}")
    assert drain(outbox) == ["btc 99", "eth 99"]
    assert outbox.conflated == 198


def test_too_many_events_are_refused():
    outbox = Outbox(max_events=3)
    assert [outbox.put_event("e") for _ in range(4)] == [True, True, True, False]


def test_too_much_text_is_refused_but_one_message_always_fits():
    outbox = Outbox(max_bytes=10)
    assert outbox.put_event("x" * 100)
    assert not outbox.put_event("y")
    drain(outbox)
    assert outbox.put_event("y" * 10)

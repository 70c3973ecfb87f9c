import asyncio

import pytest

from marketdata.sources.budget import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def test_no_more_in_any_window_than_capacity_and_rate(monkeypatch):
    clock = Clock()
    taken: list[float] = []

    async def sleep(seconds: float) -> None:
        clock.now_s += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)
    bucket = TokenBucket(capacity=100, per_s=400 / 300, clock=clock)
    for _ in range(2_000):
        await bucket.take()
        taken.append(clock.now_s)
    for begin, at_s in enumerate(taken):
        assert sum(at_s <= other <= at_s + 300 for other in taken[begin : begin + 600]) <= 501
    assert taken[99] == 0.0
    assert taken[-1] == pytest.approx((2_000 - 100) / (400 / 300))


def test_history_leaves_a_reserve():
    clock = Clock()
    bucket = TokenBucket(capacity=10, per_s=1, clock=clock)
    assert bucket.missing_s(6, leave=4) == 0.0
    assert bucket.missing_s(6, leave=5) > 0
    assert bucket.missing_s(10) == 0.0


async def test_more_than_there_can_ever_be():
    with pytest.raises(ValueError, match="capacity"):
        await TokenBucket(capacity=10, per_s=1).take(8, leave=3)


async def test_it_waits_for_what_is_missing(monkeypatch):
    clock, slept = Clock(), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now_s += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)
    bucket = TokenBucket(capacity=2, per_s=4, clock=clock)
    await bucket.take(2)
    await bucket.take(1)
    assert slept == [0.25]
    assert bucket.tokens == 0.0
    clock.now_s += 100
    assert bucket.tokens == 2

"""The breaker opens, lets one probe through, and closes."""

from quant.remote.breaker import Breaker, Circuit

S = 1_000_000_000


def opened(failures: int = 3) -> Breaker:
    breaker = Breaker(failures=failures, open_s=10, most_s=30)
    for _ in range(failures):
        assert breaker.admits(0)
        breaker.failed(0, Circuit.CLOSED)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row():
    breaker = Breaker(failures=3, open_s=10)
    breaker.failed(0, Circuit.CLOSED)
    breaker.failed(0, Circuit.CLOSED)
    breaker.succeeded()
    breaker.failed(0, Circuit.CLOSED)
    breaker.failed(0, Circuit.CLOSED)
    assert breaker.admits(0)
    breaker.failed(0, Circuit.CLOSED)
    assert not breaker.admits(0)
    assert breaker.state(10 * S - 1) is Circuit.OPEN


def test_half_open_lets_one_through_until_it_reports_back():
    breaker = opened()
    assert breaker.state(10 * S) is Circuit.HALF_OPEN
    assert breaker.admits(10 * S)
    assert not breaker.admits(10 * S)
    breaker.abandoned(Circuit.CLOSED)
    assert not breaker.admits(10 * S), "somebody else's request that ended is not the probe"
    breaker.abandoned(Circuit.HALF_OPEN)
    assert breaker.admits(10 * S)
    breaker.succeeded()
    assert breaker.state(10 * S) is Circuit.CLOSED
    assert breaker.admits(10 * S)
    assert breaker.admits(10 * S)


def test_a_probe_that_fails_doubles_the_wait_up_to_the_most():
    breaker, now, waits = opened(), 10 * S, []
    for _ in range(4):
        assert breaker.admits(now) is Circuit.HALF_OPEN
        breaker.failed(now, Circuit.HALF_OPEN)
        wait = next(s for s in range(1, 100) if breaker.state(now + s * S) is Circuit.HALF_OPEN)
        waits.append(wait)
        now += wait * S
    assert waits == [20, 30, 30, 30]
    assert breaker.admits(now)
    breaker.succeeded()
    for _ in range(3):
        breaker.failed(now, Circuit.CLOSED)
    assert breaker.state(now + 10 * S) is Circuit.HALF_OPEN


def test_failures_of_requests_sent_before_it_opened_change_nothing():
    breaker = opened()
    breaker.failed(9 * S, Circuit.CLOSED)
    assert breaker.state(10 * S) is Circuit.HALF_OPEN

from typing import Any

from marketdata.sources.health import JobHealth, State, overall

S = 1_000_000_000


def job(**fields: Any) -> JobHealth:
    return JobHealth(name="premium", every_s=60, fresh_within_s=180, started_ns=0, **fields)


def test_the_worst_job_is_told():
    good, bad = job(), job()
    good.succeed(10 * S)
    good.newest_ns = 10 * S
    bad.fail(State.UNREACHABLE, "unreachable: x")
    assert overall([good, bad], 20 * S) == (State.UNREACHABLE, "premium: unreachable: x")


def test_a_job_that_only_waits_to_begin_does_not_hide_that_others_live():
    good, waiting = job(), job()
    good.succeed(10 * S)
    waiting.idle("nobody follows a symbol yet")
    assert overall([good, waiting], 20 * S) == (State.LIVE, "premium: nobody follows a symbol yet")
    assert overall([job(), job()], 20 * S) == (State.WAITING, "")
    assert overall([], 0) == (State.WAITING, "")


def test_a_rate_limit_is_told():
    good, limited = job(), job()
    good.succeed(10 * S)
    limited.fail(State.WAITING, "waiting 42 s: rate limited")
    assert overall([good, limited], 20 * S) == (State.WAITING, "premium: waiting 42 s: rate limited")


def test_three_intervals_without_success_are_stale():
    it = job()
    it.succeed(0)
    it.newest_ns = 1
    it.fail(State.UNREACHABLE, "unreachable: x")
    assert it.judge(180 * S)[0] is State.UNREACHABLE
    it.succeeded_ns = 1
    assert it.judge(182 * S) == (State.STALE, "nothing for 3 min; premium: unreachable: x")
    it.succeed(183 * S)
    it.newest_ns = 183 * S
    assert it.judge(184 * S) == (State.LIVE, "")


def test_one_that_never_succeeded_is_stale_after_three_intervals():
    it = job()
    it.fail(State.REFUSED, "refused: x")
    assert it.judge(100 * S)[0] is State.REFUSED
    assert it.judge(181 * S)[0] is State.STALE


def test_answers_that_do_not_get_newer_are_stale():
    it = job()
    it.succeed(500 * S)
    it.newest_ns = 300 * S
    assert it.judge(480 * S)[0] is State.LIVE
    assert it.judge(490 * S) == (State.STALE, "premium: it answers, but the newest is 3 min old")

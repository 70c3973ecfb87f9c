"""Slow observations go after their days, by the task of the night."""

import time

import pytest

from bots import tasks
from marketdata.events import Funding
from marketdata.models import Observation
from marketdata.observations import delete_observations, store_observations

pytestmark = pytest.mark.django_db
DAY_NS = 86_400 * 10**9
NOW_NS = 1_790_000_000 * 10**9


def observe(*ages_days: float, now_ns: int) -> None:
    times = [now_ns - int(age * DAY_NS) for age in ages_days]
    store_observations(
        Funding(exchange="f", symbol="BTC", rate=1e-4, interval_h=8.0, ts_event=ts, ts_init=ts) for ts in times
    )


def kept_days(now_ns: int) -> list[int]:
    return sorted((now_ns - ts) // DAY_NS for ts in Observation.objects.values_list("ts_event", flat=True))


def test_what_is_older_goes_in_batches_and_the_rest_stays():
    observe(500, 450, 401, 399, 0, now_ns=NOW_NS)
    assert delete_observations(now_ns=NOW_NS, keep_days=400, batch=2) == 3
    assert kept_days(NOW_NS) == [0, 399]
    assert delete_observations(now_ns=NOW_NS, keep_days=400, batch=2) == 0


def test_zero_days_is_for_ever():
    observe(40_000 / 3, now_ns=NOW_NS)
    assert delete_observations(now_ns=NOW_NS, keep_days=0) == 0
    assert Observation.objects.count() == 1


def test_the_task_of_the_night_does_it_as_the_setting_says(settings):
    now_ns = time.time_ns()
    observe(401, 10, now_ns=now_ns)
    assert settings.OBSERVATION_RETENTION_DAYS == 400
    tasks.prune()
    assert kept_days(now_ns) == [10]
    settings.OBSERVATION_RETENTION_DAYS = 5
    tasks.prune()
    assert kept_days(now_ns) == []

"""A minute of what `make chaos` does for hours: busy feed, faults, browsers, an outage of Redis."""

import pytest

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "redis_flush"),
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(600),
]


async def test_memory_files_and_tasks_stay_flat_under_load_faults_and_browsers():
    from tests.chaos.soak import run

    outcome = await run(seed=1, seconds=36)
    assert outcome.problems == [], "\n".join(outcome.problems)
    assert outcome.counts["browsers: visits"] >= 20


async def test_without_redis_nothing_trades_and_everything_comes_back():
    from tests.chaos.redis_away import run

    outcome = await run(seed=1, seconds=32)
    assert outcome.problems == [], "\n".join(outcome.problems)
    assert outcome.counts["orders"] > 0

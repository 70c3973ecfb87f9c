"""A few pairs of the exchange's faults at once; `make chaos` goes through the others."""

from typing import Any

import pytest

from tests.simulator_fixture import Simulator

PAIRS = [
    ("lose_answer", "late_trades"),
    ("drop_events", "garbled_answer"),
    ("hide_order", "unknown_status"),
    ("delay_events", "swallow_cancel"),
]


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
async def test_two_faults_at_once(exchange: Simulator, transactional_db: None, redis_flush: None, pair: Any) -> None:
    from asgiref.sync import sync_to_async
    from django.db import connections

    from tests.chaos.fault_pairs import try_pair

    assert await try_pair(exchange, pair, "-".join(pair)) == []
    await sync_to_async(connections.close_all)()

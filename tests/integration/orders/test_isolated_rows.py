"""A row that no table takes costs itself, not the batch it came with, and it is named."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from structlog.testing import capture_logs

from bots.engine.decision_log import DecisionLog
from bots.engine.signal_writer import SignalWriter
from bots.models import Decision, Signal
from bots.orders.isolate import write_isolated
from bots.orders.store import OrderStore
from tests.integration.orders.cast import T0, Cast

NOBODY = 999_999


async def test_a_refused_decision_leaves_the_others(cast: Cast, store: OrderStore) -> None:
    decisions = [cast.decision(cast.plan()) for _ in range(9)]
    decisions[3] = msgspec.structs.replace(decisions[3], bot_id=NOBODY)
    decisions[7] = msgspec.structs.replace(decisions[7], reasoning="a \0 in it")
    log = DecisionLog(store)
    for decision in decisions:
        log.add(decision)
    with capture_logs() as logs:
        assert await log.flush()
    assert (log.written, log.dropped) == (7, 2)
    assert {row.pk async for row in Decision.objects.all()} == {
        decision.id for number, decision in enumerate(decisions) if number not in (3, 7)
    }
    refused = [entry for entry in logs if entry["event"] == "decision.refused"]
    assert [entry["decision"] for entry in refused] == [str(decisions[3].id), str(decisions[7].id)]
    assert refused[0]["bot_id"] == NOBODY


def signal(cast: Cast, bot_id: int, number: int) -> tuple[Any, ...]:
    return (
        bot_id, cast.btc.pk, None, "combined", "hold", 0.1, 0.2, 100.0, f"number {number}", "{}", 0, T0,
        datetime.now(UTC),
    )  # fmt: skip


async def test_a_refused_signal_leaves_the_others(cast: Cast, store: OrderStore) -> None:
    writer = SignalWriter(store.pool)
    writer._waiting.extend(signal(cast, NOBODY if number == 11 else cast.bot.pk, number) for number in range(30))
    with capture_logs() as logs:
        assert await writer.flush()
    assert (writer.written, writer.dropped) == (29, 1)
    assert await Signal.objects.acount() == 29
    assert [entry["bot_id"] for entry in logs if entry["event"] == "signal.refused"] == [NOBODY]


async def test_what_is_left_when_the_database_goes_away_is_given_back_in_order_and_nothing_twice() -> None:
    written: list[int] = []

    async def write(batch: Any) -> None:
        if 2 in batch:
            raise psycopg.DataError("bad")
        if 5 in batch and len(batch) < 4:
            raise psycopg.OperationalError("away")
        written.extend(batch)

    refused: list[int] = []
    left = await write_isolated(range(8), write, refused=lambda row, _: refused.append(row))
    assert (sorted(written), refused, left) == ([0, 1, 3, 4, 5, 6, 7], [2], [])
    written.clear()

    async def away(batch: Any) -> None:
        if 2 in batch:
            raise psycopg.DataError("bad")
        if 6 in batch:
            raise psycopg.OperationalError("away")
        written.extend(batch)

    assert await write_isolated(range(8), away, refused=lambda row, _: None) == [4, 5, 6, 7]
    assert written == [0, 1, 3]

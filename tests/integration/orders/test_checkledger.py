"""checkledger is silent on a clean ledger, and every planted violation is noticed and named."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection

from bots.orders.checks import broken_invariants
from bots.orders.store import OrderStore
from tests.integration.orders.cast import Cast

GUARDS = {
    "fill_once": "ALTER TABLE bots_fill DROP CONSTRAINT fill_once",
    "one_live": "DROP INDEX order_one_live_attempt",
    "attempt": "ALTER TABLE bots_order DROP CONSTRAINT order_attempt_unique",
    "within": "ALTER TABLE bots_order DROP CONSTRAINT order_filled_within_quantity",
    "one_exit": "DROP INDEX intent_one_exit_per_position",
}

DUPLICATE_ORDER = """
    INSERT INTO bots_order SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'attempt', 2))).*
    FROM bots_order o WHERE o.state = 'sending'
"""
DUPLICATE_FILL = """
    INSERT INTO bots_fill SELECT (jsonb_populate_record(f, jsonb_build_object('id', gen_random_uuid()))).*
    FROM bots_fill f LIMIT 1
"""
DUPLICATE_EXIT = """
    INSERT INTO bots_intent
    SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(), 'slot', 999, 'reserved_left', 9,
                                                        'reserved_amount', 9))).*
    FROM bots_intent i WHERE i.purpose = 'exit' AND i.closed_at IS NULL
"""

PLANTED: list[tuple[str, str, tuple[str, ...]]] = [
    ("an order that never passed the gate", "I1", ("DELETE FROM bots_orderevent WHERE to_state = 'sending'",)),
    ("a fill before the gate", "I1", ("UPDATE bots_fill SET created_at = created_at - interval '1 day'",)),
    ("a lost fill", "I2", ("DELETE FROM bots_fill",)),
    ("a filled quantity that was guessed", "I2", ("UPDATE bots_order SET filled_quantity = filled_quantity / 2",)),
    ("an overfill", "I2", (GUARDS["within"], "UPDATE bots_order SET quantity = quantity / 2 WHERE state = 'filled'")),
    ("a fill booked twice", "I3", (GUARDS["fill_once"], DUPLICATE_FILL)),
    (
        "a position that drifted",
        "I4",
        ("UPDATE bots_position SET quantity = quantity + 0.000001 WHERE closed_at IS NULL",),
    ),
    ("base that belongs to nobody", "I4", ("UPDATE bots_balance SET total = total + 1 WHERE asset = 'BTC'",)),
    ("a fill of another's position", "I4", ("UPDATE bots_fill SET side = 'sell' WHERE side = 'buy'",)),
    ("an entry that is not zero", "I5", ("UPDATE bots_journalleg SET amount = amount * 2 WHERE book = 'market'",)),
    ("a fee that was forgotten", "I5", ("UPDATE bots_position SET fees = 0",)),
    ("two live attempts", "I6", (GUARDS["one_live"], GUARDS["attempt"], DUPLICATE_ORDER)),
    ("an intent closed early", "I6", ("UPDATE bots_intent SET closed_at = now(), reserved_left = 0",)),
    ("two live exits", "I6", (GUARDS["one_exit"], DUPLICATE_EXIT)),
    ("an order sent under another epoch", "I7", ("UPDATE bots_order SET epoch = epoch - 1",)),
    ("an epoch of the future", "I7", ("UPDATE bots_botlease SET epoch = 0",)),
    ("a reservation that leaked", "I9", ("UPDATE bots_balance SET reserved = reserved + 1 WHERE asset = 'USDT'",)),
    (
        "an account that its venue contradicts",
        "I8",
        (
            "ALTER TABLE bots_account DISABLE TRIGGER USER",
            "UPDATE bots_account SET mode = 'sandbox'",
            "INSERT INTO bots_venuestate (account_id, opened_ms, problem, problem_since) "
            "SELECT id, 1, 'USDT differs', now() - interval '1 hour' FROM bots_account",
        ),
    ),
    (
        "an account that no engine reconciles",
        "I8",
        (
            "ALTER TABLE bots_account DISABLE TRIGGER USER",
            "UPDATE bots_account SET mode = 'sandbox'",
            "INSERT INTO bots_venuestate (account_id, opened_ms, problem, reconciled_at) "
            "SELECT id, 1, '', now() - interval '1 hour' FROM bots_account",
        ),
    ),
    (
        "an entry beyond the account's exposure",
        "I9",
        (
            "UPDATE bots_orderevent SET evidence = jsonb_set(evidence, '{exposure,equity}', '\"1000\"') "
            "WHERE evidence ? 'exposure'",
        ),
    ),
    (
        "a closed intent that holds back",
        "I9",
        ("UPDATE bots_intent SET reserved_left = reserved_amount WHERE closed_at IS NOT NULL",),
    ),
    ("an illegal edge", "I10", ("UPDATE bots_orderevent SET to_state = 'open' WHERE from_state = 'planned'",)),
    ("a gap in the history", "I10", ("UPDATE bots_orderevent SET from_state = 'open' WHERE to_state = 'filled'",)),
    ("a state without evidence", "I11", ("UPDATE bots_order SET state = 'canceled' WHERE state = 'filled'",)),
    ("evidence that was emptied", "I11", ("UPDATE bots_orderevent SET evidence = '{}'",)),
    ("a balance the journal does not explain", "I12", ("UPDATE bots_balance SET total = total + 5",)),
    ("a fill that is not in the journal", "I12", ("DELETE FROM bots_journalleg WHERE kind = 'fill'",)),
    ("an entry that a position forgot", "I12", ("UPDATE bots_position SET opened_quantity = opened_quantity + 1",)),
    ("a commission that was guessed", "I12", ("UPDATE bots_order SET commission = commission + 1",)),
    ("a trade with another result", "I12", ("UPDATE bots_trade SET realised_pnl = realised_pnl + 1",)),
    ("a closed position without its trade", "I12", ("DELETE FROM bots_trade",)),
    ("a standing that forgot a trade", "I12", ("UPDATE bots_standing SET trades = 0, gained = 0, lost = 0, fees = 0",)),
    (
        "an order unknown for an hour",
        "I13",
        ("UPDATE bots_order SET state = 'unknown', updated_at = now() - interval '1 hour' WHERE state = 'sending'",),
    ),
]


async def traded(cast: Cast, store: OrderStore) -> None:
    """A closed trade, an open position with a live exit, and a live entry."""
    from tests.integration.orders.cast import filled

    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    leave = await cast.submit(store, cast.exit_plan(bought.position, Decimal("0.00299")), lease)
    await store.record(filled(leave, Decimal("101000.00")), lease)
    _, again = await cast.enter(store, lease)
    await cast.submit(store, cast.exit_plan(again.position, Decimal("0.00299")), lease)
    await cast.submit(store, cast.plan(instrument=cast.eth), lease)


async def test_a_ledger_that_traded_is_clean(cast: Cast, store: OrderStore) -> None:
    await traded(cast, store)
    assert await sync_to_async(broken_invariants)() == []
    said = StringIO()
    await sync_to_async(call_command)("checkledger", stdout=said)
    assert "clean" in said.getvalue()


@pytest.mark.parametrize(("name", "code", "statements"), PLANTED, ids=[planted[0] for planted in PLANTED])
async def test_every_planted_violation_is_noticed(
    cast: Cast, store: OrderStore, name: str, code: str, statements: tuple[str, ...]
) -> None:
    await traded(cast, store)
    broken = await sync_to_async(planted)(statements, broken_invariants)
    assert code in {found.code for found in broken}
    assert await sync_to_async(broken_invariants)() == []


async def test_the_command_names_the_rows_and_exits_with_1(cast: Cast, store: OrderStore) -> None:
    await traded(cast, store)
    statement = ("UPDATE bots_position SET quantity = quantity + 0.5 WHERE closed_at IS NULL",)
    text, code = await sync_to_async(planted)(statement, lambda: ran("checkledger"))
    assert code == 1
    assert "I4" in text
    assert "position " in text
    told, code = await sync_to_async(planted)(statement, lambda: ran("checkledger", "--json"))
    assert code == 1
    assert json.loads(told)["broken"][0]["code"] == "I4"


def ran(*arguments: str) -> tuple[str, int]:
    said = StringIO()
    try:
        call_command(*arguments, stdout=said)
    except SystemExit as ended:
        return said.getvalue(), int(ended.code or 0)
    return said.getvalue(), 0


def planted(statements: tuple[str, ...], act: Callable[[], Any]) -> Any:
    """Act beside a violation, and undo it."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            for statement in statements:
                cursor.execute(statement)
                assert "ALTER" in statement or "DROP" in statement or cursor.rowcount, "nothing was planted"
            return act()
        finally:
            cursor.execute("ROLLBACK")

"""Accounts whose ledger is broken are restricted to exits: nothing is entered on books that do not add up."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from bots.models import Bot, Fill, Intent, JournalLeg, Order, Position
from bots.operations.kill_switch import Restricted, Scope, WrongTarget
from bots.orders.checks import Broken
from bots.trading.vocabulary import Ladder

log = structlog.get_logger(__name__)

# An account that an engine cannot compare with its venue, and an order of unknown fate, keep entries out by themselves
# for as long as they last.
PASSING = frozenset({"I8", "I13"})
ROWS: dict[str, Any] = {"order": Order, "fill": Fill, "position": Position, "intent": Intent, "bot": Bot}


def account_of(broken: Broken) -> int | None:
    """Whose books a row is of; None where nothing says so."""
    kind, _, key = broken.row.partition(" ")
    if kind == "account":
        return int(key)
    if kind == "entry":
        rows: Any = JournalLeg.objects.filter(entry=key)
    elif kind in ROWS:
        rows = ROWS[kind].objects.filter(pk=key)
    else:
        return None
    found: int | None = rows.values_list("account_id", flat=True).first()
    return found


def quarantine(broken: Iterable[Broken], *, now: datetime) -> list[int]:
    """Restrict the accounts concerned to exits, until a person clears them. Gives those that were not before."""
    first: dict[int, Broken] = {}
    for row in broken:
        if row.code not in PASSING and (account_id := account_of(row)) is not None:
            first.setdefault(account_id, row)
    return [account_id for account_id, row in sorted(first.items()) if _restrict(account_id, row, now)]


@transaction.atomic
def _restrict(account_id: int, row: Broken, now: datetime) -> bool:
    try:
        restricted = Restricted(Scope.ACCOUNT, account_id)
    except WrongTarget:
        return False
    if restricted.ladder.rank >= Ladder.REDUCE.rank:
        return False
    reason = (
        f"its ledger is broken ({row.code}, {row.row}: {row.detail}): exits only until manage.py checkledger is clean"
    )
    restricted.set(Ladder.REDUCE, reason=reason, actor=None, now=now)
    log.error("[RISK MANAGER] account restricted to exits", account=account_id, reason=reason)
    return True

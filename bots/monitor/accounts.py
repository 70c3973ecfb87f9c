"""Whole accounts: their peaks are kept, and one that has fallen too far is restricted to exits."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from django.db import connection, transaction
from msgspec import Struct

from bots.operations.baseline import EQUITY
from bots.operations.kill_switch import Restricted, Scope
from bots.operations.speak import publish
from bots.trading.money import ZERO
from bots.trading.risk import AccountResult, account_drawdown
from bots.trading.vocabulary import Ladder

log = structlog.get_logger(__name__)

# Rows change only where a peak rises: a lock that a gate would wait for.
PEAKS = f"""
UPDATE bots_account a SET peak_equity = e.equity, peak_since = coalesce(a.peak_since, %(at)s)
FROM (SELECT a.id, {EQUITY} AS equity FROM bots_account a) e
WHERE e.id = a.id AND (a.peak_equity IS NULL OR e.equity > a.peak_equity)
"""

FALLEN = f"""
SELECT f.id, f.owner_id, f.name, f.equity, f.peak_equity, f.maximum_drawdown
FROM (SELECT a.id, a.owner_id, a.name, a.peak_equity, a.maximum_drawdown, {EQUITY} AS equity
      FROM bots_account a WHERE a.ladder IN ('active', 'pause') AND a.maximum_drawdown > 0 AND a.peak_equity > 0) f
WHERE f.peak_equity - f.equity >= f.maximum_drawdown * f.peak_equity
"""


class _Fallen(Struct, frozen=True):
    account_id: int
    owner_id: int
    name: str
    equity: Decimal
    peak_equity: Decimal
    maximum_drawdown: Decimal

    @property
    def why(self) -> str:
        return account_drawdown(
            AccountResult(
                equity=self.equity,
                peak_equity=self.peak_equity,
                today=ZERO,
                daily_loss_limit=ZERO,
                maximum_drawdown=self.maximum_drawdown,
            )
        )


def watch_accounts(*, now: datetime) -> int:
    """Follow the peaks of accounts at the marks of their positions; gives how many were restricted to exits."""
    with connection.cursor() as cursor:
        cursor.execute(PEAKS, {"at": now})
        cursor.execute(FALLEN)
        fallen = [_Fallen(*row) for row in cursor.fetchall()]
    return sum(_restrict(found, now) for found in fallen)


def _restrict(found: _Fallen, now: datetime) -> bool:
    with transaction.atomic():
        restricted = Restricted(Scope.ACCOUNT, found.account_id)
        if restricted.ladder.rank >= Ladder.REDUCE.rank:
            return False
        restricted.set(Ladder.REDUCE, reason=found.why, actor=None, now=now)
        data: dict[str, Any] = {
            "level": "error", "code": "account_drawdown", "text": f"{found.name}: {found.why}", "bot_id": None
        }  # fmt: skip
        transaction.on_commit(lambda: publish([(found.owner_id, "alert", data)]))
    log.warning("[RISK MANAGER] account restricted to exits", account=found.name, reason=found.why)
    return True

"""Whole accounts: their peaks are kept, and one that has lost too much is restricted."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog
from django.db import connection, transaction
from msgspec import Struct

from bots.operations.baseline import EQUITY
from bots.operations.kill_switch import Restricted, Scope
from bots.operations.speak import publish
from bots.trading.risk import AccountResult, account_daily_loss, account_drawdown
from bots.trading.vocabulary import Ladder

log = structlog.get_logger(__name__)

# Rows change only where a peak rises: a lock that a gate would wait for.
PEAKS = f"""
UPDATE bots_account a SET peak_equity = e.equity, peak_since = coalesce(a.peak_since, %(at)s)
FROM (SELECT a.id, {EQUITY} AS equity FROM bots_account a) e
WHERE e.id = a.id AND (a.peak_equity IS NULL OR e.equity > a.peak_equity)
"""

FALLEN = f"""
SELECT f.id, f.owner_id, f.name, f.on_drawdown, f.equity, f.peak_equity, 0 AS today, 0 AS daily_loss_limit,
       f.maximum_drawdown
FROM (SELECT a.id, a.owner_id, a.name, a.on_drawdown, a.peak_equity, a.maximum_drawdown, {EQUITY} AS equity
      FROM bots_account a
      WHERE (a.ladder IN ('active', 'pause') OR (a.ladder = 'reduce' AND a.on_drawdown = 'flatten'))
        AND a.maximum_drawdown > 0 AND a.peak_equity > 0) f
WHERE f.peak_equity - f.equity >= f.maximum_drawdown * f.peak_equity
"""

# Where only entries stop for the day, the gate does that by itself.
LOST = f"""
SELECT f.id, f.owner_id, f.name, 'flatten', f.equity, f.equity AS peak_equity, f.today, f.daily_loss_limit,
       0 AS maximum_drawdown
FROM (SELECT a.id, a.owner_id, a.name, a.daily_loss_limit, {EQUITY} AS equity,
             (SELECT coalesce(sum(s.realised_day), 0) FROM bots_standing s JOIN bots_bot b ON b.id = s.bot_id
              WHERE b.account_id = a.id AND s.day = %(day_start)s)
             + (SELECT coalesce(sum(realised_pnl - fees + CASE WHEN side = 'buy' THEN 1 ELSE -1 END
                                    * (quantity * coalesce(mark_price, entry_price) - cost)), 0)
                FROM bots_position p WHERE p.account_id = a.id AND p.closed_at IS NULL) AS today
      FROM bots_account a JOIN marketdata_exchange e ON e.id = a.exchange_id
      WHERE a.ladder <> 'flatten' AND a.on_daily_loss = 'flatten' AND a.daily_loss_limit > 0 AND e.clock <> 'stream') f
WHERE f.today < 0
"""


class _Fallen(Struct, frozen=True):
    account_id: int
    owner_id: int
    name: str
    ladder: str
    equity: Decimal
    peak_equity: Decimal
    today: Decimal
    daily_loss_limit: Decimal
    maximum_drawdown: Decimal

    @property
    def code(self) -> str:
        return "account_drawdown" if self.maximum_drawdown else "account_daily_loss"

    @property
    def why(self) -> str:
        """Empty where nothing is due."""
        result = AccountResult(
            equity=self.equity,
            peak_equity=self.peak_equity,
            today=self.today,
            daily_loss_limit=self.daily_loss_limit,
            maximum_drawdown=self.maximum_drawdown,
        )
        return account_drawdown(result) or account_daily_loss(result)


def watch_accounts(*, now: datetime) -> int:
    """Follow the peaks of accounts at the marks of their positions; gives how many were restricted."""
    day_start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(PEAKS, {"at": now})
        cursor.execute(FALLEN)
        fallen = [_Fallen(*row) for row in cursor.fetchall()]
        cursor.execute(LOST, {"day_start": day_start})
        fallen += [_Fallen(*row) for row in cursor.fetchall()]
    return sum(_restrict(found, now) for found in fallen if found.why)


def _restrict(found: _Fallen, now: datetime) -> bool:
    with transaction.atomic():
        restricted = Restricted(Scope.ACCOUNT, found.account_id)
        ladder = Ladder(found.ladder)
        if restricted.ladder.rank >= ladder.rank:
            return False
        restricted.set(ladder, reason=found.why, actor=None, now=now)
        data: dict[str, Any] = {
            "level": "error", "code": found.code, "text": f"{found.name}: {found.why}", "bot_id": None
        }  # fmt: skip
        transaction.on_commit(lambda: publish([(found.owner_id, "alert", data)]))
    log.warning("[RISK MANAGER] account restricted", account=found.name, ladder=ladder.value, reason=found.why)
    return True

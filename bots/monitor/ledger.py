"""The ledger's invariants, checked while trading goes on."""

from collections import Counter
from datetime import datetime

import structlog

from bots.broadcast import publish_all_sync
from bots.monitor.quarantine import quarantine
from bots.orders.checks import Broken, broken_invariants

log = structlog.get_logger(__name__)

_SHOWN = 10


def check_ledger(*, now: datetime) -> list[Broken]:
    """What `manage.py checkledger` finds.

    Where it finds anything, everybody is alerted, each row is logged, and the accounts concerned only leave what they hold.
    """
    broken = broken_invariants()
    if not broken:
        return []
    for row in broken[:_SHOWN]:
        log.error("ledger.broken", code=row.code, name=row.name, row=row.row, detail=row.detail)
    restricted = quarantine(broken, now=now)
    counts = ", ".join(f"{code}: {count}" for code, count in sorted(Counter(row.code for row in broken).items()))
    text = (
        f"The ledger is broken in {len(broken)} rows ({counts}). Run manage.py checkledger and stop the bots concerned."
    )
    if restricted:
        text += f" Accounts restricted to exits: {', '.join(map(str, restricted))}."
    publish_all_sync("alert", {"level": "error", "code": "ledger_broken", "text": text, "bot_id": None})
    return broken

"""The ledger's invariants, checked while trading goes on."""

from collections import Counter

import structlog

from bots.broadcast import publish_all_sync
from bots.orders.checks import Broken, broken_invariants

log = structlog.get_logger(__name__)

_SHOWN = 10


def check_ledger() -> list[Broken]:
    """What `manage.py checkledger` finds; where it finds anything, everybody is alerted and each row is logged."""
    broken = broken_invariants()
    if not broken:
        return []
    for row in broken[:_SHOWN]:
        log.error("ledger.broken", code=row.code, name=row.name, row=row.row, detail=row.detail)
    counts = ", ".join(f"{code}: {count}" for code, count in sorted(Counter(row.code for row in broken).items()))
    text = (
        f"The ledger is broken in {len(broken)} rows ({counts}). Run manage.py checkledger and stop the bots concerned."
    )
    publish_all_sync("alert", {"level": "error", "code": "ledger_broken", "text": text, "bot_id": None})
    return broken

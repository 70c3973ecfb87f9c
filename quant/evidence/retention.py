"""Samples that are older than anything looks at go."""

import structlog
from django.db import connection

log = structlog.get_logger(__name__)

DAY_NS = 86_400_000_000_000
BATCH = 10_000
OLD = """
DELETE FROM quant_signalsample WHERE ctid IN (
    SELECT ctid FROM quant_signalsample WHERE ts_event < %(before)s LIMIT %(limit)s)
"""


def prune_samples(*, now_ns: int, keep_days: int, batch: int = BATCH) -> int:
    """Delete samples older than `keep_days`, a batch a transaction; gives how many."""
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(OLD, {"before": now_ns - keep_days * DAY_NS, "limit": batch})
            gone: int = cursor.rowcount
        total += gone
        if gone < batch:
            log.info("retention.pruned", what="samples", rows=total)
            return total

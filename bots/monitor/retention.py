"""Keeping tables small: what is old goes, or is kept less finely. In batches, each its own transaction."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection

log = structlog.get_logger(__name__)

BATCH = 10_000
FEED_EVENTS_KEPT = timedelta(days=30)

SIGNALS = """
DELETE FROM bots_signal WHERE id IN (
    SELECT id FROM bots_signal WHERE created_at < %(before)s ORDER BY created_at LIMIT %(limit)s)
"""
FEED_EVENTS = """
DELETE FROM marketdata_feedevent WHERE id IN (
    SELECT id FROM marketdata_feedevent WHERE at < %(before)s ORDER BY at LIMIT %(limit)s)
"""
# Of each span the last is kept, and the highest: drawdown is measured from a peak.
SNAPSHOTS = """
DELETE FROM bots_performancesnapshot WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY span ORDER BY at DESC, id DESC) AS from_last,
               row_number() OVER (PARTITION BY span ORDER BY realised_pnl + unrealised_pnl DESC, id) AS from_best
        FROM (SELECT *, (bot_id, date_bin(make_interval(secs => %(span_s)s), at, 'epoch')) AS span
              FROM bots_performancesnapshot WHERE at >= %(after)s AND at < %(before)s) spans) ranked
    WHERE from_last > 1 AND from_best > 1
    LIMIT %(limit)s)
"""
# (older than, younger than, a span in seconds)
THINNING = (
    (timedelta(days=1), timedelta(days=30), 300),
    (timedelta(days=30), timedelta(days=36_500), 3_600),
)


def prune_signals(*, now: datetime, keep_days: int, batch: int = BATCH) -> int:
    """Delete signals older than `keep_days`; gives how many."""
    return _in_batches("signals", SIGNALS, {"before": now - timedelta(days=keep_days)}, batch)


def prune_feed_events(*, now: datetime, batch: int = BATCH) -> int:
    """Delete what feeds told more than 30 days ago; gives how many."""
    return _in_batches("feed_events", FEED_EVENTS, {"before": now - FEED_EVENTS_KEPT}, batch)


def thin_performance(*, now: datetime, batch: int = BATCH) -> int:
    """Keep snapshots of 30 s for a day, of 5 min for a month, then of an hour; gives how many went."""
    return sum(
        _in_batches("performance", SNAPSHOTS, {"before": now - older, "after": now - younger, "span_s": span_s}, batch)
        for older, younger, span_s in THINNING
    )


def _in_batches(what: str, statement: str, values: dict[str, Any], batch: int) -> int:
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, values | {"limit": batch})
            gone: int = cursor.rowcount
        total += gone
        if gone < batch:
            log.info("retention.pruned", what=what, rows=total)
            return total

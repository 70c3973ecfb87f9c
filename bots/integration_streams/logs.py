"""The logs that streams follow: changes of orders' states, and stored signals."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from bots.integration_streams.fields import Kind

ORDER_CHANGES = """
SELECT v.id, v.at, v.from_state, v.to_state, v.evidence, o.id AS order_id, o.venue_order_id, o.attempt, o.side,
       o.order_type, o.quantity, o.limit_price, o.filled_quantity, o.average_price, o.commission, o.commission_asset,
       o.error, i.decision_id, i.position_id, i.purpose, i.exit_reason, o.account_id, a.mode, o.bot_id, b.name AS bot,
       b.owner_id AS user_id, n.symbol, e.code AS exchange
FROM bots_orderevent v
JOIN bots_order o ON o.id = v.order_id
JOIN bots_intent i ON i.id = o.intent_id
JOIN bots_account a ON a.id = o.account_id
JOIN bots_bot b ON b.id = o.bot_id
JOIN marketdata_instrument n ON n.id = o.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
WHERE v.id > %(after)s ORDER BY v.id LIMIT %(limit)s
"""

SIGNALS = """
SELECT s.id, to_timestamp(s.ts_event / 1e9) AS at, s.created_at, s.source, s.action, s.value, s.confidence, s.price,
       s.reasoning, s.decision_id, s.omitted, s.metadata, b.account_id, a.mode, s.bot_id, b.name AS bot,
       b.owner_id AS user_id, n.symbol, e.code AS exchange
FROM bots_signal s
JOIN bots_bot b ON b.id = s.bot_id
JOIN bots_account a ON a.id = b.account_id
JOIN marketdata_instrument n ON n.id = s.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
WHERE s.id > %(after)s ORDER BY s.id LIMIT %(limit)s
"""

# Everybody who may have drawn an id and not committed it: the lock is taken before the id.
WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = %(table)s::regclass AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A table whose rows are added and never changed, read by id."""

    kind: Kind
    table: str
    rows_sql: str

    def rows(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """The next rows, as they are committed now."""
        with connection.cursor() as cursor:
            cursor.execute(self.rows_sql, {"after": after, "limit": limit})
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def before_newest(self, count: int) -> int:
        """The id before the newest `count` rows; 0 where there are no more."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {self.table} ORDER BY id DESC OFFSET %s LIMIT 1", [count])
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def last_drawn(self) -> int:
        """The highest id that any row can have."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass)", [self.table])
            (last,) = cursor.fetchone()
        return int(last or 0)

    def writers(self) -> frozenset[str]:
        with connection.cursor() as cursor:
            cursor.execute(WRITERS, {"table": self.table})
            return frozenset(row[0] for row in cursor.fetchall())


ORDER_LOG = Log(kind=Kind.ORDER, table="bots_orderevent", rows_sql=ORDER_CHANGES)
SIGNAL_LOG = Log(kind=Kind.SIGNAL, table="bots_signal", rows_sql=SIGNALS)

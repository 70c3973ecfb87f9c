"""Every order request as it arrived, before anything was done about it: the truth that clients are measured by."""

import sqlite3
from collections.abc import Mapping

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS receipt (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, received_ns INTEGER NOT NULL, action TEXT NOT NULL,
    client_order_id TEXT NOT NULL, params TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS receipt_account ON receipt (account_id, id);
"""
_CLIENT_IDS: Mapping[str, tuple[str, ...]] = {
    "place": ("newClientOrderId", "clientAlgoId", "listClientOrderId"),
    "replace": ("newClientOrderId",),
    "amend": ("origClientOrderId", "orderId"),
    "cancel": ("origClientOrderId", "clientAlgoId", "orderId", "listClientOrderId"),
}


class Receipts:
    """The table of requests in the ledger's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._db.executescript(_SCHEMA)

    def received(self, account_id: int, action: str, params: Mapping[str, str], *, now_ns: int) -> int:
        """Write a request down; gives its number."""
        client_id = next((params[name] for name in _CLIENT_IDS[action] if params.get(name)), "")
        text = msgspec.json.encode({name: value for name, value in params.items() if name != "signature"}).decode()
        cursor = self._db.execute(
            "INSERT INTO receipt (account_id, received_ns, action, client_order_id, params, outcome) VALUES (?, ?, ?, ?, ?, '')",
            (account_id, now_ns, action, client_id, text),
        )
        return int(cursor.lastrowid or 0)

    def ended(self, number: int, outcome: str) -> None:
        """What became of it: accepted, a code, or "not carried out"; empty while it is worked on."""
        self._db.execute("UPDATE receipt SET outcome = ? WHERE id = ?", (outcome, number))

    def of(self, account_id: int, *, after: int = 0) -> list[dict[str, object]]:
        """An account's requests, oldest first, with a number above `after`."""
        rows = self._db.execute(
            "SELECT id, received_ns, action, client_order_id, params, outcome FROM receipt WHERE account_id = ? AND id > ? "
            "ORDER BY id",
            (account_id, after),
        )
        return [{**dict(row), "params": msgspec.json.decode(row["params"])} for row in rows]

    def counts(self, account_id: int) -> dict[str, int]:
        """How many requests to place an order came for each client order id."""
        rows = self._db.execute(
            "SELECT client_order_id, COUNT(*) FROM receipt WHERE account_id = ? AND action IN ('place', 'replace') "
            "GROUP BY client_order_id",
            (account_id,),
        )
        return {row[0]: row[1] for row in rows}

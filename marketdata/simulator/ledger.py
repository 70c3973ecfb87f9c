"""The venue's books in SQLite: accounts, balances, orders, fills. One transaction an operation.

The write-ahead log survives the death of the process at any instruction.
"""

import fcntl
import os
import secrets
import sqlite3
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from marketdata.simulator.booking import Changes
from marketdata.simulator.order_lists import OrderListTable
from marketdata.simulator.orders import (
    OPEN_STATUSES,
    Account,
    Balance,
    Fill,
    Order,
    OrderType,
    SelfTrade,
    Side,
    Status,
    TimeInForce,
)

_ORDER_COLUMNS = [field.name for field in fields(Order)]
_FILL_COLUMNS = [field.name for field in fields(Fill)]
_DEFAULTS = {
    field.name: field.default for record in (Order, Fill) for field in fields(record) if field.default is not MISSING
}
_TEXT = {"symbol", "client_order_id", "side", "type", "time_in_force", "self_trade", "status", "commission_asset"}


def _columns(names: list[str]) -> str:
    return ", ".join(
        f"{name} {'TEXT' if name in _TEXT else 'INTEGER'} NOT NULL" + (" PRIMARY KEY" if name == "id" else "")
        for name in names
    )


_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE, secret TEXT NOT NULL,
    fee_asset TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS other (
    who TEXT NOT NULL, asset TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (who, asset));
CREATE TABLE IF NOT EXISTS balance (
    account_id INTEGER NOT NULL REFERENCES account, asset TEXT NOT NULL,
    free INTEGER NOT NULL CHECK (free >= 0), locked INTEGER NOT NULL CHECK (locked >= 0), PRIMARY KEY (account_id, asset));
CREATE TABLE IF NOT EXISTS orders ({_columns(_ORDER_COLUMNS)});
CREATE TABLE IF NOT EXISTS fill ({_columns(_FILL_COLUMNS)});
CREATE INDEX IF NOT EXISTS orders_account ON orders (account_id, symbol, id);
CREATE INDEX IF NOT EXISTS orders_client ON orders (account_id, client_order_id);
CREATE INDEX IF NOT EXISTS orders_status ON orders (status);
CREATE INDEX IF NOT EXISTS fill_account ON fill (account_id, symbol, id);
CREATE INDEX IF NOT EXISTS fill_order ON fill (order_id);
"""


class LedgerInUseError(Exception):
    """Another venue process holds the folder."""


class Ledger:
    """The books in one folder, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise LedgerInUseError(
                f"the ledger in {folder} is held by another runexchange; stop it or name another folder with --ledger"
            ) from None
        os.close(os.open(folder / "ledger.sqlite3", os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(folder / "ledger.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        self._add_columns()
        self.lists = OrderListTable(self._db)

    def _add_columns(self) -> None:
        """A ledger of an older version lacks some."""
        wanted = [("orders", name) for name in _ORDER_COLUMNS] + [("fill", name) for name in _FILL_COLUMNS]
        for table, name in [*wanted, ("account", "fee_asset")]:
            if name not in [row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")]:
                kind = (
                    "TEXT NOT NULL DEFAULT ''"
                    if table == "account"
                    else f"INTEGER NOT NULL DEFAULT {int(_DEFAULTS[name])}"
                )
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")

    @property
    def database(self) -> sqlite3.Connection:
        """For the books that have tables of their own in it."""
        return self._db

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    # Facts about the venue

    def fact(self, name: str, default: str) -> str:
        """A remembered value; the default is remembered the first time."""
        self._db.execute("INSERT OR IGNORE INTO fact VALUES (?, ?)", (name, default))
        return str(self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()[0])

    # Writing

    def commit(self, changes: Changes) -> None:
        """Store an operation's changes together."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_upsert("orders", _ORDER_COLUMNS), [_values(o) for o in changes.orders.values()])
            self._db.executemany(_upsert("fill", _FILL_COLUMNS), [_values(fill) for fill in changes.fills])
            self._db.executemany(
                "INSERT OR REPLACE INTO balance VALUES (?, ?, ?, ?)",
                [
                    (account.id, asset, account.balance(asset).free, account.balance(asset).locked)
                    for (_, asset), account in changes.balances.items()
                ],
            )
            self._db.executemany(
                "INSERT INTO other VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
                [(who.value, asset, amount) for (who, asset), amount in changes.others.items()],
            )
            self.lists.save(changes.lists.values())
        except sqlite3.Error:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def create_account(self, name: str) -> Account:
        """Open an account with a key of its own. Raises ValueError when the name is taken."""
        key, secret = secrets.token_hex(32), secrets.token_hex(32)
        try:
            cursor = self._db.execute("INSERT INTO account (name, key, secret) VALUES (?, ?, ?)", (name, key, secret))
        except sqlite3.IntegrityError:
            raise ValueError(f"an account named {name!r} exists already") from None
        return Account(id=int(cursor.lastrowid or 0), name=name, key=key, secret=secret)

    def choose_fee_asset(self, account: Account, asset: str) -> None:
        """Let an account pay its fees in an asset; "": in what it receives."""
        account.fee_asset = asset
        self._db.execute("UPDATE account SET fee_asset = ? WHERE id = ?", (asset, account.id))

    # Reading

    def others(self) -> dict[str, dict[str, int]]:
        """What the market, the fees and the world outside have: with the customers' balances every asset sums to zero."""
        amounts: dict[str, dict[str, int]] = {}
        for row in self._db.execute("SELECT who, asset, amount FROM other"):
            amounts.setdefault(row["who"], {})[row["asset"]] = row["amount"]
        return amounts

    def accounts(self) -> dict[int, Account]:
        """All accounts with balances and open orders."""
        accounts = {row["id"]: Account(**dict(row)) for row in self._db.execute("SELECT * FROM account")}
        for row in self._db.execute("SELECT * FROM balance"):
            accounts[row["account_id"]].balances[row["asset"]] = Balance(row["free"], row["locked"])
        marks = ", ".join("?" * len(OPEN_STATUSES))
        for row in self._db.execute(f"SELECT * FROM orders WHERE status IN ({marks}) ORDER BY id", [*OPEN_STATUSES]):
            order = _order(row)
            accounts[order.account_id].open_orders[order.id] = order
        return accounts

    def next_id(self, table: str) -> int:
        return int(self._db.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}").fetchone()[0])

    def order(self, account_id: int, symbol: str, *, order_id: int | None, client_order_id: str | None) -> Order | None:
        """By id, else the newest with that client id."""
        if order_id is not None:
            where, value = "id = ?", str(order_id)
        else:
            where, value = "client_order_id = ?", client_order_id or ""
        row = self._db.execute(
            f"SELECT * FROM orders WHERE account_id = ? AND symbol = ? AND {where} ORDER BY id DESC LIMIT 1",
            (account_id, symbol, value),
        ).fetchone()
        return _order(row) if row else None

    def orders(
        self, account_id: int, symbol: str, *, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Order]:
        """Orders of any status, oldest first; without an id or a start, the newest `limit`."""
        rows = self._history("orders", account_id, symbol, from_id, start_ms, end_ms, None, limit)
        return [_order(row) for row in rows]

    def fills(
        self,
        account_id: int,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        order_id: int | None = None,
        limit: int = 500,
    ) -> list[Fill]:
        """Executions, oldest first; without an id or a start, the newest `limit`."""
        rows = self._history("fill", account_id, symbol, from_id, start_ms, end_ms, order_id, limit)
        return [fill for row in rows if not (fill := _fill(row)).busted]

    def everything(self, account_id: int) -> tuple[list[Order], list[Fill]]:
        """All orders and fills of an account, oldest first, voided ones too."""
        orders = self._db.execute("SELECT * FROM orders WHERE account_id = ? ORDER BY id", (account_id,))
        fills = self._db.execute("SELECT * FROM fill WHERE account_id = ? ORDER BY id", (account_id,))
        return [_order(row) for row in orders], [_fill(row) for row in fills]

    def fill(self, account_id: int, fill_id: int) -> Fill | None:
        row = self._db.execute("SELECT * FROM fill WHERE account_id = ? AND id = ?", (account_id, fill_id)).fetchone()
        return _fill(row) if row else None

    def _history(
        self,
        table: str,
        account_id: int,
        symbol: str,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        order_id: int | None,
        limit: int,
    ) -> list[sqlite3.Row]:
        conditions: list[tuple[str, object]] = [("account_id = ?", account_id), ("symbol = ?", symbol)]
        conditions += [
            (text, value)
            for text, value in (
                ("id >= ?", from_id),
                ("time_ms >= ?", start_ms),
                ("time_ms <= ?", end_ms),
                ("order_id = ?", order_id),
            )
            if value is not None
        ]
        direction = "ASC" if from_id is not None or start_ms is not None else "DESC"
        where = " AND ".join(text for text, _ in conditions)
        rows = self._db.execute(
            f"SELECT * FROM {table} WHERE {where} ORDER BY id {direction} LIMIT ?",
            [*(value for _, value in conditions), limit],
        ).fetchall()
        return rows if direction == "ASC" else rows[::-1]


def _upsert(table: str, columns: list[str]) -> str:
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _values(record: Any) -> list[object]:
    return list(asdict(record).values())


def _fill(row: sqlite3.Row) -> Fill:
    values = dict(row)
    return Fill(**{**values, **{name: bool(values[name]) for name in ("is_buyer", "is_maker", "busted")}})


def _order(row: sqlite3.Row) -> Order:
    values = dict(row)
    return Order(
        **{
            **values,
            "side": Side(values["side"]),
            "type": OrderType(values["type"]),
            "time_in_force": TimeInForce(values["time_in_force"]),
            "self_trade": SelfTrade(values["self_trade"]),
            "status": Status(values["status"]),
            "working": bool(values["working"]),
        }
    )

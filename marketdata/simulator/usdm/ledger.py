"""The futures' books in the venue's SQLite file: a row a record, its content as JSON."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from marketdata.simulator.usdm.orders import AlgoOrder, FuturesFill, FuturesOrder, Income, Position, Trader

Record = TypeVar("Record")

_TABLES = ("usdm_order", "usdm_fill", "usdm_algo", "usdm_income")
_SCHEMA = (
    "".join(
        f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL, "
        f"client_id TEXT NOT NULL, is_open INTEGER NOT NULL, data TEXT NOT NULL);"
        f"CREATE INDEX IF NOT EXISTS {table}_account ON {table} (account_id, symbol, id);"
        for table in _TABLES
    )
    + """
CREATE TABLE IF NOT EXISTS usdm_position (account_id INTEGER, symbol TEXT, data TEXT NOT NULL, PRIMARY KEY (account_id, symbol));
CREATE TABLE IF NOT EXISTS usdm_wallet (account_id INTEGER, asset TEXT, amount INTEGER NOT NULL, PRIMARY KEY (account_id, asset));
"""
)


@dataclass(slots=True)
class FuturesChanges:
    """Everything one operation changed, and what is to be told of it."""

    orders: dict[int, FuturesOrder] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    fills: list[FuturesFill] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)
    positions: dict[tuple[int, str], Position] = field(default_factory=dict)
    wallets: dict[tuple[int, str], int] = field(default_factory=dict)
    # (account id, event)
    events: list[tuple[int, dict[str, object]]] = field(default_factory=list)


class FuturesLedger:
    """Stores and reads the futures' books."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._db.executescript(_SCHEMA)

    def commit(self, changes: FuturesChanges) -> None:
        """Store an operation's changes together."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._save(
                "usdm_order",
                [(o.id, o.account_id, o.symbol, o.client_order_id, o.is_open, o) for o in changes.orders.values()],
            )
            self._save(
                "usdm_algo", [(a.id, a.account_id, a.symbol, a.client_id, a.is_open, a) for a in changes.algos.values()]
            )
            self._save("usdm_fill", [(f.id, f.account_id, f.symbol, str(f.order_id), False, f) for f in changes.fills])
            self._save("usdm_income", [(i.id, i.account_id, i.symbol, i.kind, False, i) for i in changes.incomes])
            self._db.executemany(
                "INSERT OR REPLACE INTO usdm_position VALUES (?, ?, ?)",
                [(*key, msgspec.json.encode(position).decode()) for key, position in changes.positions.items()],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO usdm_wallet VALUES (?, ?, ?)",
                [(*key, amount) for key, amount in changes.wallets.items()],
            )
        except sqlite3.Error:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _save(self, table: str, rows: Iterable[tuple[int, int, str, str, bool, object]]) -> None:
        self._db.executemany(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?)",
            [(*row[:5], msgspec.json.encode(row[5]).decode()) for row in rows],
        )

    def traders(self) -> dict[int, Trader]:
        """Everybody with a wallet, a position or an order."""
        traders: dict[int, Trader] = {}
        for row in self._db.execute("SELECT * FROM usdm_wallet"):
            traders.setdefault(row["account_id"], Trader(row["account_id"])).wallets[row["asset"]] = row["amount"]
        for row in self._db.execute("SELECT data FROM usdm_position"):
            position = msgspec.json.decode(row["data"], type=Position)
            traders.setdefault(position.account_id, Trader(position.account_id)).positions[position.symbol] = position
        for order in self._read("SELECT data FROM usdm_order WHERE is_open ORDER BY id", (), FuturesOrder):
            traders[order.account_id].open_orders[order.id] = order
        for algo in self._read("SELECT data FROM usdm_algo WHERE is_open ORDER BY id", (), AlgoOrder):
            traders[algo.account_id].algos[algo.id] = algo
        return traders

    def _read(self, sql: str, values: tuple[object, ...], kind: type[Record]) -> list[Record]:
        return [msgspec.json.decode(row["data"], type=kind) for row in self._db.execute(sql, values)]

    def next_id(self, table: str) -> int:
        return int(self._db.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}").fetchone()[0])

    def orders(self, account_id: int, symbol: str = "") -> list[FuturesOrder]:
        """All of an account, oldest first."""
        return self._all("usdm_order", account_id, symbol, FuturesOrder)

    def algos(self, account_id: int, symbol: str = "") -> list[AlgoOrder]:
        return self._all("usdm_algo", account_id, symbol, AlgoOrder)

    def fills(self, account_id: int, symbol: str = "") -> list[FuturesFill]:
        return self._all("usdm_fill", account_id, symbol, FuturesFill)

    def incomes(self, account_id: int, symbol: str = "") -> list[Income]:
        return self._all("usdm_income", account_id, symbol, Income)

    def _all(self, table: str, account_id: int, symbol: str, kind: type[Record]) -> list[Record]:
        where, values = ("", ()) if not symbol else (" AND symbol = ?", (symbol,))
        return self._read(
            f"SELECT data FROM {table} WHERE account_id = ?{where} ORDER BY id", (account_id, *values), kind
        )

    def order(
        self, account_id: int, symbol: str, *, order_id: int | None, client_id: str | None
    ) -> FuturesOrder | None:
        """By id, else the newest with that client id."""
        column, value = ("id", order_id) if order_id is not None else ("client_id", client_id)
        found = self._read(
            f"SELECT data FROM usdm_order WHERE account_id = ? AND symbol = ? AND {column} = ? ORDER BY id DESC LIMIT 1",
            (account_id, symbol, value),
            FuturesOrder,
        )
        return found[0] if found else None

    def algo(self, account_id: int, *, algo_id: int | None, client_id: str | None) -> AlgoOrder | None:
        """By id, else the newest with that client id."""
        column, value = ("id", algo_id) if algo_id is not None else ("client_id", client_id)
        found = self._read(
            f"SELECT data FROM usdm_algo WHERE account_id = ? AND {column} = ? ORDER BY id DESC LIMIT 1",
            (account_id, value),
            AlgoOrder,
        )
        return found[0] if found else None

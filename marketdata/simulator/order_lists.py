"""Orders that belong together: one cancels the other (OCO), one triggers others (OTO), or both (OTOCO)."""

import sqlite3
from collections.abc import Callable, Iterable

import msgspec

from marketdata.simulator.booking import Booking
from marketdata.simulator.errors import VenueError
from marketdata.simulator.orders import Order, OrderList, Status

_SCHEMA = """
CREATE TABLE IF NOT EXISTS order_list (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, client_id TEXT NOT NULL, done INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS order_list_account ON order_list (account_id, id);
"""


class OrderLists:
    """All lists that are not done, and the rules between their orders.

    `activate` puts an order that waited for another one to work; `reserve` locks what an order may cost.
    """

    def __init__(
        self,
        booking: Booking,
        lists: Iterable[OrderList],
        *,
        next_id: int,
        activate: Callable[[Order, int], None],
        reserve: Callable[[Order], None],
    ) -> None:
        self._booking = booking
        self._lists = {one.id: one for one in lists}
        self._next_id = next_id
        self._activate = activate
        self._reserve = reserve
        booking.before_fill = self.before_fill
        booking.after_close = self.after_close

    def open(
        self, orders: list[Order], *, kind: str, client_id: str, now_ms: int, working: Order | None = None
    ) -> OrderList:
        """Tie orders together. `working` is the one that the others wait for."""
        first = orders[0]
        made = OrderList(
            id=self._next_id,
            account_id=first.account_id,
            symbol=first.symbol,
            kind=kind,
            client_id=client_id,
            order_ids=[order.id for order in orders],
            client_ids=[order.client_order_id for order in orders],
            working_id=working.id if working else 0,
            time_ms=now_ms,
            update_ms=now_ms,
        )
        self._next_id += 1
        self._lists[made.id] = made
        for order in orders:
            order.list_id = made.id
        self._booking.changes.lists[made.id] = made
        return made

    def of(self, order: Order) -> OrderList | None:
        return self._lists.get(order.list_id)

    def find(self, account_id: int, *, list_id: int | None, client_id: str | None) -> OrderList | None:
        for one in self._lists.values():
            if one.account_id == account_id and (
                one.id == list_id if list_id is not None else one.client_id == client_id
            ):
                return one
        return None

    def all_open(self, account_id: int) -> list[OrderList]:
        return [one for one in self._lists.values() if one.account_id == account_id]

    def orders(self, one: OrderList) -> list[Order]:
        """Those of a list that are open."""
        open_orders = self._booking.accounts[one.account_id].open_orders
        return [open_orders[number] for number in one.order_ids if number in open_orders]

    def before_fill(self, order: Order, now_ms: int) -> None:
        """An order is about to execute, or its stop to trigger: its rival expires, and what it held is free for it."""
        one = self._lists.get(order.list_id)
        if one is None or order.id == one.working_id:
            return
        for rival in self.orders(one):
            if rival is not order and rival.id != one.working_id:
                self._booking.finish(rival, Status.EXPIRED, "EXPIRED", now_ms)
        self._reserve(order)

    def after_close(self, order: Order, now_ms: int) -> None:
        """An order of a list came to its end."""
        one = self._lists.get(order.list_id)
        if one is None:
            return
        rest = [other for other in self.orders(one) if other is not order]
        if order.id == one.working_id and order.status is Status.FILLED:
            for pending in rest:
                self._start(pending, now_ms)
        elif order.status is not Status.FILLED and order.status is not Status.EXPIRED:
            for other in rest:
                self._booking.finish(other, order.status, order.status.value, now_ms)
        elif order.id == one.working_id:
            for other in rest:
                self._booking.finish(other, Status.EXPIRED, "EXPIRED", now_ms)
        if not self.orders(one) and self._lists.pop(one.id, None) is not None:
            one.done, one.update_ms = True, now_ms
            self._booking.changes.lists[one.id] = one

    def _start(self, pending: Order, now_ms: int) -> None:
        if not pending.is_open:
            return
        pending.status, pending.update_ms = Status.NEW, now_ms
        rivals = [other for other in self.orders(self._lists[pending.list_id]) if other is not pending and other.locked]
        try:
            if not rivals:
                self._reserve(pending)
        except VenueError:
            self._booking.finish(pending, Status.EXPIRED, "EXPIRED", now_ms)
            return
        self._booking.report(pending, "NEW", now_ms)
        self._activate(pending, now_ms)


class OrderListTable:
    """The lists in the ledger's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._db.executescript(_SCHEMA)

    def save(self, lists: Iterable[OrderList]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO order_list VALUES (?, ?, ?, ?, ?)",
            [(one.id, one.account_id, one.client_id, one.done, msgspec.json.encode(one).decode()) for one in lists],
        )

    def open(self) -> list[OrderList]:
        return [_read(row) for row in self._db.execute("SELECT data FROM order_list WHERE NOT done ORDER BY id")]

    def of(self, account_id: int) -> list[OrderList]:
        rows = self._db.execute("SELECT data FROM order_list WHERE account_id = ? ORDER BY id", (account_id,))
        return [_read(row) for row in rows]

    def next_id(self) -> int:
        return int(self._db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM order_list").fetchone()[0])


def _read(row: sqlite3.Row) -> OrderList:
    return msgspec.json.decode(row["data"], type=OrderList)

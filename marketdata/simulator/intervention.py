"""The operator's hand in the market: fills, busts, and the orders of a human who uses the same account."""

import secrets
from dataclasses import replace

from marketdata.simulator.booking import Booking, Other
from marketdata.simulator.errors import INSUFFICIENT, VenueError, rejected
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.ledger import Ledger
from marketdata.simulator.matching import Engine
from marketdata.simulator.numbers import times
from marketdata.simulator.orders import Account, Fill, NewOrder, Order, OrderType, Side, Status


class Intervention:
    """Does to orders what the market did not."""

    def __init__(self, engine: Engine, ledger: Ledger, faults: Faults) -> None:
        self._engine = engine
        self._ledger = ledger
        self._faults = faults
        self._booking: Booking = engine.booking
        self._booking.extra_of = self._overfill
        # Which order is filled by hand now: as far as wanted and no further.
        self._in_hand: Order | None = None

    def fill(self, order: Order, *, quantity: int, price: int, now_ms: int) -> Fill:
        """Fill an order, or more than it asked for. Raises -2010 when the account cannot pay."""
        over = max(0, quantity - order.remaining) if order.is_open else quantity
        self._refuse_unpaid(order, price, quantity)
        self._in_hand = order
        with self._booking.operation() as changes:
            if order.is_open and not order.working:
                self._booking.books[order.symbol].remove(order)
                order.working, order.working_ms = True, now_ms
            if quantity - over > 0:
                self._pay_for(order, price, quantity - over)
                self._booking.apply(order, price, quantity - over, maker=order.type.has_price, now_ms=now_ms)
            if over:
                self._booking.apply(order, price, over, maker=order.type.has_price, now_ms=now_ms, over=True)
        self._in_hand = None
        return changes.fills[-1]

    def _refuse_unpaid(self, order: Order, price: int, quantity: int) -> None:
        spec = self._engine.markets[order.symbol].spec
        account = self._booking.accounts[order.account_id]
        asset, amount = (spec.quote, times(price, quantity)) if order.side is Side.BUY else (spec.base, quantity)
        # What rivals hold will be free for it.
        held = [
            other.locked
            for other in account.open_orders.values()
            if order.list_id >= 0 and other.list_id == order.list_id
        ]
        if amount > account.balance(asset).free + max([order.locked, *held]):
            raise rejected(INSUFFICIENT)

    def _pay_for(self, order: Order, price: int, quantity: int) -> None:
        """A market order's reservation may be of another price."""
        if order.side is Side.BUY and not order.type.has_price:
            missing = times(price, quantity) - order.locked
            if missing > 0:
                self._booking.lock(self._booking.accounts[order.account_id], order, missing)

    def before_cancel(self, order: Order, *, now_ms: int) -> None:
        """The race of a fill against the cancel, while that fault is on."""
        if not order.is_open or not order.quantity:
            return
        race = self._faults.strike(Fault.RACE_FILL)
        if race is not None:
            step = self._engine.markets[order.symbol].spec.step
            quantity = max(step, round(order.remaining * race.rate) // step * step)
            price = order.price or self._engine.markets[order.symbol].last_price
            self.fill(order, quantity=min(quantity, order.remaining), price=price, now_ms=now_ms)

    def _overfill(self, order: Order) -> int:
        over = None if order is self._in_hand else self._faults.strike(Fault.OVERFILL)
        if over is None:
            return 0
        step = self._engine.markets[order.symbol].spec.step
        return max(step, round(order.quantity * (over.factor - 1)) // step * step)

    def bust(self, fill: Fill, *, now_ms: int) -> Order:
        """Void an execution: what it moved goes back, and its order was never filled by it."""
        order = self._ledger.order(fill.account_id, fill.symbol, order_id=fill.order_id, client_order_id=None)
        account = self._booking.accounts[fill.account_id]
        assert order is not None
        order = account.open_orders.get(order.id, order)
        spec = self._engine.markets[fill.symbol].spec
        with self._booking.operation() as changes:
            sign = 1 if fill.is_buyer else -1
            moves = {spec.base: -sign * fill.quantity, spec.quote: sign * fill.quote}
            back = moves | {fill.commission_asset: moves.get(fill.commission_asset, 0) + fill.commission}
            for asset, amount in back.items():
                if account.balance(asset).free + amount < 0:
                    raise VenueError(-3041, f"Balance is not enough: {asset} was spent since")
            for asset, amount in back.items():
                account.balance(asset).free += amount
                changes.balances[account.id, asset] = account
            changes.fills.append(replace(fill, busted=True))
            changes.give(Other.FEES, fill.commission_asset, -fill.commission)
            for asset, amount in moves.items():
                changes.give(Other.MARKET, asset, -amount)
            order.executed -= fill.quantity
            order.executed_quote -= fill.quote
            order.update_ms = now_ms
            if order.status is Status.FILLED:
                order.status = Status.CANCELED
            self._booking.report(order, "TRADE_BUST", now_ms)
        return order

    def place_by_hand(self, account: Account, new: NewOrder, *, now_ms: int) -> Order:
        """An order that a human sends from the venue's web page."""
        named = replace(new, client_order_id=f"web_{secrets.token_hex(16)}")
        return self._engine.place(account, named, now_ms=now_ms)[0]

    def cancel_by_hand(self, account: Account, order_id: int, *, now_ms: int) -> Order:
        """Raises -2010 for an order that is not open."""
        order = account.open_orders.get(order_id)
        if order is None:
            raise rejected(f"account {account.id} has no open order {order_id}")
        self._engine.cancel(order, now_ms=now_ms, cancel_id=f"web_{secrets.token_hex(16)}")
        return order


def price_of(order: Order, *, last_price: int) -> int:
    """The price at which an order is filled by hand when none is given."""
    return order.price if order.type is not OrderType.MARKET and order.price else last_price

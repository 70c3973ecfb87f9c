"""Everything about customers on the futures side: engine, conditional orders, ledger, faults, put together."""

import os
import sqlite3

import structlog

from marketdata.simulator.errors import VenueError, rejected
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.market import PublicTrade
from marketdata.simulator.numbers import UNIT, times
from marketdata.simulator.order_view import OrderView
from marketdata.simulator.orders import OrderType, Side, Status, TimeInForce
from marketdata.simulator.public_side import PublicSide
from marketdata.simulator.usdm.algos import Algos
from marketdata.simulator.usdm.engine import FuturesEngine
from marketdata.simulator.usdm.ledger import FuturesChanges, FuturesLedger
from marketdata.simulator.usdm.orders import AlgoOrder, FuturesFill, FuturesOrder, Trader
from marketdata.simulator.usdm.requests import plain_order

log = structlog.get_logger()

# Of USDT, for the demo account.
WELCOME = 100_000 * UNIT


class FuturesVenue:
    """The futures market's customers. `side` is its public face."""

    def __init__(self, side: PublicSide, database: sqlite3.Connection) -> None:
        self.side = side
        self.ledger = FuturesLedger(database)
        self.view: OrderView[FuturesOrder] = OrderView(side.faults)
        self.engine = FuturesEngine(
            side.markets, self.ledger.traders(), next_ids=self.ledger.next_id, commit=self._commit
        )
        self.engine.extra_of = self._overfill
        self.algos = Algos(self.engine, self._plain)
        self._next_algo_id = self.ledger.next_id("usdm_algo")

    @property
    def now_ms(self) -> int:
        return self.side.clock.now_ms()

    def next_algo_id(self) -> int:
        self._next_algo_id += 1
        return self._next_algo_id - 1

    def mark(self, symbol: str) -> int:
        """Positions are valued at the last price."""
        return self.side.markets[symbol].last_price

    def _commit(self, changes: FuturesChanges) -> None:
        try:
            self.ledger.commit(changes)
        except sqlite3.Error as error:
            # As on the spot side: memory is ahead of the books, so the next start goes on from what was committed.
            log.critical("ledger.write_failed", error=str(error))
            os._exit(1)
        self.view.note(changes.orders.values())
        for account_id, event in changes.events:
            self.side.hub.publish_private(account_id, event)

    # The public market

    def waits_in(self, symbol: str) -> bool:
        """Whether anybody has something to be filled or triggered by this market."""
        return bool(self.engine.books[symbol]) or self.algos.is_any

    def public_trade(self, symbol: str, trade: PublicTrade) -> None:
        self.engine.public_trade(
            symbol,
            price=trade.price,
            quantity=trade.quantity,
            buyer_is_maker=trade.buyer_is_maker,
            now_ms=trade.time_ms,
        )
        self.algos.public_trade(symbol, price=trade.price, now_ms=trade.time_ms)

    def public_quote(self, symbol: str, *, now_ms: int) -> None:
        self.engine.public_quote(symbol, now_ms=now_ms)

    # Judging

    def judge(self, trader: Trader, order: FuturesOrder) -> None:
        """Raises VenueError where an order may not be placed."""
        if any(
            o.client_order_id == order.client_order_id and o.symbol == order.symbol for o in trader.open_orders.values()
        ):
            raise VenueError(-4116, "ClientOrderId is duplicated.")
        spec = self.side.rules(order.symbol)
        price = order.price or self.mark(order.symbol)
        if not order.reduce_only and times(price, order.quantity) < spec.min_notional:
            least = spec.min_notional // UNIT
            raise VenueError(
                -4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only)."
            )
        position = trader.position(order.symbol)
        against = position.amount * (1 if order.side is Side.SELL else -1)
        if order.reduce_only:
            if against <= 0:
                raise VenueError(-2022, "ReduceOnly Order is rejected.")
            return
        opening = max(0, order.quantity - max(0, against))
        if times(price, opening) // position.leverage > self.engine.available(trader, spec.quote):
            raise VenueError(-2019, "Margin is insufficient.")

    def _plain(self, algo: AlgoOrder, now_ms: int) -> FuturesOrder | None:
        position = self.engine.trader(algo.account_id).position(algo.symbol)
        quantity = abs(position.amount) if algo.close_position else algo.quantity
        against = position.amount * (1 if algo.side is Side.SELL else -1)
        if not quantity or (algo.reduce_only and against <= 0):
            return None
        return plain_order(
            account_id=algo.account_id,
            number=self.engine.next_id("usdm_order"),
            symbol=algo.symbol,
            client_id=algo.client_id,
            side=algo.side,
            kind=OrderType.LIMIT if algo.type.has_price else OrderType.MARKET,
            tif=TimeInForce(algo.time_in_force),
            price=algo.price,
            quantity=quantity,
            reduce_only=algo.reduce_only,
            now_ms=now_ms,
            original=algo.type.value,
            algo_id=algo.id,
            close_position=algo.close_position,
        )

    # Faults

    def before_cancel(self, order: FuturesOrder) -> None:
        """The race of a fill against the cancel, while that fault is on."""
        race = self.side.faults.strike(Fault.RACE_FILL) if order.is_open else None
        if race is not None:
            step = self.side.markets[order.symbol].spec.step
            quantity = min(order.remaining, max(step, round(order.remaining * race.rate) // step * step))
            self.engine.fill(order, order.price, quantity, maker=True, now_ms=self.now_ms)

    def _overfill(self, order: FuturesOrder) -> int:
        over = self.side.faults.strike(Fault.OVERFILL)
        step = self.side.markets[order.symbol].spec.step
        return max(step, round(order.quantity * (over.factor - 1)) // step * step) if over else 0

    # The operator's hand

    def welcome(self, account_id: int) -> None:
        """Give a new customer money to begin with."""
        trader = self.engine.trader(account_id)
        if not trader.wallets:
            self.transfer(trader, "USDT", WELCOME)

    def transfer(self, trader: Trader, asset: str, amount: int) -> None:
        """Money from outside, or to it."""
        if trader.wallets.get(asset, 0) + amount < 0:
            raise VenueError(-3041, "Balance is not enough")
        with self.engine.operation():
            self.engine.move(trader, asset, amount, kind="TRANSFER", symbol="", now_ms=self.now_ms)
            self.engine.tell(
                trader, "DEPOSIT" if amount > 0 else "WITHDRAW", asset, [], now_ms=self.now_ms, change=amount
            )

    def pay_funding(self, symbol: str, rate: int) -> int:
        """Charge or pay everybody with a position; `rate` in units of 1e-8. Gives how many."""
        asset, now_ms = self.side.markets[symbol].spec.quote, self.now_ms
        holders = [trader for trader in self.engine.traders.values() if trader.position(symbol).amount]
        for trader in holders:
            amount = -(trader.position(symbol).amount * self.mark(symbol) // UNIT) * rate // UNIT
            with self.engine.operation():
                self.engine.move(trader, asset, amount, kind="FUNDING_FEE", symbol=symbol, now_ms=now_ms)
                self.engine.tell(trader, "FUNDING_FEE", asset, [], now_ms=now_ms, change=amount)
        return len(holders)

    def liquidate(self, trader: Trader, symbol: str) -> FuturesOrder:
        """Cancel what is open and close the position at the market. Raises -2010 where there is none."""
        position = trader.position(symbol)
        if not position.amount:
            raise rejected(f"account {trader.id} has no position in {symbol}")
        self.cancel_all(trader, symbol)
        return self.place_by_hand(
            trader,
            symbol,
            side=Side.SELL if position.amount > 0 else Side.BUY,
            quantity=abs(position.amount),
            client_id=f"autoclose-{self.now_ms}",
            reduce_only=True,
        )

    def place_by_hand(
        self,
        trader: Trader,
        symbol: str,
        *,
        side: Side,
        quantity: int,
        client_id: str,
        price: int = 0,
        reduce_only: bool = False,
    ) -> FuturesOrder:
        order = plain_order(
            account_id=trader.id,
            number=self.engine.next_id("usdm_order"),
            symbol=symbol,
            client_id=client_id,
            side=side,
            kind=OrderType.LIMIT if price else OrderType.MARKET,
            tif=TimeInForce.GTC,
            price=price,
            quantity=quantity,
            reduce_only=reduce_only,
            now_ms=self.now_ms,
        )
        self.engine.place(order, now_ms=self.now_ms)
        return order

    def cancel_all(self, trader: Trader, symbol: str) -> None:
        for order in [order for order in trader.open_orders.values() if order.symbol == symbol]:
            self.before_cancel(order)
            if order.is_open:
                self.cancel(order)

    def cancel(self, order: FuturesOrder) -> None:
        self.engine.finish(order, Status.CANCELED, self.now_ms)

    def fills(self, trader: Trader, symbol: str) -> list[FuturesFill]:
        return self.view.fills(self.ledger.fills(trader.id, symbol), now_ms=self.now_ms)

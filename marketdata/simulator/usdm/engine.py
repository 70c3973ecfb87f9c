"""Matching and bookkeeping of the USD-M futures: orders against the public market, one-way positions, cross margin."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from marketdata.simulator.errors import VenueError
from marketdata.simulator.liquidity import Liquidity
from marketdata.simulator.market import Market
from marketdata.simulator.numbers import times
from marketdata.simulator.orders import OrderType, Side, Status, TimeInForce
from marketdata.simulator.resting import reaches
from marketdata.simulator.usdm import private_messages as words
from marketdata.simulator.usdm.ledger import FuturesChanges
from marketdata.simulator.usdm.orders import FuturesFill, FuturesOrder, Income, Position, Trader
from marketdata.simulator.user_book import UserBook

MAKER_BPS, TAKER_BPS = 2, 5


class FuturesEngine:
    """Everybody's futures orders and positions. Customers trade with the public market only, not with each other."""

    def __init__(
        self,
        markets: Mapping[str, Market],
        traders: dict[int, Trader],
        *,
        next_ids: Callable[[str], int],
        commit: Callable[[FuturesChanges], None],
    ) -> None:
        self.markets = markets
        self.traders = traders
        self._ids = {name: next_ids(name) for name in ("usdm_order", "usdm_fill", "usdm_income")}
        self._commit = commit
        self._liquidity = {symbol: Liquidity(market) for symbol, market in markets.items()}
        self.books: dict[str, UserBook[FuturesOrder]] = {symbol: UserBook() for symbol in markets}
        self.changes = FuturesChanges()
        self._is_inside = False
        # How much more than it asked for an order is filled: nothing, but for a fault.
        self.extra_of: Callable[[FuturesOrder], int] = lambda order: 0
        for trader in traders.values():
            for order in trader.open_orders.values():
                if order.symbol in self.books:
                    self.books[order.symbol].rest(order)

    def next_id(self, table: str) -> int:
        number = self._ids[table]
        self._ids[table] += 1
        return number

    def trader(self, account_id: int) -> Trader:
        return self.traders.setdefault(account_id, Trader(account_id))

    @contextmanager
    def operation(self) -> Iterator[FuturesChanges]:
        """Collect what an operation changes and commit it together; nested ones are part of the outermost."""
        if self._is_inside:
            yield self.changes
            return
        self._is_inside = True
        try:
            yield self.changes
            changes = self.changes
            if changes.orders or changes.wallets or changes.algos or changes.positions:
                self._commit(changes)
        finally:
            self._is_inside, self.changes = False, FuturesChanges()

    # Money

    def move(
        self, trader: Trader, asset: str, amount: int, *, kind: str, symbol: str, now_ms: int, trade_id: int = 0
    ) -> None:
        """Change a wallet and write down why."""
        if not amount:
            return
        trader.wallets[asset] = trader.wallets.get(asset, 0) + amount
        self.changes.wallets[trader.id, asset] = trader.wallets[asset]
        self.changes.incomes.append(
            Income(
                id=self.next_id("usdm_income"), account_id=trader.id, symbol=symbol, kind=kind, asset=asset,
                amount=amount, time_ms=now_ms, trade_id=trade_id,
            )
        )  # fmt: skip

    def tell(
        self, trader: Trader, reason: str, asset: str, positions: list[Position], *, now_ms: int, change: int = 0
    ) -> None:
        """The event about wallets and positions."""
        marks = {position.symbol: self.markets[position.symbol].last_price for position in positions}
        wallets = {asset: trader.wallets.get(asset, 0)}
        event = words.account_event(reason, wallets, positions, marks=marks, change=change, now_ms=now_ms)
        self.changes.events.append((trader.id, event))

    def open_margin(self, trader: Trader, symbol: str) -> int:
        """What the open orders of a symbol may need."""
        leverage = trader.position(symbol).leverage
        orders = [order for order in trader.open_orders.values() if order.symbol == symbol and not order.reduce_only]
        return sum(times(order.price, order.remaining) for order in orders) // leverage

    def available(self, trader: Trader, asset: str) -> int:
        """What is left of a wallet for new positions."""
        free = trader.wallets.get(asset, 0)
        for symbol, market in self.markets.items():
            if market.spec.quote == asset:
                position = trader.position(symbol)
                held = abs(position.amount) * market.last_price // 10**8 // position.leverage
                free += min(0, position.worth(market.last_price)) - held - self.open_margin(trader, symbol)
        return free

    # Orders

    def place(self, order: FuturesOrder, *, now_ms: int) -> None:
        """Match an order that was judged. Raises VenueError where it may not stand."""
        liquidity = self._liquidity[order.symbol]
        limit = order.price if order.type is OrderType.LIMIT else None
        offers = list(liquidity.offered_to(order.side, limit=limit))
        if order.time_in_force is TimeInForce.GTX and offers:
            raise VenueError(
                -5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."
            )
        if order.time_in_force is TimeInForce.FOK and sum(size for _, size in offers) < order.quantity:
            raise VenueError(
                -5021, "Due to the order could not be filled immediately, the FOK order has been rejected."
            )
        with self.operation():
            trader = self.trader(order.account_id)
            trader.open_orders[order.id] = order
            self.report(order, "NEW", now_ms)
            for price, size in offers:
                quantity = min(size, self._fillable(order))
                if quantity <= 0:
                    break
                liquidity.take(order.side, price, quantity)
                self.fill(order, price, quantity, maker=False, now_ms=now_ms)
            if not order.is_open:
                return
            if order.type is OrderType.MARKET or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
                self.finish(order, Status.EXPIRED, now_ms)
            else:
                order.queue_ahead = liquidity.size_at(order.side, order.price)
                self.books[order.symbol].rest(order)

    def _fillable(self, order: FuturesOrder) -> int:
        """What may trade of it: of a reduce-only order no more than the position."""
        if not order.reduce_only:
            return order.remaining
        amount = self.trader(order.account_id).position(order.symbol).amount
        return min(order.remaining, max(0, -amount if order.side is Side.BUY else amount))

    def fill(
        self, order: FuturesOrder, price: int, quantity: int, *, maker: bool, now_ms: int, over: bool = False
    ) -> FuturesFill:
        """Book one execution; `over` is more than the order asked for."""
        with self.operation() as changes:
            trader = self.trader(order.account_id)
            position = trader.position(order.symbol)
            asset = self.markets[order.symbol].spec.quote
            value = times(price, quantity)
            realized = position.trade(order.side, price, quantity)
            position.update_ms = order.update_ms = now_ms
            changes.positions[trader.id, order.symbol] = position
            executed = FuturesFill(
                id=self.next_id("usdm_fill"), order_id=order.id, account_id=trader.id, symbol=order.symbol, price=price,
                quantity=quantity, quote=value, commission=value * (MAKER_BPS if maker else TAKER_BPS) // 10_000,
                commission_asset=asset, is_buyer=order.side is Side.BUY, is_maker=maker, time_ms=now_ms, realized=realized,
            )  # fmt: skip
            changes.fills.append(executed)
            self.move(
                trader, asset, realized, kind="REALIZED_PNL", symbol=order.symbol, now_ms=now_ms, trade_id=executed.id
            )
            self.move(
                trader,
                asset,
                -executed.commission,
                kind="COMMISSION",
                symbol=order.symbol,
                now_ms=now_ms,
                trade_id=executed.id,
            )
            order.executed += quantity
            order.executed_quote += value
            order.status = Status.FILLED if order.remaining <= 0 else Status.PARTIALLY_FILLED
            if not order.is_open:
                self._close(order)
            self.report(order, "TRADE", now_ms, executed)
            self.tell(trader, "ORDER", asset, [position], now_ms=now_ms)
            extra = 0 if over or order.is_open else self.extra_of(order)
            if extra:
                self.fill(order, price, extra, maker=maker, now_ms=now_ms, over=True)
        return executed

    def finish(self, order: FuturesOrder, status: Status, now_ms: int) -> None:
        """End an order that is open."""
        with self.operation():
            order.status, order.update_ms = status, now_ms
            self._close(order)
            self.report(order, status.value, now_ms)

    def _close(self, order: FuturesOrder) -> None:
        self.trader(order.account_id).open_orders.pop(order.id, None)
        self.books[order.symbol].remove(order)

    def report(self, order: FuturesOrder, execution: str, now_ms: int, executed: FuturesFill | None = None) -> None:
        self.changes.orders[order.id] = order
        self.changes.events.append((order.account_id, words.order_event(order, execution, now_ms, executed)))

    # The public market

    def public_trade(self, symbol: str, *, price: int, quantity: int, buyer_is_maker: bool, now_ms: int) -> None:
        """A print on the tape fills what rests at its price or beyond."""
        book = self.books[symbol]
        if not book:
            return
        side = Side.BUY if buyer_is_maker else Side.SELL
        with self.operation():
            for order in book.orders(side):
                traded, quantity = reaches(order, price, quantity)
                if traded <= 0:
                    break
                self._fill_resting(order, traded, now_ms)

    def public_quote(self, symbol: str, *, now_ms: int) -> None:
        """The public book moved: resting orders it crosses are filled at their own price."""
        book, best = self.books[symbol], self.markets[symbol].best()
        if not book or best is None:
            return
        with self.operation():
            for side, top in ((Side.BUY, best.ask), (Side.SELL, best.bid)):
                for order in book.orders(side):
                    if order.price < top if side is Side.BUY else order.price > top:
                        break
                    self._fill_resting(order, order.remaining, now_ms)

    def _fill_resting(self, order: FuturesOrder, quantity: int, now_ms: int) -> None:
        traded = min(quantity, self._fillable(order))
        if traded > 0:
            self.fill(order, order.price, traded, maker=True, now_ms=now_ms)
        if order.is_open and order.reduce_only and not self._fillable(order):
            self.finish(order, Status.EXPIRED, now_ms)

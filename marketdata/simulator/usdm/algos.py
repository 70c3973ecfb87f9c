"""Conditional orders of the futures: they wait for a price, and then send a plain order."""

from collections.abc import Callable

from marketdata.simulator.errors import VenueError
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.orders import Side
from marketdata.simulator.usdm import private_messages as words
from marketdata.simulator.usdm.engine import FuturesEngine
from marketdata.simulator.usdm.orders import AlgoOrder, AlgoType, FuturesOrder


class Algos:
    """Everybody's conditional orders. `plain` makes the order that a triggered one sends, None for nothing to close."""

    def __init__(self, engine: FuturesEngine, plain: Callable[[AlgoOrder, int], FuturesOrder | None]) -> None:
        self._engine = engine
        self._plain = plain

    def place(self, algo: AlgoOrder, *, now_ms: int) -> None:
        """Raises -2021 for one that would trigger at once."""
        last = self._engine.markets[algo.symbol].last_price
        if algo.type is AlgoType.TRAILING_STOP_MARKET:
            algo.best_price = 0 if algo.activate_price else last
        elif _is_reached(algo, last):
            raise VenueError(-2021, "Order would immediately trigger.")
        self._engine.trader(algo.account_id).algos[algo.id] = algo
        self._save(algo, now_ms)

    def end(self, algo: AlgoOrder, status: str, *, now_ms: int) -> None:
        algo.status, algo.update_ms = status, now_ms
        self._engine.trader(algo.account_id).algos.pop(algo.id, None)
        self._save(algo, now_ms)

    def _save(self, algo: AlgoOrder, now_ms: int) -> None:
        with self._engine.operation() as changes:
            changes.algos[algo.id] = algo
            changes.events.append((algo.account_id, words.algo_event(algo, now_ms)))

    def public_trade(self, symbol: str, *, price: int, now_ms: int) -> None:
        """A trade at this price triggers what waits for it."""
        for trader in self._engine.traders.values():
            for algo in [algo for algo in trader.algos.values() if algo.symbol == symbol]:
                before = algo.best_price
                if _is_reached(algo, price):
                    self._trigger(algo, now_ms)
                elif algo.best_price != before:
                    with self._engine.operation() as changes:
                        changes.algos[algo.id] = algo

    def _trigger(self, algo: AlgoOrder, now_ms: int) -> None:
        order = self._plain(algo, now_ms)
        if order is None:
            self.end(algo, "EXPIRED", now_ms=now_ms)
            return
        algo.order_id = order.id
        self.end(algo, "TRIGGERED", now_ms=now_ms)
        try:
            self._engine.place(order, now_ms=now_ms)
        except VenueError:
            self.end(algo, "REJECTED", now_ms=now_ms)
            return
        algo.status = "FINISHED"
        self._save(algo, now_ms)

    @property
    def is_any(self) -> bool:
        return any(trader.algos for trader in self._engine.traders.values())


def _is_reached(algo: AlgoOrder, price: int) -> bool:
    if algo.type is AlgoType.TRAILING_STOP_MARKET:
        return _is_trailed(algo, price)
    above = (algo.side is Side.BUY) == algo.type.startswith("STOP")
    return price >= algo.trigger_price if above else price <= algo.trigger_price


def _is_trailed(algo: AlgoOrder, price: int) -> bool:
    """Whether it came back from its best price by the callback rate; the best price moves on the way."""
    sells = algo.side is Side.SELL
    if not algo.best_price:
        if price < algo.activate_price if sells else price > algo.activate_price:
            return False
        algo.best_price = price
    algo.best_price = max(algo.best_price, price) if sells else min(algo.best_price, price)
    rate = algo.callback_rate
    if sells:
        return price * 100 * UNIT <= algo.best_price * (100 * UNIT - rate)
    return price * 100 * UNIT >= algo.best_price * (100 * UNIT + rate)

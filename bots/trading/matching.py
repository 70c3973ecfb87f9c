"""Paper fills against the live book: deterministic, in exact decimals.

A market order is an immediate-or-cancel limit at its collar: it walks the levels on offer and the rest expires. A limit
order takes what it crosses, then rests behind the size displayed at its price; prints at its price eat that queue first, prints through its price fill it.
An order matches against the first book or quote received at or after `decided_at_ns` + latency. Size taken is gone until the next
book. Fees as on Binance: a buyer pays in base, a seller in quote.
"""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from bots.trading.money import ZERO, floor_to, from_float, multiply
from bots.trading.paperbook import PaperBook
from bots.trading.records import SubmittedOrder, VenueFill, VenueReport
from bots.trading.vocabulary import OrderState, OrderType, Side
from marketdata.events import BookSnapshot, QuoteTick, TradeTick

MATCH_WINDOW_NS = 2_000_000_000
BPS = Decimal(10_000)


class PaperFees(Struct, frozen=True, kw_only=True):
    """What fills cost, in basis points of what is received."""

    maker_bps: Decimal
    taker_bps: Decimal


class PaperOrder(Struct, kw_only=True):
    """An order that the matcher holds."""

    order: SubmittedOrder
    fees: PaperFees
    due_ns: int
    remaining: Decimal
    fills: int = 0
    resting: bool = False
    queue_ahead: Decimal = ZERO

    @property
    def side(self) -> Side:
        return self.order.plan.side


class PaperMatcher:
    """The paper venue of one exchange: books of its symbols, and the orders that wait or rest there."""

    def __init__(self) -> None:
        self._books: dict[str, PaperBook] = {}
        self._orders: dict[UUID, PaperOrder] = {}
        self._by_symbol: dict[str, list[UUID]] = {}

    @property
    def live_orders(self) -> tuple[UUID, ...]:
        return tuple(self._orders)

    def submit(self, order: SubmittedOrder, now_ns: int, *, fees: PaperFees, latency_ns: int = 0) -> list[VenueReport]:
        """Take an order. Without latency and with a book it is matched at once. Raises ValueError for one already held."""
        if order.order_id in self._orders:
            raise ValueError(f"order {order.order_id.hex} was submitted before")
        held = PaperOrder(
            order=order,
            fees=fees,
            due_ns=order.plan.decided_at_ns + latency_ns,
            remaining=order.plan.quantity,
        )
        self._hold(held)
        book = self._books.get(order.plan.rules.symbol)
        if held.due_ns <= now_ns and book is not None and book.is_two_sided:
            return [self._arrive(held, book, now_ns)]
        return []

    def rest(self, order: SubmittedOrder, *, fees: PaperFees, filled: Decimal, fills: int) -> None:
        """Put back a limit order that rested before a restart, behind the whole queue of its price."""
        held = PaperOrder(
            order=order,
            fees=fees,
            due_ns=order.plan.decided_at_ns,
            remaining=order.plan.quantity - filled,
            fills=fills,
            resting=True,
        )
        book = self._books.get(order.plan.rules.symbol)
        held.queue_ahead = book.displayed(held.side, order.plan.limit_price) if book else ZERO
        self._hold(held)

    def cancel(self, order_id: UUID, now_ns: int) -> list[VenueReport]:
        """Cancel what is left of an order. Nothing for one that is not held: its end has been reported."""
        held = self._orders.get(order_id)
        if held is None:
            return []
        self._drop(held)
        return [_report(held, OrderState.CANCELED, (), now_ns, "cancelled on request")]

    def forget(self, bot_id: int) -> None:
        """Drop a bot's orders without a report: another engine answers for them now."""
        for held in [held for held in self._orders.values() if held.order.plan.bot_id == bot_id]:
            self._drop(held)

    def on_event(self, event: QuoteTick | TradeTick | BookSnapshot, now_ns: int) -> list[VenueReport]:
        """Take market data: due orders match, resting ones may fill."""
        if isinstance(event, TradeTick):
            return self._on_trade(event, now_ns)
        book = self._books.get(event.symbol)
        if book is None:
            book = self._books[event.symbol] = PaperBook()
        if isinstance(event, BookSnapshot):
            book.replace(event)
        else:
            book.quote(event)
        waiting = self._by_symbol.get(event.symbol)
        if not waiting or not book.is_two_sided:
            return []
        reports = []
        for order_id in tuple(waiting):
            held = self._orders[order_id]
            if held.resting:
                reports += self._touch(held, book, now_ns)
            elif event.ts_init >= held.due_ns:
                reports.append(self._arrive(held, book, event.ts_init))
        return reports

    def on_time(self, now_ns: int) -> list[VenueReport]:
        """Expire orders that found no market within the window after they were due."""
        late = [held for held in self._orders.values() if not held.resting and now_ns > held.due_ns + MATCH_WINDOW_NS]
        return [self._expire(held, now_ns) for held in late]

    def _arrive(self, held: PaperOrder, book: PaperBook, now_ns: int) -> VenueReport:
        if now_ns > held.due_ns + MATCH_WINDOW_NS:
            return self._expire(held, now_ns)
        plan = held.order.plan
        taken = book.take(plan.side, plan.limit_price, held.remaining, plan.rules.lot_size)
        fills = tuple(self._fill(held, price, size, is_maker=False, now_ns=now_ns) for price, size in taken)
        if not held.remaining:
            self._drop(held)
            return _report(held, OrderState.FILLED, fills, now_ns, "matched")
        if plan.order_type is OrderType.MARKET:
            self._drop(held)
            return _report(held, OrderState.EXPIRED, fills, now_ns, "no more on offer within the collar")
        held.resting = True
        held.queue_ahead = book.displayed(plan.side, plan.limit_price)
        state = OrderState.PARTIAL if fills else OrderState.OPEN
        return _report(held, state, fills, now_ns, "resting")

    def _expire(self, held: PaperOrder, now_ns: int) -> VenueReport:
        self._drop(held)
        return _report(held, OrderState.EXPIRED, (), now_ns, "no market data within 2 s of arrival")

    def _touch(self, held: PaperOrder, book: PaperBook, now_ns: int) -> list[VenueReport]:
        """The market came to a resting order's price, or the queue before it shrank."""
        plan = held.order.plan
        taken = book.take(plan.side, plan.limit_price, held.remaining, plan.rules.lot_size)
        if taken:
            size = sum((size for _, size in taken), ZERO)
            return [self._fill_resting(held, size, now_ns)]
        held.queue_ahead = min(held.queue_ahead, book.displayed(plan.side, plan.limit_price))
        return []

    def _on_trade(self, trade: TradeTick, now_ns: int) -> list[VenueReport]:
        waiting = self._by_symbol.get(trade.symbol)
        if not waiting:
            return []
        resting_side = Side.BUY if trade.buyer_is_maker else Side.SELL
        price, left = from_float(trade.price), from_float(trade.size)
        reports = []
        for order_id in tuple(waiting):
            held = self._orders[order_id]
            plan = held.order.plan
            if not held.resting or plan.side is not resting_side or trade.ts_init < held.due_ns:
                continue
            through = plan.side.sign * (plan.limit_price - price)
            if through < 0:
                continue
            if through == 0:
                eaten = min(left, held.queue_ahead)
                held.queue_ahead -= eaten
                available = left - eaten
            else:
                held.queue_ahead, available = ZERO, left
            size = min(held.remaining, floor_to(available, plan.rules.lot_size))
            if size > 0:
                left -= size
                reports.append(self._fill_resting(held, size, now_ns))
        return reports

    def _fill_resting(self, held: PaperOrder, size: Decimal, now_ns: int) -> VenueReport:
        fill = self._fill(held, held.order.plan.limit_price, size, is_maker=True, now_ns=now_ns)
        if held.remaining:
            return _report(held, OrderState.PARTIAL, (fill,), now_ns, "filled while resting")
        self._drop(held)
        return _report(held, OrderState.FILLED, (fill,), now_ns, "filled while resting")

    def _fill(self, held: PaperOrder, price: Decimal, size: Decimal, *, is_maker: bool, now_ns: int) -> VenueFill:
        held.remaining -= size
        held.fills += 1
        rules = held.order.plan.rules
        bps = held.fees.maker_bps if is_maker else held.fees.taker_bps
        received = size if held.side is Side.BUY else multiply(price, size)
        return VenueFill(
            trade_id=f"{held.order.order_id.hex}-{held.fills}",
            price=price,
            quantity=size,
            fee=multiply(received, bps / BPS),
            fee_asset=rules.base if held.side is Side.BUY else rules.quote,
            is_maker=is_maker,
            ts_event=now_ns,
        )

    def _hold(self, held: PaperOrder) -> None:
        self._orders[held.order.order_id] = held
        self._by_symbol.setdefault(held.order.plan.rules.symbol, []).append(held.order.order_id)

    def _drop(self, held: PaperOrder) -> None:
        del self._orders[held.order.order_id]
        self._by_symbol[held.order.plan.rules.symbol].remove(held.order.order_id)


def _report(held: PaperOrder, state: OrderState, fills: tuple[VenueFill, ...], now_ns: int, text: str) -> VenueReport:
    order = held.order
    return VenueReport(
        order_id=order.order_id,
        state=state,
        fills=fills,
        venue_order_id=f"paper-{order.order_id.hex}",
        error=text if state is OrderState.EXPIRED else "",
        evidence={"venue": "paper", "text": text, "at_ns": now_ns, "remaining": str(held.remaining)},
    )

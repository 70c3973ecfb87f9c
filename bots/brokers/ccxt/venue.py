"""One account at one venue, through ccxt: places once, asks, cancels, and says what each answer proves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog

from bots.brokers.account import VenueAccount
from bots.brokers.ccxt.asking import Asker, Reply
from bots.brokers.ccxt.clock import VenueClock
from bots.brokers.ccxt.dialects import Dialect, FindBy
from bots.brokers.ccxt.finding import find_order
from bots.brokers.ccxt.ids import to_venue
from bots.brokers.ccxt.judge import Verdict
from bots.brokers.ccxt.placing import Placing, Unsendable, placing
from bots.brokers.ccxt.pool import Pool
from bots.brokers.ccxt.reading import Unreadable, to_balances, to_order, to_trade
from bots.brokers.ccxt.records import order_rows, trade_rows
from bots.brokers.ccxt.scope import key_scope
from bots.brokers.ccxt.transport import Call
from bots.brokers.limits import Priority
from bots.brokers.venue import (
    Answer,
    Hearer,
    KeyScope,
    OrderRef,
    Outcome,
    VenueBalance,
    VenueOrder,
    VenueTrade,
    VenueUnavailable,
)
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderState, Purpose

log = structlog.get_logger(__name__)

_Row = TypeVar("_Row", VenueOrder, VenueTrade)

ENDED = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED})


class PrivateStream(Protocol):
    """What is heard of an account. `synced_since_ms` is venue time, None while down."""

    @property
    def synced_since_ms(self) -> int | None: ...

    async def listen(self, hearer: Hearer) -> None: ...

    async def close(self) -> None: ...


class CcxtVenue:
    """Implements `bots.brokers.venue.Venue`."""

    def __init__(
        self,
        account: VenueAccount,
        dialect: Dialect,
        exchange: Any,
        *,
        pool: Pool,
        clock: VenueClock,
        refresh: Callable[[], Awaitable[None]],
        stream: PrivateStream,
    ) -> None:
        self._account = account
        self._dialect = dialect
        self._exchange = exchange
        self._pool = pool
        self._clock = clock
        self._refresh = refresh
        self._stream = stream
        self._asker = Asker(dialect.table, pool.budget, clock)

    async def place(self, order: SubmittedOrder) -> Answer:
        """Send once. A cancelled task leaves the order unknown, as a cut connection does."""
        try:
            wanted = placing(order, self._dialect, self._exchange)
        except Unsendable as error:
            return Answer(outcome=Outcome.NOT_SENT, error=str(error))
        call = Call(
            priority=Priority.EXIT if order.plan.purpose is Purpose.EXIT else Priority.ORDER,
            orders=1,
            sign_ms=order.sign_ts_ms,
            valid_until_ms=order.valid_until_ms,
            once=True,
        )

        async def send() -> tuple[VenueOrder, tuple[VenueTrade, ...]]:
            raw = await self._exchange.create_order(
                wanted.symbol, wanted.type, wanted.side, wanted.amount, wanted.price, wanted.params
            )
            return self._placed(raw, order, wanted)

        reply = await self._asker.ask(call, send, changes=True)
        answer = _answer(reply, not_found=Outcome.UNCLEAR)
        if answer.outcome is Outcome.FOUND and self._dialect.acks_placing:
            return await self._looked_up(answer, order)
        return answer

    async def find(self, ref: OrderRef) -> Answer:
        """FOUND, NOT_FOUND by a typed code or an empty answer to exactly this question, else UNCLEAR."""
        client_id = self._client_id(ref.client_order_id)

        async def ask() -> tuple[VenueOrder | None, tuple[VenueTrade, ...]]:
            raw = await find_order(self._exchange, self._dialect, ref, client_id)
            return (None, ()) if raw is None else (self._matching(raw, ref), ())

        reply = await self._asker.ask(Call(priority=Priority.ORDER), ask)
        if reply.verdict.outcome is None and reply.result[0] is None:
            if self._dialect.find_by is FindBy.LIST:
                return Answer(outcome=Outcome.UNCLEAR, error="not among what the venue lists", raw=reply.raw)
            return Answer(outcome=Outcome.NOT_FOUND, code="empty", raw=reply.raw)
        return _answer(reply, rejected=Outcome.UNCLEAR)

    async def cancel(self, ref: OrderRef) -> Answer:
        venue_order_id = ref.venue_order_id
        if not self._dialect.cancels_by_client_id and not venue_order_id:
            found = await self.find(ref)
            if found.outcome is not Outcome.FOUND or found.order is None or found.order.state in ENDED:
                return found
            venue_order_id = found.order.venue_order_id
        params = {"clientOrderId": self._client_id(ref.client_order_id)}
        by_client_id = self._dialect.cancels_by_client_id and ref.client_order_id

        async def send() -> tuple[VenueOrder | None, tuple[VenueTrade, ...]]:
            raw = await self._exchange.cancel_order(venue_order_id or None, ref.symbol, params if by_client_id else {})
            if self._dialect.acks_cancels:
                return None, ()
            # The answer names the request to cancel as the client's id.
            return self._matching({**raw, "clientOrderId": params["clientOrderId"]}, ref), ()

        reply = await self._asker.ask(Call(priority=Priority.CANCEL), send, changes=True)
        answer = _answer(reply, rejected=Outcome.UNCLEAR)
        if answer.outcome is Outcome.FOUND and answer.order is None:
            found = await self.find(ref)
            answer = found if found.outcome is Outcome.FOUND else Answer(outcome=Outcome.UNCLEAR, raw=answer.raw)
        if answer.order is not None and answer.order.state not in ENDED:
            return Answer(
                outcome=Outcome.UNCLEAR, order=answer.order, error="asked for, and still open", raw=answer.raw
            )
        return answer

    async def open_orders(self) -> Sequence[VenueOrder]:
        async def ask() -> list[VenueOrder]:
            return [self._order(raw) for raw in await self._exchange.fetch_open_orders()]

        found: list[VenueOrder] = await self._asker.question(ask)
        return found

    async def recent_orders(self, symbol: str, *, since_ms: int) -> Sequence[VenueOrder]:
        rows = await order_rows(self._exchange, self._dialect, self._asker, symbol, since_ms, self._clock.now_ms())
        return self._read(lambda: sorted((self._order(row) for row in rows), key=lambda order: order.created_ms))

    async def trades(self, symbol: str, *, since_ms: int) -> Sequence[VenueTrade]:
        rows = await trade_rows(self._exchange, self._dialect, self._asker, symbol, since_ms, self._clock.now_ms())
        market = self._exchange.market(symbol)
        return self._read(
            lambda: sorted((to_trade(row, market) for row in rows), key=lambda trade: trade.fill.ts_event)
        )

    async def balances(self) -> Sequence[VenueBalance]:
        async def ask() -> list[VenueBalance]:
            return to_balances(await self._exchange.fetch_balance())

        found: list[VenueBalance] = await self._asker.question(ask)
        return found

    async def scope(self) -> KeyScope:
        async def ask() -> KeyScope:
            return await key_scope(
                self._exchange, self._dialect, has_sapi=self._account.mode == "live" and not self._account.rest_url
            )

        found: KeyScope = await self._asker.question(ask)
        return found

    async def venue_time_ns(self) -> int:
        return self._clock.now_ns()

    async def listen(self, hearer: Hearer) -> None:
        await self._stream.listen(hearer)

    @property
    def synced_since_ms(self) -> int | None:
        return self._stream.synced_since_ms

    async def refresh_rules(self) -> None:
        """Ask for the venue's markets again: steps change, listings end. Raises VenueUnavailable."""
        await self._refresh()

    async def close(self) -> None:
        await asyncio.gather(self._clock.stop(), self._stream.close(), return_exceptions=True)
        await self._pool.close()

    def _client_id(self, client_order_id: str) -> str:
        """In the venue's form, where it is ours."""
        try:
            return to_venue(UUID(client_order_id), self._dialect.id_form)
        except ValueError:
            return client_order_id

    def _order(self, raw: dict[str, Any]) -> VenueOrder:
        return to_order(raw, (self._exchange.markets or {}).get(raw.get("symbol")))

    def _matching(self, raw: dict[str, Any], ref: OrderRef) -> VenueOrder:
        """Raises Unreadable for another order than the one asked for."""
        order = self._order(raw)
        wrong = [
            name
            for name, told, known in (
                ("client order id", order.client_order_id, ref.client_order_id),
                ("side", order.side, ref.side),
                ("symbol", order.symbol, ref.symbol),
                ("order id", order.venue_order_id, ref.venue_order_id),
            )
            if told and known and told != known
        ]
        if wrong:
            raise Unreadable(f"the venue answered about another order (its {', '.join(wrong)} differ)")
        return order

    def _placed(
        self, raw: dict[str, Any], order: SubmittedOrder, wanted: Placing
    ) -> tuple[VenueOrder, tuple[VenueTrade, ...]]:
        """The answer to placing. Where it only acknowledges, the rest is what was asked for."""
        if self._dialect.acks_placing:
            asked = {
                "symbol": wanted.symbol, "side": wanted.side, "amount": wanted.amount, "price": wanted.price,
                "status": "open", "clientOrderId": wanted.client_order_id, "filled": Decimal(0),
            }  # fmt: skip
            raw = asked | {name: value for name, value in raw.items() if value not in (None, "")}
        plan = order.plan
        ref = OrderRef(symbol=plan.rules.symbol, client_order_id=order.order_id.hex, side=plan.side)
        found = self._matching(raw, ref)
        if found.quantity != plan.quantity:
            raise Unreadable(f"an order of {found.quantity} was made of one of {plan.quantity}")
        market = self._exchange.market(plan.rules.symbol)
        trades = [
            to_trade(
                {"order": raw["id"], "symbol": plan.rules.symbol, "side": wanted.side}
                | {"timestamp": raw.get("timestamp")}
                | {name: value for name, value in trade.items() if value is not None},
                market,
                client_order_id=order.order_id.hex,
            )
            for trade in raw.get("trades") or ()
        ]
        return found, tuple(trades)

    async def _looked_up(self, answer: Answer, order: SubmittedOrder) -> Answer:
        """The venue acknowledged and told no more: what became of it, if that is to be had at once."""
        assert answer.order is not None
        ref = OrderRef(
            symbol=order.plan.rules.symbol,
            client_order_id=order.order_id.hex,
            venue_order_id=answer.order.venue_order_id,
            side=order.plan.side,
        )
        found = await self.find(ref)
        return found if found.outcome is Outcome.FOUND else answer

    @staticmethod
    def _read(work: Callable[[], list[_Row]]) -> list[_Row]:
        """Raises VenueUnavailable for what cannot be read."""
        try:
            return work()
        except Unreadable as error:
            raise VenueUnavailable(f"The venue's answer makes no sense: {error}") from error


def _answer(reply: Reply, *, rejected: Outcome = Outcome.REJECTED, not_found: Outcome = Outcome.NOT_FOUND) -> Answer:
    """`rejected` and `not_found` are what such proofs mean for this kind of question."""
    verdict: Verdict = reply.verdict
    if verdict.outcome is None:
        order, trades = reply.result
        return Answer(outcome=Outcome.FOUND, order=order, trades=trades, raw=reply.raw)
    meaning = {Outcome.REJECTED: rejected, Outcome.NOT_FOUND: not_found}
    return Answer(
        outcome=meaning.get(verdict.outcome, verdict.outcome),
        code=verdict.code,
        error=verdict.error[:500],
        raw=reply.raw,
        retry_after_s=verdict.wait_s,
    )

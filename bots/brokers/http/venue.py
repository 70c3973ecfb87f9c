"""One account at an HTTP broker. What it answers are our own records, so nothing is translated, only checked."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

from bots.brokers.ccxt.asking import Asker, Reply
from bots.brokers.ccxt.clock import VenueClock
from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.ccxt.transport import Call
from bots.brokers.http.client import BrokerClient
from bots.brokers.http.events import EventStream
from bots.brokers.http.records import read
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
from bots.trading.vocabulary import Purpose

MAX_PAGES = 200
_TIMES_IN_FORCE = {"market": "IOC", "limit": "GTC", "post_only": "PO"}

Row = TypeVar("Row", VenueOrder, VenueTrade, VenueBalance)


class HttpVenue:
    """Implements `bots.brokers.venue.Venue`."""

    def __init__(self, client: BrokerClient, *, asker: Asker, clock: VenueClock, stream: EventStream) -> None:
        self._client = client
        self._asker = asker
        self._clock = clock
        self._stream = stream

    async def place(self, order: SubmittedOrder) -> Answer:
        """Send once."""
        plan = order.plan
        time_in_force = _TIMES_IN_FORCE.get(plan.order_type.value)
        if time_in_force is None:
            return Answer(
                outcome=Outcome.NOT_SENT, error=f"Orders of the kind {plan.order_type} are kept by the engine."
            )
        body = {
            "client_order_id": order.order_id.hex,
            "symbol": plan.rules.symbol,
            "side": plan.side,
            "time_in_force": time_in_force,
            "quantity": f"{plan.quantity:f}",
            "limit_price": f"{plan.limit_price:f}",
            "is_exit": plan.purpose is Purpose.EXIT,
            "valid_until_ms": order.valid_until_ms,
        }
        call = Call(
            priority=Priority.EXIT if plan.purpose is Purpose.EXIT else Priority.ORDER,
            orders=1,
            sign_ms=order.sign_ts_ms,
            valid_until_ms=order.valid_until_ms,
        )
        ref = OrderRef(symbol=plan.rules.symbol, client_order_id=order.order_id.hex, side=plan.side)

        async def send() -> Answer:
            found = _order_answer(await self._client.request("POST", "/orders", body=body), ref)
            if found.order is not None and found.order.quantity != plan.quantity:
                raise Unreadable(f"an order of {found.order.quantity} was made of one of {plan.quantity}")
            return found

        return _judged(await self._asker.ask(call, send, changes=True), not_found=Outcome.UNCLEAR)

    async def find(self, ref: OrderRef) -> Answer:
        async def ask() -> Answer:
            path = f"/orders/{ref.client_order_id}"
            return _order_answer(await self._client.request("GET", path, {"symbol": ref.symbol}), ref)

        return _judged(await self._asker.ask(Call(priority=Priority.ORDER), ask), rejected=Outcome.UNCLEAR)

    async def cancel(self, ref: OrderRef) -> Answer:
        async def send() -> Answer:
            path = f"/orders/{ref.client_order_id}"
            return _order_answer(await self._client.request("DELETE", path, {"symbol": ref.symbol}), ref)

        reply = await self._asker.ask(Call(priority=Priority.CANCEL), send, changes=True)
        return _judged(reply, rejected=Outcome.UNCLEAR)

    async def open_orders(self) -> Sequence[VenueOrder]:
        return await self._all("/orders", {"open": "true"}, "orders", VenueOrder)

    async def recent_orders(self, symbol: str, *, since_ms: int) -> Sequence[VenueOrder]:
        return await self._all("/orders", {"symbol": symbol, "since_ms": since_ms}, "orders", VenueOrder)

    async def trades(self, symbol: str, *, since_ms: int) -> Sequence[VenueTrade]:
        return await self._all("/trades", {"symbol": symbol, "since_ms": since_ms}, "trades", VenueTrade)

    async def balances(self) -> Sequence[VenueBalance]:
        return await self._all("/balances", {}, "balances", VenueBalance)

    async def scope(self) -> KeyScope:
        async def ask() -> KeyScope:
            return read(await self._client.request("GET", "/scope"), KeyScope)

        found: KeyScope = await self._asker.question(ask)
        return found

    async def venue_time_ns(self) -> int:
        return self._clock.now_ns()

    async def listen(self, hearer: Hearer) -> None:
        await self._stream.listen(hearer)

    @property
    def synced_since_ms(self) -> int | None:
        return self._stream.synced_since_ms

    async def close(self) -> None:
        await asyncio.gather(self._clock.stop(), return_exceptions=True)
        await self._client.pool.close()

    async def _all(self, path: str, query: dict[str, Any], name: str, kind: type[Row]) -> list[Row]:
        """Every page. Raises VenueUnavailable where one cannot be had or read, and where there is no end to them."""
        rows: list[Row] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            asked = query | ({"cursor": cursor} if cursor else {})
            body: dict[str, Any] = await self._asker.question(partial(self._page, path, asked, name))
            try:
                rows += [read(row, kind) for row in body[name]]
            except Unreadable as error:
                raise VenueUnavailable(f"The broker's {name} make no sense: {error}") from error
            cursor = str(body["next"]) if body.get("next") else None
            if cursor is None:
                return rows
        raise VenueUnavailable(f"The broker's {name} have more than {MAX_PAGES} pages.")

    async def _page(self, path: str, query: dict[str, Any], name: str) -> dict[str, Any]:
        body = await self._client.request("GET", path, query)
        if not isinstance(body.get(name), list):
            raise Unreadable(f"no list of {name}")
        return body


def _order_answer(body: dict[str, Any], ref: OrderRef) -> Answer:
    """Raises Unreadable for no order, or another one."""
    if isinstance(body.get("error"), dict):
        raise Unreadable("an error")
    order = read(body.get("order"), VenueOrder)
    trades = tuple(read(row, VenueTrade) for row in body.get("trades") or ())
    for told, known in (
        (order.client_order_id, ref.client_order_id),
        (order.symbol, ref.symbol),
        (order.side, ref.side or order.side),
    ):
        if told != known:
            raise Unreadable(f"the broker answered about another order ({told} is not {known})")
    return Answer(outcome=Outcome.FOUND, order=order, trades=trades, raw=body)


def _judged(reply: Reply, *, rejected: Outcome = Outcome.REJECTED, not_found: Outcome = Outcome.NOT_FOUND) -> Answer:
    verdict = reply.verdict
    if verdict.outcome is None:
        found: Answer = reply.result
        return found
    outcome = {Outcome.REJECTED: rejected, Outcome.NOT_FOUND: not_found}.get(verdict.outcome, verdict.outcome)
    return Answer(
        outcome=outcome,
        code=verdict.code.removeprefix("refused:"),
        error=verdict.error[:500],
        raw=reply.raw,
        retry_after_s=verdict.wait_s,
    )

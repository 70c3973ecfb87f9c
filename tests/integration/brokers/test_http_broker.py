"""A broker over HTTP, by its documented contract: a small real server that keeps it, and breaks it."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiohttp import web

from bots.brokers.account import VenueAccount
from bots.brokers.budget import LocalBudget
from bots.brokers.connect import connect as connect_any
from bots.brokers.http.connect import connect_http
from bots.brokers.http.venue import HttpVenue
from bots.brokers.venue import OrderRef, Outcome, Venue, VenueOrder, VenueTrade, VenueUnavailable
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderState, OrderType
from tests.integration.brokers.cast import SYMBOL, D, Ear, ref, submitted, until

SECRET = "the secret"
ACCOUNT = VenueAccount(
    account_id=7, exchange="acme", adapter="binance", mode="sandbox", api_key="the key", secret=SECRET, timeout_s=2.0
)


@dataclass(slots=True)
class Broker:
    """Keeps the contract; `instead` answers the next request with something else, after doing it where `executes`."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    posts: int = 0
    instead: web.Response | None = None
    executes: bool = True
    events: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    streams: int = 0
    url: str = ""

    @web.middleware
    async def signed(self, request: web.Request, handler: Any) -> web.StreamResponse:
        text = (await request.read()).decode()
        payload = "\n".join((request.headers["X-Broker-Time"], request.method, request.raw_path, text))
        expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
        assert request.headers["X-Broker-Key"] == "the key"
        if request.headers["X-Broker-Signature"] != expected:
            return refusal("bad_signature")
        if request.method == "POST":
            self.posts += 1
        if self.instead is not None and "/orders" in request.path:
            if self.executes:
                await handler(request)
            answer, self.instead = self.instead, None
            return answer
        found: web.StreamResponse = await handler(request)
        return found

    async def time(self, request: web.Request) -> web.Response:
        return answered({"time_ms": time.time_ns() // 1_000_000})

    async def place(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read())
        name = wanted["client_order_id"]
        if name in self.orders:
            return refusal("duplicate_order")
        is_filled = wanted["time_in_force"] == "IOC"
        self.orders[name] = {
            "venue_order_id": str(len(self.orders) + 1), "client_order_id": name, "symbol": wanted["symbol"],
            "side": wanted["side"], "state": "filled" if is_filled else "open", "quantity": wanted["quantity"],
            "filled": wanted["quantity"] if is_filled else "0", "limit_price": wanted["limit_price"],
        }  # fmt: skip
        mine = []
        if is_filled:
            fill = {
                "trade_id": str(len(self.trades) + 1), "price": wanted["limit_price"], "quantity": wanted["quantity"],
                "fee": "0", "fee_asset": "USDT", "is_maker": False, "ts_event": 1,
            }  # fmt: skip
            mine.append(
                {part: self.orders[name][part] for part in ("venue_order_id", "symbol", "side")} | {"fill": fill}
            )
            self.trades += mine
        return answered({"order": self.orders[name], "trades": mine})

    async def one(self, request: web.Request) -> web.Response:
        order = self.orders.get(request.match_info["name"])
        if order is None or (request.method == "DELETE" and order["state"] != "open"):
            return web.json_response({"error": {"code": "unknown_order", "message": ""}}, status=404)
        if request.method == "DELETE":
            order["state"] = "canceled"
        return answered({"order": order})

    async def listed(self, request: web.Request) -> web.Response:
        is_open = request.query.get("open") == "true"
        return answered({"orders": [row for row in self.orders.values() if not is_open or row["state"] == "open"]})

    async def traded(self, request: web.Request) -> web.Response:
        begun = int(request.query.get("cursor", "0"))
        following = str(begun + 2) if begun + 2 < len(self.trades) else None
        return answered({"trades": self.trades[begun : begun + 2], "next": following})

    async def held(self, request: web.Request) -> web.Response:
        return answered({"balances": [{"asset": "USDT", "total": "100", "free": "90.5"}]})

    async def scope(self, request: web.Request) -> web.Response:
        return answered({"can_trade": True, "can_withdraw": False})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        # Of this connection: one that was given up must not take what the next is to say.
        mine = self.events = asyncio.Queue()
        self.streams += 1
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"synced": true}\n')
        while True:
            line = await mine.get()
            if not line:
                return response
            await response.write(line + b"\n")


def answered(body: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def refusal(code: str, *, status: int = 400, **more: object) -> web.Response:
    error = {"code": code, "message": "no", "happened": False} | more
    return web.json_response({"error": error}, status=status)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    found = Broker()
    app = web.Application(middlewares=[found.signed])
    base = "/v1/acme/sandbox"
    app.router.add_get(base + "/time", found.time)
    app.router.add_post(base + "/orders", found.place)
    app.router.add_get(base + "/orders", found.listed)
    app.router.add_route("*", base + "/orders/{name}", found.one)
    app.router.add_get(base + "/trades", found.traded)
    app.router.add_get(base + "/balances", found.held)
    app.router.add_get(base + "/scope", found.scope)
    app.router.add_get(base + "/events", found.stream)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    found.events.put_nowait(b"")
    await runner.cleanup()


@pytest.fixture
async def venue(broker: Broker) -> AsyncIterator[Venue]:
    connected = await connect_http(ACCOUNT, broker.url, budget=LocalBudget(()))
    yield connected
    await connected.close()


async def an_order(venue: Venue, **changes: Any) -> SubmittedOrder:
    return submitted(limit_price=D("100.5"), now_ms=await venue.venue_time_ns() // 1_000_000, **changes)


async def test_orders_are_placed_found_and_cancelled(venue: Venue, broker: Broker) -> None:
    bought, rested = await an_order(venue, kind=OrderType.MARKET), await an_order(venue)
    answer = await venue.place(bought)
    assert answer.order is not None
    assert (answer.outcome, answer.order.state, answer.order.filled) == (Outcome.FOUND, OrderState.FILLED, D("0.01"))
    assert [trade.fill.price for trade in answer.trades] == [D("100.5")]
    await venue.place(rested)
    assert [order.client_order_id for order in await venue.open_orders()] == [rested.order_id.hex]
    cancelled = await venue.cancel(ref(rested))
    assert cancelled.order is not None
    assert cancelled.order.state is OrderState.CANCELED
    assert (await venue.cancel(ref(rested))).outcome is Outcome.NOT_FOUND
    assert (await venue.find(ref(rested))).outcome is Outcome.FOUND
    assert (await venue.find(OrderRef(symbol=SYMBOL, client_order_id="0" * 32))).outcome is Outcome.NOT_FOUND
    assert len(await venue.recent_orders(SYMBOL, since_ms=0)) == 2
    assert [(one.asset, one.free) for one in await venue.balances()] == [("USDT", D("90.5"))]
    assert (await venue.scope()).can_withdraw is False


async def test_trades_have_every_page(venue: Venue) -> None:
    for _ in range(5):
        await venue.place(await an_order(venue, kind=OrderType.MARKET))
    assert [trade.fill.trade_id for trade in await venue.trades(SYMBOL, since_ms=0)] == list("12345")


@pytest.mark.parametrize(
    ("instead", "outcome"),
    [
        (lambda: refusal("insufficient_funds"), Outcome.REJECTED),
        (lambda: refusal("too_late"), Outcome.REJECTED),
        (lambda: refusal("slow_down", status=429), Outcome.REJECTED),
        (lambda: refusal("insufficient_funds", status=500), Outcome.UNCLEAR),
        (lambda: refusal("insufficient_funds", happened=None), Outcome.UNCLEAR),
        (lambda: refusal("duplicate_order"), Outcome.UNCLEAR),
        (lambda: web.Response(text="<html>"), Outcome.UNCLEAR),
        (lambda: web.Response(text=""), Outcome.UNCLEAR),
        (lambda: web.json_response([]), Outcome.UNCLEAR),
        (lambda: web.json_response({}), Outcome.UNCLEAR),
        (lambda: web.json_response({"order": {"state": "melted"}}), Outcome.UNCLEAR),
        (lambda: web.Response(status=403, text="no"), Outcome.UNCLEAR),
        (lambda: web.Response(status=302, headers={"Location": "/elsewhere"}), Outcome.UNCLEAR),
    ],
)
async def test_only_what_says_that_nothing_happened_refuses(
    venue: Venue, broker: Broker, instead: Any, outcome: Outcome
) -> None:
    broker.instead = instead()
    broker.executes = outcome is not Outcome.REJECTED
    order = await an_order(venue)
    answer = await venue.place(order)
    assert answer.outcome is outcome, answer
    assert broker.posts == 1
    assert (order.order_id.hex in broker.orders) is broker.executes


async def test_an_order_whose_time_is_over_is_not_sent(venue: Venue, broker: Broker) -> None:
    late = submitted(limit_price=D(1), now_ms=await venue.venue_time_ns() // 1_000_000 - 9_000)
    assert (await venue.place(late)).outcome is Outcome.NOT_SENT
    assert broker.posts == 0


async def test_lists_that_cannot_be_read_are_not_empty(venue: Venue, broker: Broker) -> None:
    for body in ({}, {"orders": None}, {"orders": [{}]}):
        broker.instead = web.json_response(body)
        with pytest.raises(VenueUnavailable):
            await venue.open_orders()


async def test_the_stream_is_heard_and_begins_anew_after_nonsense(venue: Venue, broker: Broker) -> None:
    order = await an_order(venue, kind=OrderType.MARKET)
    answer = await venue.place(order)
    ear = Ear()
    task = asyncio.create_task(venue.listen(ear))
    try:
        await until(lambda: venue.synced_since_ms is not None)
        line = msgspec.json.encode({"trade": broker.trades[0], "order": broker.orders[order.order_id.hex]})
        broker.events.put_nowait(line)
        await until(lambda: len(ear.seen) == 2)
        assert [type(one) for one in ear.seen] == [VenueTrade, VenueOrder]
        assert ear.seen[1] == answer.order
        for nonsense in (b"<html>", b'{"order": {}}', b'{"balance": {"asset": "A", "total": "NaN", "free": "1"}}', b""):
            await begins_anew(venue, broker, nonsense)
        broker.events.put_nowait(line)
        await until(lambda: len(ear.seen) == 4)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def begins_anew(venue: Venue, broker: Broker, nonsense: bytes) -> None:
    before = broker.streams
    broker.events.put_nowait(nonsense)
    await until(lambda: broker.streams > before and venue.synced_since_ms is not None)


async def test_the_setting_chooses_it_for_every_account(broker: Broker, settings: Any) -> None:
    settings.BROKER_API_URL = broker.url
    venue = await connect_any(ACCOUNT)
    assert isinstance(venue, HttpVenue)
    assert (await venue.place(await an_order(venue))).outcome is Outcome.FOUND
    await venue.close()

"""Alice's account at the simulated exchange, as our venue class sees it and as the exchange's own books have it."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from bots.brokers.account import VenueAccount
from bots.brokers.venue import OrderRef, VenueBalance, VenueOrder, VenueTrade
from bots.trading.records import InstrumentRules, OrderPlan, SubmittedOrder
from bots.trading.vocabulary import OrderType, Purpose, Side
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator

D = Decimal
SYMBOL = "BTC/USDT"
WINDOW_MS = 2_000
A_HUNDREDTH = D("0.01")

RULES = InstrumentRules(
    instrument_id=1,
    exchange="simulated",
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    tick_size=D("0.01"),
    lot_size=D("0.00001"),
    min_quantity=D("0.00001"),
    max_quantity=D(100),
    min_notional=D(5),
)


@dataclass(slots=True)
class Alice:
    """An account of her own at the exchange."""

    exchange: Simulator
    http: httpx.Client
    id: int
    key: str
    secret: str
    offer: Decimal | None = None

    @classmethod
    def opened(cls, exchange: Simulator) -> "Alice":
        http = httpx.Client(base_url=exchange.rest_url, timeout=PATIENCE_S)
        wanted = {"name": f"Alice {uuid.uuid4().hex[:8]}", "balances": {"USDT": "100000", "BTC": "1"}}
        row = http.post("/sim/accounts", json=wanted).raise_for_status().json()
        return cls(exchange=exchange, http=http, id=row["id"], key=row["key"], secret=row["secret"])

    def account(self, **changes: Any) -> VenueAccount:
        known: dict[str, Any] = {
            "account_id": 7,
            "exchange": "simulated",
            "adapter": "binance",
            "mode": "sandbox",
            "rest_url": self.exchange.rest_url,
            "ws_url": self.exchange.websocket_url,
            "api_key": self.key,
            "secret": self.secret,
        }
        return VenueAccount(**(known | changes))

    def switch(self, name: str, **settings: object) -> None:
        self.http.post("/sim/faults", json={"name": name, **settings}).raise_for_status()

    def all_faults_off(self) -> None:
        for row in self.http.get("/sim/faults").json():
            if row["on"]:
                self.switch(row["name"], on=False)
        self.http.delete("/sim/limits")

    def truth(self) -> dict[str, Any]:
        ledger: dict[str, Any] = self.http.get(f"/sim/accounts/{self.id}/ledger").raise_for_status().json()
        return ledger

    def orders_made_of(self, order: SubmittedOrder) -> int:
        """How many orders the exchange has of this one, whatever it told."""
        return sum(row["clientOrderId"] == order.order_id.hex for row in self.truth()["orders"])

    def ask(self) -> Decimal:
        """The best offer when it was first asked for: the exchange may not answer later."""
        if self.offer is None:
            self.offer = self._best_offer()
        return self.offer

    def _best_offer(self) -> Decimal:
        book = self.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5}).raise_for_status().json()
        return D(book["asks"][0][0])

    async def order(
        self,
        venue: Any,
        *,
        kind: OrderType = OrderType.LIMIT,
        side: Side = Side.BUY,
        away: str = "0.9",
        quantity: str = "0.01",
        price: Decimal | None = None,
        late_ms: int = 0,
        window_ms: int = WINDOW_MS,
        purpose: Purpose = Purpose.ENTRY,
    ) -> SubmittedOrder:
        """An order that passed the gate `late_ms` ago, its price `away` times the best offer."""
        now_ms = await venue.venue_time_ns() // 1_000_000 - late_ms
        limit_price = price or (self.ask() * D(away)).quantize(D("0.01"))
        return submitted(
            limit_price=limit_price, kind=kind, side=side, quantity=D(quantity), now_ms=now_ms, window_ms=window_ms,
            purpose=purpose,
        )  # fmt: skip


def submitted(
    *,
    limit_price: Decimal,
    kind: OrderType = OrderType.LIMIT,
    side: Side = Side.BUY,
    quantity: Decimal = A_HUNDREDTH,
    now_ms: int,
    window_ms: int = WINDOW_MS,
    purpose: Purpose = Purpose.ENTRY,
    rules: InstrumentRules = RULES,
    order_id: uuid.UUID | None = None,
) -> SubmittedOrder:
    plan = OrderPlan(
        bot_id=1,
        account_id=7,
        rules=rules,
        side=side,
        purpose=purpose,
        order_type=kind,
        quantity=quantity,
        limit_price=limit_price,
        slot=now_ms,
        decided_at_ns=now_ms * 1_000_000,
    )
    return SubmittedOrder(
        order_id=order_id or uuid.uuid4(),
        intent_id=uuid.uuid4(),
        decision_id=uuid.uuid4(),
        plan=plan,
        epoch=1,
        sign_ts_ms=now_ms,
        valid_until_ms=now_ms + window_ms,
    )


def ref(order: SubmittedOrder) -> OrderRef:
    return OrderRef(symbol=order.plan.rules.symbol, client_order_id=order.order_id.hex, side=order.plan.side)


@dataclass(slots=True)
class Ear:
    """Everything heard of an account, in order."""

    seen: list[VenueOrder | VenueTrade | VenueBalance] = field(default_factory=list)

    async def __call__(self, one: VenueOrder | VenueTrade | VenueBalance) -> None:
        self.seen.append(one)

    def of(self, order: SubmittedOrder) -> list[VenueOrder | VenueTrade]:
        return [
            one for one in self.seen if not isinstance(one, VenueBalance) and one.client_order_id == order.order_id.hex
        ]


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.01)

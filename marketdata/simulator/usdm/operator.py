"""The operator's door to the futures: money, funding, liquidations, a human's orders, and the truth."""

import secrets

import msgspec
from aiohttp import web

from marketdata.simulator.numbers import UNIT, fmt, parse
from marketdata.simulator.orders import Side
from marketdata.simulator.usdm import private_messages as words
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.orders import Trader


class Transfer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST …/transfer; a leading minus withdraws."""

    asset: str
    amount: str


class Funding(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /sim/usdm/funding; a positive rate lets longs pay."""

    symbol: str
    rate: float


class OrderByHand(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST …/orders; at the market without a price."""

    symbol: str
    side: Side
    quantity: str
    price: str = ""


class FillByHand(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST …/orders/<order>/fill; all of it without a quantity."""

    quantity: str = ""


class Named(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST …/liquidate."""

    symbol: str


class FuturesDoor:
    """Serves /sim/usdm."""

    def __init__(self, venue: FuturesVenue) -> None:
        self._venue = venue

    def routes(self) -> list[web.AbstractRouteDef]:
        one = "/sim/usdm/accounts/{id:[0-9]+}"
        return [
            web.post("/sim/usdm/funding", self.fund),
            web.get(one + "/ledger", self.ledger),
            web.post(one + "/transfer", self.transfer),
            web.post(one + "/liquidate", self.liquidate),
            web.post(one + "/orders", self.place),
            web.delete(one + "/orders/{order:[0-9]+}", self.cancel),
            web.post(one + "/orders/{order:[0-9]+}/fill", self.fill),
        ]

    def _trader(self, request: web.Request) -> Trader:
        return self._venue.engine.trader(int(request.match_info["id"]))

    async def fund(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=Funding)
        symbol = self._venue.side.market(wanted.symbol.upper()).spec.id
        return _json({"paid": self._venue.pay_funding(symbol, round(wanted.rate * UNIT))})

    async def transfer(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=Transfer)
        sign = -1 if wanted.amount.startswith("-") else 1
        self._venue.transfer(self._trader(request), wanted.asset.upper(), sign * parse(wanted.amount.removeprefix("-")))
        return await self.ledger(request)

    async def liquidate(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=Named)
        symbol = self._venue.side.market(wanted.symbol.upper()).spec.id
        return _json(words.order(self._venue.liquidate(self._trader(request), symbol)))

    async def place(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=OrderByHand)
        order = self._venue.place_by_hand(
            self._trader(request),
            self._venue.side.market(wanted.symbol.upper()).spec.id,
            side=wanted.side,
            quantity=parse(wanted.quantity),
            client_id=f"web_{secrets.token_hex(14)}",
            price=parse(wanted.price) if wanted.price else 0,
        )
        return _json(words.order(order))

    async def cancel(self, request: web.Request) -> web.Response:
        order = self._trader(request).open_orders.get(int(request.match_info["order"]))
        if order is None:
            raise ValueError(f"there is no open order {request.match_info['order']}")
        self._venue.cancel(order)
        return _json(words.order(order))

    async def fill(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read() or b"{}", type=FillByHand)
        order = self._trader(request).open_orders.get(int(request.match_info["order"]))
        if order is None:
            raise ValueError(f"there is no open order {request.match_info['order']}")
        quantity = parse(wanted.quantity) if wanted.quantity else order.remaining
        self._venue.engine.fill(order, order.price, quantity, maker=True, now_ms=self._venue.now_ms)
        return _json(words.order(order))

    async def ledger(self, request: web.Request) -> web.Response:
        """Everything about an account as it is, whatever the faults say; requests are in /sim/accounts/<id>/ledger."""
        trader, ledger = self._trader(request), self._venue.ledger
        return _json(
            {
                "id": trader.id,
                "wallets": {asset: fmt(amount) for asset, amount in trader.wallets.items()},
                "positions": {
                    symbol: {"amount": fmt(position.amount), "cost": fmt(position.cost)}
                    for symbol, position in trader.positions.items()
                },
                "orders": [words.order(order) for order in ledger.orders(trader.id)],
                "algos": [words.algo(algo) for algo in ledger.algos(trader.id)],
                "trades": [words.fill(fill) for fill in ledger.fills(trader.id)],
                "incomes": [words.income(income) for income in ledger.incomes(trader.id)],
            }
        )


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")

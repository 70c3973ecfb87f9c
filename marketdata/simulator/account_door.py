"""The operator's door to accounts, /sim/accounts: money in and out, a human's orders, fills by hand, and the truth."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from marketdata.simulator import private_messages
from marketdata.simulator.intervention import price_of
from marketdata.simulator.numbers import fmt, parse
from marketdata.simulator.orders import Account, Fill, Order
from marketdata.simulator.parameters import new_order
from marketdata.simulator.venue import Venue


class OpenAccount(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /sim/accounts."""

    name: str = ""
    balances: dict[str, str] = {}
    # What it pays fees in; "": what it receives.
    fee_asset: str = ""


class Deposit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /sim/accounts/<id>/deposit; a leading minus withdraws."""

    asset: str
    amount: str


class ChooseFees(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /sim/accounts/<id>/fees."""

    asset: str


class FillByHand(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /sim/accounts/<id>/orders/<order>/fill; all of it without a quantity, at its own price or the last one."""

    quantity: str = ""
    price: str = ""


class AccountDoor:
    """Serves /sim/accounts and /sim/books."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def routes(self) -> list[web.AbstractRouteDef]:
        one = "/sim/accounts/{id:[0-9]+}"
        return [
            web.get("/sim/accounts", self.accounts),
            web.post("/sim/accounts", self.open_account),
            web.get("/sim/books", self.books),
            web.get(one + "/ledger", self.ledger),
            web.post(one + "/deposit", self.deposit),
            web.post(one + "/fees", self.choose_fees),
            web.post(one + "/orders", self.place),
            web.delete(one + "/orders/{order:[0-9]+}", self.cancel),
            web.post(one + "/orders/{order:[0-9]+}/fill", self.fill),
            web.delete(one + "/trades/{trade:[0-9]+}", self.bust),
        ]

    def _account(self, request: web.Request) -> Account:
        account = self._venue.engine.accounts.get(int(request.match_info["id"]))
        if account is None:
            raise ValueError(f"no account {request.match_info['id']}; GET /sim/accounts lists them")
        return account

    async def accounts(self, request: web.Request) -> web.Response:
        return _json([_row(account) for account in self._venue.engine.accounts.values()])

    async def open_account(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read() or b"{}", type=OpenAccount)
        account = self._venue.open_account(wanted.name, wanted.balances)
        if wanted.fee_asset:
            self._venue.ledger.choose_fee_asset(account, wanted.fee_asset.upper())
        return _json(_row(account) | {"secret": account.secret})

    async def deposit(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=Deposit)
        account = self._account(request)
        sign = -1 if wanted.amount.startswith("-") else 1
        amount = sign * parse(wanted.amount.removeprefix("-"))
        asset = wanted.asset.upper()
        self._venue.engine.deposit(account, asset, amount)
        event = private_messages.balance_update(asset, amount, self._venue.clock.now_ms())
        self._venue.hub.publish_private(account.id, event)
        return _json(_row(account))

    async def choose_fees(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=ChooseFees)
        account = self._account(request)
        self._venue.ledger.choose_fee_asset(account, wanted.asset.upper())
        return _json(_row(account))

    async def place(self, request: web.Request) -> web.Response:
        """A human's order: the parameters of POST /api/v3/order, unsigned."""
        params = msgspec.json.decode(await request.read(), type=dict[str, str])
        new = new_order(params, generated_id="by-hand")
        self._venue.market(new.symbol)
        order = self._venue.hand.place_by_hand(self._account(request), new, now_ms=self._venue.clock.now_ms())
        return _json(private_messages.order(order))

    async def cancel(self, request: web.Request) -> web.Response:
        number = int(request.match_info["order"])
        order = self._venue.hand.cancel_by_hand(self._account(request), number, now_ms=self._venue.clock.now_ms())
        return _json(private_messages.order(order))

    async def fill(self, request: web.Request) -> web.Response:
        """Fill an order by hand; more than it asked for is an overfill."""
        wanted = msgspec.json.decode(await request.read() or b"{}", type=FillByHand)
        venue, account, number = self._venue, self._account(request), int(request.match_info["order"])
        order = account.open_orders.get(number) or self._order(account, number)
        price = (
            parse(wanted.price) if wanted.price else price_of(order, last_price=venue.markets[order.symbol].last_price)
        )
        quantity = parse(wanted.quantity) if wanted.quantity else order.remaining
        if quantity <= 0:
            raise ValueError(f"order {number} has nothing left to fill; name a quantity to overfill it")
        fill = venue.hand.fill(order, quantity=quantity, price=price, now_ms=venue.clock.now_ms())
        return _json({"order": private_messages.order(order), "trade": private_messages.fill(fill)})

    def _order(self, account: Account, number: int) -> Order:
        for order in self._venue.ledger.everything(account.id)[0]:
            if order.id == number:
                return order
        raise ValueError(f"account {account.id} has no order {number}")

    async def bust(self, request: web.Request) -> web.Response:
        """Void a trade."""
        account = self._account(request)
        fill = self._venue.ledger.fill(account.id, int(request.match_info["trade"]))
        if fill is None or fill.busted:
            raise ValueError(f"account {account.id} has no trade {request.match_info['trade']} to void")
        order = self._venue.hand.bust(fill, now_ms=self._venue.clock.now_ms())
        return _json(private_messages.order(order))

    async def ledger(self, request: web.Request) -> web.Response:
        """Everything about an account as it is, whatever the faults say: for tests and for comparing books."""
        account = self._account(request)
        orders, fills = self._venue.ledger.everything(account.id)
        return _json(
            _row(account)
            | {
                "orders": [_order(account.open_orders.get(order.id, order)) for order in orders],
                "trades": [_trade(fill) for fill in fills],
                "requests": self._venue.receipts.of(account.id, after=int(request.query.get("after", "0"))),
                "requests_by_client_id": self._venue.receipts.counts(account.id),
            }
        )

    async def books(self, request: web.Request) -> web.Response:
        """Every asset: who has how much of it. The sum is zero, always."""
        rows: dict[str, dict[str, int]] = {}
        for account in self._venue.engine.accounts.values():
            for asset, balance in account.balances.items():
                row = rows.setdefault(asset, {})
                row["customers"] = row.get("customers", 0) + balance.free + balance.locked
        for who, amounts in self._venue.ledger.others().items():
            for asset, amount in amounts.items():
                rows.setdefault(asset, {})[who] = amount
        return _json({asset: _amounts(row) | {"sum": fmt(sum(row.values()))} for asset, row in sorted(rows.items())})


def _amounts(row: Mapping[str, int]) -> dict[str, str]:
    return {name: fmt(amount) for name, amount in row.items()}


def _order(order: Order) -> dict[str, object]:
    return private_messages.order(order) | {"locked": fmt(order.locked)}


def _trade(fill: Fill) -> dict[str, object]:
    return private_messages.fill(fill) | {"busted": fill.busted}


def _row(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "name": account.name,
        "key": account.key,
        "fee_asset": account.fee_asset,
        "balances": {
            asset: {"free": fmt(balance.free), "locked": fmt(balance.locked)}
            for asset, balance in sorted(account.balances.items())
        },
        "open_orders": len(account.open_orders),
    }


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")

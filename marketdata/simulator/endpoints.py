"""The table of requests: weight and security of each, the same over REST and WebSocket."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketdata.simulator import list_endpoints as lists
from marketdata.simulator import private_endpoints as private
from marketdata.simulator import public_endpoints as public
from marketdata.simulator import replace_endpoints as replace
from marketdata.simulator.orders import Account
from marketdata.simulator.parameters import Params
from marketdata.simulator.public_side import PublicSide
from marketdata.simulator.venue import Venue

PublicHandler = Callable[[PublicSide, Params], Awaitable[object]]
PrivateHandler = Callable[[Venue, Params, Account], object]
Weight = int | Callable[[Params], int]


class Kind(StrEnum):
    PUBLIC = "public"
    READ = "read"
    # The key alone is enough: nothing is signed.
    KEY = "key"
    # Placing and cancelling: judged again right before matching, and hit by the faults of order entry.
    TRADE = "trade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request the venue answers."""

    kind: Kind
    weight: Weight
    public: PublicHandler | None = None
    private: PrivateHandler | None = None
    counts_order: bool = False
    # What faults of sending call it: place, cancel, replace or amend.
    action: str = ""

    def weight_of(self, params: Params) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def _public(handler: PublicHandler, weight: Weight) -> Endpoint:
    return Endpoint(kind=Kind.PUBLIC, weight=weight, public=handler)


def _read(handler: PrivateHandler, weight: Weight) -> Endpoint:
    return Endpoint(kind=Kind.READ, weight=weight, private=handler)


def _key(handler: PrivateHandler, weight: Weight) -> Endpoint:
    return Endpoint(kind=Kind.KEY, weight=weight, private=handler)


def _trade(handler: PrivateHandler, weight: Weight, *, action: str, counts_order: bool = False) -> Endpoint:
    return Endpoint(kind=Kind.TRADE, weight=weight, private=handler, action=action, counts_order=counts_order)


def _depth_weight(params: Params) -> int:
    limit = params.get("limit", "100")
    levels = int(limit) if limit.isdigit() else 100
    return 5 if levels <= 100 else 25 if levels <= 500 else 50 if levels <= 1000 else 250


def _by_symbol(one: int, every: int) -> Callable[[Params], int]:
    return lambda params: one if params.get("symbol") else every


REST: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "ping"): _public(public.ping, 1),
    ("GET", "time"): _public(public.server_time, 1),
    ("GET", "exchangeInfo"): _public(public.exchange_info, 20),
    ("GET", "depth"): _public(public.depth, _depth_weight),
    ("GET", "trades"): _public(public.trades, 25),
    ("GET", "historicalTrades"): _public(public.historical_trades, 25),
    ("GET", "aggTrades"): _public(public.aggregate_trades, 4),
    ("GET", "klines"): _public(public.klines, 2),
    ("GET", "uiKlines"): _public(public.klines, 2),
    ("GET", "avgPrice"): _public(public.average_price, 2),
    ("GET", "ticker/24hr"): _public(public.day_ticker, _by_symbol(2, 80)),
    ("GET", "ticker/price"): _public(public.price_ticker, _by_symbol(2, 4)),
    ("GET", "ticker/bookTicker"): _public(public.book_ticker, _by_symbol(2, 4)),
    ("POST", "order"): _trade(private.place, 1, action="place", counts_order=True),
    ("POST", "order/test"): _read(private.test, 1),
    ("GET", "order"): _read(private.query, 4),
    ("DELETE", "order"): _trade(private.cancel, 1, action="cancel"),
    ("GET", "openOrders"): _read(private.open_orders, _by_symbol(6, 80)),
    ("DELETE", "openOrders"): _trade(private.cancel_all, 1, action="cancel"),
    ("POST", "order/cancelReplace"): _trade(replace.cancel_replace, 1, action="replace", counts_order=True),
    ("PUT", "order/amend/keepPriority"): _trade(replace.amend, 4, action="amend"),
    ("POST", "order/oco"): _trade(lists.old_oco, 1, action="place", counts_order=True),
    ("POST", "orderList/oco"): _trade(lists.oco, 1, action="place", counts_order=True),
    ("POST", "orderList/oto"): _trade(lists.oto, 1, action="place", counts_order=True),
    ("POST", "orderList/otoco"): _trade(lists.otoco, 1, action="place", counts_order=True),
    ("DELETE", "orderList"): _trade(lists.cancel, 1, action="cancel"),
    ("GET", "orderList"): _read(lists.query, 4),
    ("GET", "allOrderList"): _read(lists.every, 20),
    ("GET", "openOrderList"): _read(lists.all_open, 6),
    ("GET", "allOrders"): _read(private.all_orders, 20),
    ("GET", "myTrades"): _read(private.my_trades, lambda params: 5 if params.get("orderId") else 20),
    ("GET", "account"): _read(private.account, 20),
    ("GET", "account/commission"): _read(private.commission, 20),
    ("GET", "/sapi/v1/account/apiRestrictions"): _read(private.restrictions, 1),
    ("POST", "userDataStream"): _key(private.create_listen_key, 2),
    ("PUT", "userDataStream"): _key(private.keep_listen_key, 2),
    ("DELETE", "userDataStream"): _key(private.close_listen_key, 2),
}

SOCKET: Mapping[str, Endpoint] = {
    "ping": REST["GET", "ping"],
    "time": REST["GET", "time"],
    "exchangeInfo": REST["GET", "exchangeInfo"],
    "depth": REST["GET", "depth"],
    "trades.recent": REST["GET", "trades"],
    "trades.historical": REST["GET", "historicalTrades"],
    "trades.aggregate": REST["GET", "aggTrades"],
    "klines": REST["GET", "klines"],
    "avgPrice": REST["GET", "avgPrice"],
    "ticker.24hr": REST["GET", "ticker/24hr"],
    "ticker.price": REST["GET", "ticker/price"],
    "ticker.book": REST["GET", "ticker/bookTicker"],
    "order.place": REST["POST", "order"],
    "order.test": REST["POST", "order/test"],
    "order.status": REST["GET", "order"],
    "order.cancel": REST["DELETE", "order"],
    "order.cancelReplace": REST["POST", "order/cancelReplace"],
    "order.amend.keepPriority": REST["PUT", "order/amend/keepPriority"],
    "orderList.place.oco": REST["POST", "orderList/oco"],
    "orderList.place.oto": REST["POST", "orderList/oto"],
    "orderList.place.otoco": REST["POST", "orderList/otoco"],
    "orderList.cancel": REST["DELETE", "orderList"],
    "orderList.status": REST["GET", "orderList"],
    "openOrderLists.status": REST["GET", "openOrderList"],
    "openOrders.status": REST["GET", "openOrders"],
    "openOrders.cancelAll": REST["DELETE", "openOrders"],
    "allOrders": REST["GET", "allOrders"],
    "myTrades": REST["GET", "myTrades"],
    "account.status": REST["GET", "account"],
    "account.commission": REST["GET", "account/commission"],
}

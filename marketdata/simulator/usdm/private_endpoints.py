"""The table of the futures' signed requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from marketdata.simulator.parameters import Params
from marketdata.simulator.usdm import order_endpoints as order
from marketdata.simulator.usdm import wallet_endpoints as wallet
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.orders import Trader

Handler = Callable[[FuturesVenue, Params, Trader], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint:
    """One signed request; `action` is what faults of sending call it, "" for a question."""

    handler: Handler
    weight: int
    action: str = ""


def _asks(handler: Handler, weight: int) -> PrivateEndpoint:
    return PrivateEndpoint(handler=handler, weight=weight)


def _acts(handler: Handler, action: str) -> PrivateEndpoint:
    return PrivateEndpoint(handler=handler, weight=1, action=action)


PRIVATE: Mapping[tuple[str, str], PrivateEndpoint] = {
    ("POST", "/fapi/v1/order"): _acts(order.place, "place"),
    ("POST", "/fapi/v1/batchOrders"): _acts(order.place_batch, "place"),
    ("DELETE", "/fapi/v1/batchOrders"): _acts(order.cancel_batch, "cancel"),
    ("GET", "/fapi/v1/order"): _asks(order.query, 1),
    ("DELETE", "/fapi/v1/order"): _acts(order.cancel, "cancel"),
    ("GET", "/fapi/v1/openOrder"): _asks(order.query_open, 1),
    ("GET", "/fapi/v1/openOrders"): _asks(order.open_orders, 1),
    ("DELETE", "/fapi/v1/allOpenOrders"): _acts(order.cancel_all, "cancel"),
    ("GET", "/fapi/v1/allOrders"): _asks(order.all_orders, 5),
    ("GET", "/fapi/v1/userTrades"): _asks(order.user_trades, 5),
    ("POST", "/fapi/v1/algoOrder"): _acts(order.place_algo, "place"),
    ("GET", "/fapi/v1/algoOrder"): _asks(order.query_algo, 1),
    ("DELETE", "/fapi/v1/algoOrder"): _acts(order.cancel_algo, "cancel"),
    ("DELETE", "/fapi/v1/algoOpenOrders"): _acts(order.cancel_all_algos, "cancel"),
    ("GET", "/fapi/v1/openAlgoOrders"): _asks(order.open_algos, 1),
    ("GET", "/fapi/v1/allAlgoOrders"): _asks(order.all_algos, 5),
    ("GET", "/fapi/v2/positionRisk"): _asks(wallet.every_position_risk, 5),
    ("GET", "/fapi/v3/positionRisk"): _asks(wallet.position_risk, 5),
    ("GET", "/fapi/v2/account"): _asks(wallet.account, 5),
    ("GET", "/fapi/v3/account"): _asks(wallet.account, 5),
    ("GET", "/fapi/v2/balance"): _asks(wallet.balance, 5),
    ("GET", "/fapi/v3/balance"): _asks(wallet.balance, 5),
    ("GET", "/fapi/v1/income"): _asks(wallet.income, 30),
    ("POST", "/fapi/v1/leverage"): _asks(wallet.set_leverage, 1),
    ("POST", "/fapi/v1/marginType"): _asks(wallet.set_margin_type, 1),
    ("GET", "/fapi/v1/positionSide/dual"): _asks(wallet.position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): _asks(wallet.set_position_mode, 1),
    ("GET", "/fapi/v1/leverageBracket"): _asks(wallet.leverage_brackets, 1),
    ("GET", "/fapi/v1/symbolConfig"): _asks(wallet.symbol_config, 5),
    ("GET", "/fapi/v1/commissionRate"): _asks(wallet.commission_rate, 20),
    ("GET", "/fapi/v1/accountConfig"): _asks(wallet.account_config, 5),
}

"""Reading the futures' order requests, with the venue's refusals."""

from marketdata.simulator.errors import VenueError, missing
from marketdata.simulator.orders import OrderType, SelfTrade, Side, Status, TimeInForce
from marketdata.simulator.parameters import Params, amount, choice, client_order_id, generated_id, text
from marketdata.simulator.symbols import SymbolSpec
from marketdata.simulator.usdm.orders import AlgoOrder, AlgoType, FuturesOrder


def new_order(params: Params, spec: SymbolSpec, *, account_id: int, number: int, now_ms: int) -> FuturesOrder:
    """A LIMIT or MARKET order. Raises VenueError for what is missing or malformed."""
    if params.get("type", "").upper() in AlgoType.__members__:
        raise VenueError(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    kind = choice(text(params, "type"), OrderType, -1116, "Invalid orderType.")
    if kind not in (OrderType.LIMIT, OrderType.MARKET):
        raise VenueError(-1116, "Invalid orderType.")
    _refuse_hedge(params)
    tif = TimeInForce.GTC
    if kind is OrderType.LIMIT:
        tif = choice(text(params, "timeInForce"), TimeInForce, -1115, "Invalid timeInForce.")
    order = plain_order(
        account_id=account_id,
        number=number,
        symbol=spec.id,
        client_id=client_order_id(params, "newClientOrderId", generated_id()),
        side=choice(text(params, "side"), Side, -1117, "Invalid side."),
        kind=kind,
        tif=tif,
        price=amount(params, "price", required=True) if kind is OrderType.LIMIT else 0,
        quantity=amount(params, "quantity", required=True),
        reduce_only=flag(params, "reduceOnly"),
        now_ms=now_ms,
    )
    check_grid(spec, price=order.price, quantity=order.quantity)
    return order


def plain_order(
    *,
    account_id: int,
    number: int,
    symbol: str,
    client_id: str,
    side: Side,
    kind: OrderType,
    tif: TimeInForce,
    price: int,
    quantity: int,
    reduce_only: bool,
    now_ms: int,
    original: str = "",
    algo_id: int = 0,
    close_position: bool = False,
) -> FuturesOrder:
    return FuturesOrder(
        id=number, account_id=account_id, symbol=symbol, client_order_id=client_id, side=side, type=kind, time_in_force=tif,
        price=price, quantity=quantity, quote_quantity=0, stop_price=0, self_trade=SelfTrade.NONE, status=Status.NEW,
        executed=0, executed_quote=0, locked=0, working=True, queue_ahead=0, time_ms=now_ms, update_ms=now_ms,
        working_ms=now_ms, reduce_only=reduce_only, original=original, algo_id=algo_id, close_position=close_position,
    )  # fmt: skip


def new_algo(params: Params, spec: SymbolSpec, *, account_id: int, number: int, now_ms: int) -> AlgoOrder:
    """A conditional order. Raises VenueError for what is missing or malformed."""
    if params.get("algoType", "CONDITIONAL") != "CONDITIONAL":
        raise VenueError(-1116, "Invalid algoType.")
    kind = choice(text(params, "type"), AlgoType, -1116, "Invalid orderType.")
    _refuse_hedge(params)
    is_trailing = kind is AlgoType.TRAILING_STOP_MARKET
    closes = flag(params, "closePosition")
    algo = AlgoOrder(
        id=number,
        account_id=account_id,
        symbol=spec.id,
        client_id=client_order_id(params, "clientAlgoId", generated_id()),
        side=choice(text(params, "side"), Side, -1117, "Invalid side."),
        type=kind,
        time_in_force=params.get("timeInForce") or "GTC",
        price=amount(params, "price", required=True) if kind.has_price else 0,
        quantity=0 if closes else amount(params, "quantity", required=True),
        trigger_price=0 if is_trailing else amount(params, "triggerPrice", required=True),
        callback_rate=amount(params, "callbackRate", required=True) if is_trailing else 0,
        activate_price=amount(params, "activatePrice") if is_trailing else 0,
        best_price=0,
        reduce_only=flag(params, "reduceOnly") or closes,
        close_position=closes,
        working_type=params.get("workingType") or "CONTRACT_PRICE",
        status="NEW",
        order_id=0,
        time_ms=now_ms,
        update_ms=now_ms,
    )
    for price in (algo.price, algo.trigger_price, algo.activate_price):
        check_grid(spec, price=price, quantity=algo.quantity)
    return algo


def flag(params: Params, name: str) -> bool:
    return params.get(name, "false").lower() == "true"


def check_grid(spec: SymbolSpec, *, price: int, quantity: int) -> None:
    """Raises for a price or quantity between the steps."""
    if price % spec.tick:
        raise VenueError(-4014, "Price not increased by tick size.")
    if quantity % spec.step:
        raise VenueError(-1111, "Precision is over the maximum defined for this asset.")
    if quantity > spec.max_quantity:
        raise VenueError(-4005, "Quantity greater than max quantity.")


def _refuse_hedge(params: Params) -> None:
    if params.get("positionSide", "BOTH") != "BOTH":
        raise VenueError(-4061, "Order's position side does not match user's setting.")


def named(params: Params, *, number: str, client: str) -> tuple[int | None, str | None]:
    """(id, client id) of the order that a request names."""
    text_id, client_id = params.get(number), params.get(client)
    if not text_id and not client_id:
        raise missing(number)
    return (int(text_id) if text_id and text_id.isdigit() else None), client_id

"""How each venue differs, as far as orders go: a record a venue, and the conservative one for all others."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bots.brokers.ccxt.codes import binance, bingx, coinbase, kraken, kucoin, other
from bots.brokers.ccxt.codes.table import CodeTable
from bots.brokers.ccxt.ids import IdForm
from bots.brokers.limits import Counts, Limit, Scope


class FindBy(StrEnum):
    """CLIENT_ID: one question by our id. KRAKEN, BINGX: its own requests. LIST: only by looking through lists."""

    CLIENT_ID = "client_id"
    KRAKEN = "kraken"
    BINGX = "bingx"
    LIST = "list"


class StreamKind(StrEnum):
    """BINANCE_API: a session of Binance's WebSocket API. CCXT: CCXT Pro's watchers."""

    BINANCE_API = "binance_api"
    CCXT = "ccxt"


Deadline = Callable[[int, int], dict[str, Any]]


class Dialect(Struct, frozen=True, kw_only=True):
    """What the adapter of a venue has to know beyond ccxt.

    `deadline` gives the parameters that fix when a request is too late, from (sign_ms, valid_until_ms).
    `acks_placing`, `acks_cancels`: such an answer names the order and not its state. `by_id`: fills and orders are paged
    by their ids, in windows of `window_ms` until the first is found. `page` rows or more may be a cut answer.
    """

    ccxt_id: str
    table: CodeTable
    find_by: FindBy = FindBy.LIST
    id_form: IdForm = IdForm.HEX
    client_id_param: str = "clientOrderId"
    deadline: Deadline = lambda sign_ms, valid_until_ms: {}
    cancels_by_client_id: bool = False
    acks_placing: bool = True
    acks_cancels: bool = True
    by_id: bool = False
    window_ms: int = 7 * 86_400_000
    page: int = 20
    page_asked: int | None = 100
    serial: bool = False
    numbers_as_text: bool = False
    limits: tuple[Limit, ...] = ()
    cost_window_s: int = 10
    cost_of_weight: float = 1.0
    options: Mapping[str, Any] = {}
    market_params: Mapping[str, Any] = {}
    stream: StreamKind = StreamKind.CCXT
    is_demo_sandbox: bool = False
    checks_mode: bool = False


def _window(sign_ms: int, valid_until_ms: int) -> dict[str, Any]:
    return {"timestamp": sign_ms, "recvWindow": max(1, valid_until_ms - sign_ms)}


def _receive_window(sign_ms: int, valid_until_ms: int) -> dict[str, Any]:
    return {"recvWindow": max(1, valid_until_ms - sign_ms)}


def _kraken_deadline(sign_ms: int, valid_until_ms: int) -> dict[str, Any]:
    """An RFC 3339 time, half a second to a minute ahead."""
    moment = datetime.fromtimestamp(valid_until_ms / 1000, UTC)
    return {"deadline": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{valid_until_ms % 1000:03d}Z"}


BINANCE = Dialect(
    ccxt_id="binance",
    table=binance.SPOT,
    find_by=FindBy.CLIENT_ID,
    deadline=_window,
    cancels_by_client_id=True,
    acks_placing=False,
    acks_cancels=False,
    by_id=True,
    window_ms=86_400_000 - 1,
    page=1000,
    page_asked=1000,
    # ccxt's costs are fifths of the 6,000 weights a minute.
    cost_of_weight=0.2,
    limits=(
        Limit(name="weight", window_s=60, capacity=1200),
        Limit(name="orders", window_s=10, capacity=100, scope=Scope.ACCOUNT, counts=Counts.ORDERS),
        Limit(name="orders_day", window_s=86_400, capacity=200_000, scope=Scope.ACCOUNT, counts=Counts.ORDERS),
    ),
    options={
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchCurrencies": False,
        "fetchMargins": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
        "newOrderRespType": {"market": "FULL", "limit": "FULL"},
    },
    stream=StreamKind.BINANCE_API,
)

BINANCE_USDM = Dialect(
    ccxt_id="binanceusdm",
    table=binance.USDM,
    find_by=FindBy.CLIENT_ID,
    deadline=_window,
    cancels_by_client_id=True,
    acks_placing=False,
    acks_cancels=False,
    by_id=True,
    window_ms=7 * 86_400_000 - 1,
    page=1000,
    page_asked=1000,
    limits=(
        Limit(name="weight", window_s=60, capacity=2400),
        Limit(name="orders", window_s=10, capacity=300, scope=Scope.ACCOUNT, counts=Counts.ORDERS),
        Limit(name="orders_minute", window_s=60, capacity=1200, scope=Scope.ACCOUNT, counts=Counts.ORDERS),
    ),
    options={"fetchCurrencies": False, "warnOnFetchOpenOrdersWithoutSymbol": False},
    is_demo_sandbox=True,
)

KRAKEN = Dialect(
    ccxt_id="kraken",
    table=kraken.TABLE,
    find_by=FindBy.KRAKEN,
    deadline=_kraken_deadline,
    cancels_by_client_id=True,
    page=50,
    page_asked=None,
    # Its nonce must grow in the order of arrival.
    serial=True,
    # The starter tier's counter: 15 points, one back every three seconds.
    limits=(Limit(name="cost", window_s=45, capacity=15, scope=Scope.ACCOUNT),),
)

COINBASE = Dialect(
    ccxt_id="coinbase",
    table=coinbase.TABLE,
    client_id_param="client_order_id",
    page=100,
    limits=(Limit(name="cost", window_s=1, capacity=30, scope=Scope.ACCOUNT),),
    options={"fetchCurrencies": False},
)

KUCOIN_FUTURES = Dialect(
    ccxt_id="kucoinfutures",
    table=kucoin.TABLE,
    find_by=FindBy.CLIENT_ID,
    client_id_param="clientOid",
    cancels_by_client_id=True,
    page=50,
    limits=(Limit(name="cost", window_s=30, capacity=2000, scope=Scope.ACCOUNT),),
    # "hf" is about spot accounts; unset, it is asked for.
    options={"fetchCurrencies": False, "hf": False},
    market_params={"marginables": False},
    checks_mode=True,
)

KUCOIN = Dialect(
    ccxt_id="kucoin",
    table=kucoin.TABLE,
    find_by=FindBy.CLIENT_ID,
    client_id_param="clientOid",
    cancels_by_client_id=True,
    page=50,
    limits=(Limit(name="cost", window_s=30, capacity=4000, scope=Scope.ACCOUNT),),
    # "hf" is about spot accounts; unset, it is asked for.
    options={"fetchCurrencies": False, "hf": False},
    market_params={"marginables": False},
    checks_mode=True,
)

BINGX = Dialect(
    ccxt_id="bingx",
    table=bingx.TABLE,
    find_by=FindBy.BINGX,
    deadline=_receive_window,
    cancels_by_client_id=True,
    numbers_as_text=True,
    page=50,
    limits=(Limit(name="cost", window_s=10, capacity=100, scope=Scope.ACCOUNT),),
    options={"fetchCurrencies": False},
)

# Client order ids elsewhere: where 32 digits are too long, or must begin with something.
_ID_FORMS: Mapping[str, IdForm] = {
    "gate": IdForm.GATE, "gateio": IdForm.GATE, "hyperliquid": IdForm.HEX, "gemini": IdForm.HEX, "bitstamp": IdForm.HEX,
    "bitvavo": IdForm.UUID, "cryptocom": IdForm.HEX, "exmo": IdForm.SHORT, "phemex": IdForm.HEX, "bybit": IdForm.HEX,
    "okx": IdForm.HEX, "htx": IdForm.HEX, "mexc": IdForm.HEX, "bitget": IdForm.HEX,
}  # fmt: skip

_DIALECTS: Mapping[str, Dialect] = {
    "binance": BINANCE,
    "binance-usdm": BINANCE_USDM,
    "bingx": replace(BINGX, options={**BINGX.options, "defaultType": "swap"}),
    "bingx-spot": replace(BINGX, options={**BINGX.options, "defaultType": "spot"}),
    "coinbase": COINBASE,
    "kraken": KRAKEN,
    "kucoin": KUCOIN,
    "kucoin-futures": KUCOIN_FUTURES,
}
_BY_CCXT_ID = {"binance": BINANCE, "binanceusdm": BINANCE_USDM, "kraken": KRAKEN, "coinbase": COINBASE}


class NoOrders(LookupError):
    """Orders cannot be sent to a venue of this adapter."""


def dialect_of(adapter: str) -> Dialect:
    """Raises NoOrders for what is neither in the table nor ccxt's."""
    if adapter in _DIALECTS:
        return _DIALECTS[adapter]
    if not adapter.startswith("ccxt:"):
        raise NoOrders(f"Orders cannot be sent through the adapter {adapter!r}: choose one of {', '.join(_DIALECTS)}.")
    ccxt_id = adapter.removeprefix("ccxt:")
    if ccxt_id in _BY_CCXT_ID:
        return _BY_CCXT_ID[ccxt_id]
    return Dialect(ccxt_id=ccxt_id, table=other.TABLE, id_form=_ID_FORMS.get(ccxt_id, IdForm.HEX))

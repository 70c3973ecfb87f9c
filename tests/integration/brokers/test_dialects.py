"""Each venue's requests and answers, as documented: what leaves says exactly what was booked, and codes are believed."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bots.brokers.venue import OrderRef, Outcome, Venue, VenueUnavailable
from bots.trading.records import SubmittedOrder
from bots.trading.vocabulary import OrderState, OrderType, Purpose
from tests.integration.brokers import venue_answers as documented_answers
from tests.integration.brokers.cast import RULES, ref, submitted
from tests.integration.brokers.documented import Asked, DocumentedVenue, Said, connected

D = Decimal
PRICE = D("60000.1")
NOTHING = D(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One venue: where orders go, and how it spells what we mean."""

    adapter: str
    symbol: str
    answers: Mapping[tuple[str, str], Any]
    path: str
    client_id: str
    # What the request must say, to the letter, for a limit, a market and a reducing order.
    limit: Mapping[str, Any]
    market: Mapping[str, Any]
    reducing: Mapping[str, Any] | None
    order_id: str
    filled: Decimal = NOTHING

    @property
    def place(self) -> tuple[str, str]:
        return ("POST", self.path)


CASES = [
    Case(
        adapter="binance-usdm",
        symbol="BTC/USDT:USDT",
        answers=documented_answers.USDM,
        path="/fapi/v1/order",
        client_id="newClientOrderId",
        limit={"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "60000.1"},
        market={"type": "LIMIT", "timeInForce": "IOC", "price": "60000.1"},
        reducing={"reduceOnly": "true"},
        order_id="22542179",
    ),
    Case(
        adapter="kraken",
        symbol="BTC/USD",
        answers=documented_answers.KRAKEN,
        path="/0/private/AddOrder",
        client_id="cl_ord_id",
        limit={
            "pair": "XXBTZUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "60000.1",
            "timeinforce": "GTC",
        },
        market={"ordertype": "limit", "timeinforce": "IOC", "price": "60000.1"},
        reducing=None,
        order_id="OUF4EM-FRGI2-MQMWZD",
        filled=D("0.004"),
    ),
    Case(
        adapter="coinbase",
        symbol="BTC/USD",
        answers=documented_answers.COINBASE,
        path="/api/v3/brokerage/orders",
        client_id="client_order_id",
        limit={
            "product_id": "BTC-USD", "side": "BUY",
            "order_configuration": {
                "limit_limit_gtc": {"base_size": "0.01", "limit_price": "60000.1", "post_only": False}
            },
        },
        market={"order_configuration": {"sor_limit_ioc": {"base_size": "0.01", "limit_price": "60000.1"}}},
        reducing=None,
        order_id=documented_answers.COINBASE_ID,
    ),
    Case(
        adapter="kucoin-futures",
        symbol="BTC/USDT:USDT",
        answers=documented_answers.KUCOIN,
        path="/api/v1/orders",
        client_id="clientOid",
        # Ten contracts of a thousandth.
        limit={"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "size": 10, "price": "60000.1", "timeInForce": "GTC"},
        market={"type": "limit", "timeInForce": "IOC", "price": "60000.1"},
        reducing={"reduceOnly": True},
        order_id=documented_answers.KUCOIN_ID,
        filled=D("0.004"),
    ),
    Case(
        adapter="bingx",
        symbol="BTC/USDT:USDT",
        answers=documented_answers.BINGX,
        path="/openApi/swap/v2/trade/order",
        client_id="clientOrderID",
        limit={"symbol": "BTC-USDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "60000.1", "timeInForce": "GTC"},
        market={"type": "LIMIT", "timeInForce": "IOC", "price": "60000.1"},
        reducing={"reduceOnly": "true"},
        order_id=str(documented_answers.BINGX_ID),
    ),
]  # fmt: skip


@pytest.fixture(params=CASES, ids=lambda case: case.adapter)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


async def order_for(case: Case, venue: Venue, **changes: Any) -> SubmittedOrder:
    rules = replace(RULES, symbol=case.symbol, tick_size=D("0.1"), lot_size=D("0.001"))
    return submitted(limit_price=PRICE, now_ms=await venue.venue_time_ns() // 1_000_000, rules=rules, **changes)


def the_request(case: Case, documented: DocumentedVenue) -> Asked:
    (asked,) = documented.requests(*case.place)
    return asked


def said(asked: Asked, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asked.params.get(name) for name in wanted}


async def test_a_limit_order_says_what_was_booked(case: Case) -> None:
    async with connected(case.adapter, case.answers) as (venue, documented):
        order = await order_for(case, venue)
        answer = await venue.place(order)
        asked = the_request(case, documented)
        assert said(asked, case.limit) == case.limit
        assert asked.params[case.client_id] == order.order_id.hex
        assert answer.outcome is Outcome.FOUND, answer
        assert answer.order is not None
        assert answer.order.venue_order_id == case.order_id
        assert answer.order.client_order_id == order.order_id.hex
        assert (answer.order.quantity, answer.order.filled) == (D("0.01"), case.filled)
        assert answer.order.state is (OrderState.PARTIAL if case.filled else OrderState.OPEN)


async def test_a_market_order_is_a_limit_that_does_not_stay(case: Case) -> None:
    async with connected(case.adapter, case.answers) as (venue, documented):
        await venue.place(await order_for(case, venue, kind=OrderType.MARKET))
        assert said(the_request(case, documented), case.market) == case.market


async def test_an_exit_of_a_derivative_only_reduces(case: Case) -> None:
    async with connected(case.adapter, case.answers) as (venue, documented):
        await venue.place(await order_for(case, venue, purpose=Purpose.EXIT))
        asked = the_request(case, documented)
        if case.reducing is None:
            assert not any("reduce" in name.lower() for name in asked.params)
        else:
            assert said(asked, case.reducing) == case.reducing


async def test_the_request_dies_with_its_window(case: Case) -> None:
    async with connected(case.adapter, case.answers) as (venue, documented):
        order = await order_for(case, venue, window_ms=1_900)
        await venue.place(order)
        asked = the_request(case, documented)
        signed = str(order.sign_ts_ms)
        match case.adapter:
            case "binance-usdm" | "bingx":
                assert (asked.params["timestamp"], asked.params["recvWindow"]) == (signed, "1900")
            case "kucoin-futures":
                assert asked.headers["KC-API-TIMESTAMP"] == signed
            case "kraken":
                deadline = asked.params["deadline"]
                assert deadline.endswith(f".{order.valid_until_ms % 1000:03d}Z")
            case "coinbase":
                # Seconds are all it knows; the same id is what makes a repetition harmless.
                assert asked.headers["CB-ACCESS-TIMESTAMP"] == str(order.sign_ts_ms // 1000)


async def test_tiny_numbers_are_written_without_an_exponent() -> None:
    case = CASES[-1]
    contracts = json.loads(json.dumps(case.answers["GET", "/openApi/swap/v2/quote/contracts"]))
    contracts["data"][0] |= {
        "pricePrecision": 8,
        "quantityPrecision": 8,
        "tradeMinQuantity": 0.00000001,
        "tradeMinUSDT": 0,
    }
    answers = dict(case.answers) | {("GET", "/openApi/swap/v2/quote/contracts"): contracts}
    async with connected("bingx", answers) as (venue, documented):
        order = await order_for(case, venue, quantity=D("0.00001"))
        plan = replace(order.plan, limit_price=D("0.00000012"))
        await venue.place(replace(order, plan=plan))
        asked = the_request(case, documented)
        assert (asked.params["quantity"], asked.params["price"]) == ("0.00001", "0.00000012")


REFUSALS = [
    ("binance-usdm", Said(status=400, body={"code": -2019, "msg": "Margin is insufficient."}), Outcome.REJECTED, "-2019"),
    ("binance-usdm", Said(status=400, body={"code": -2022, "msg": "ReduceOnly Order is rejected."}), Outcome.REJECTED, "-2022"),
    ("binance-usdm", Said(status=400, body={"code": -5022, "msg": "could not be executed as maker"}), Outcome.REJECTED, "-5022"),
    ("binance-usdm", Said(status=400, body={"code": -1021, "msg": "outside of the recvWindow."}), Outcome.REJECTED, "-1021"),
    ("binance-usdm", Said(status=429, body={"code": -1003, "msg": "Too many requests"}, headers={"Retry-After": "7"}), Outcome.REJECTED, "-1003"),
    ("binance-usdm", Said(status=400, body={"code": -4116, "msg": "ClientOrderId is duplicated."}), Outcome.UNCLEAR, "-4116"),
    ("binance-usdm", Said(status=503, body={"code": -1008, "msg": "Server is currently overloaded"}), Outcome.UNCLEAR, "-1008"),
    ("binance-usdm", Said(status=408, body={"code": -1007, "msg": "Timeout waiting for response"}), Outcome.UNCLEAR, "-1007"),
    ("binance-usdm", Said(status=400, body={"code": -9999, "msg": "new"}), Outcome.UNCLEAR, "-9999"),
    ("kraken", {"error": ["EOrder:Insufficient funds"]}, Outcome.REJECTED, "EOrder:Insufficient funds"),
    ("kraken", {"error": ["EOrder:Post only order"]}, Outcome.REJECTED, "EOrder:Post only order"),
    ("kraken", {"error": ["EService:Deadline elapsed"]}, Outcome.REJECTED, "EService:Deadline elapsed"),
    ("kraken", {"error": ["EAPI:Invalid nonce"]}, Outcome.REJECTED, "EAPI:Invalid nonce"),
    ("kraken", {"error": ["EAPI:Rate limit exceeded"]}, Outcome.REJECTED, "EAPI:Rate limit exceeded"),
    ("kraken", {"error": ["EService:Unavailable"]}, Outcome.UNCLEAR, "EService:Unavailable"),
    ("kraken", {"error": ["EGeneral:Internal error"]}, Outcome.UNCLEAR, "EGeneral:Internal error"),
    ("kraken", {"error": ["EOrder:Insufficient funds", "EService:Unavailable"]}, Outcome.UNCLEAR, "EOrder:Insufficient funds"),
    ("kraken", {"error": ["ENew:Thing"]}, Outcome.UNCLEAR, "ENew:Thing"),
    ("kraken", Said(status=520, body={"error": ["EOrder:Insufficient funds"]}), Outcome.UNCLEAR, "EOrder:Insufficient funds"),
    ("coinbase", {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "order_id": "", "error_response": {"error": "INSUFFICIENT_FUND", "message": "Insufficient balance in source account", "error_details": "", "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND"}}, Outcome.REJECTED, "INSUFFICIENT_FUND"),
    ("coinbase", {"success": False, "error_response": {"error": "UNKNOWN_FAILURE_REASON", "preview_failure_reason": "PREVIEW_INVALID_LIMIT_PRICE"}}, Outcome.REJECTED, "PREVIEW_INVALID_LIMIT_PRICE"),
    ("coinbase", {"success": False, "error_response": {"error": "UNKNOWN_FAILURE_REASON"}}, Outcome.UNCLEAR, "UNKNOWN_FAILURE_REASON"),
    ("coinbase", {"success": False, "error_response": {"error": "DUPLICATE_CLIENT_ORDER_ID"}}, Outcome.UNCLEAR, "DUPLICATE_CLIENT_ORDER_ID"),
    ("coinbase", {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON"}, Outcome.UNCLEAR, "UNKNOWN_FAILURE_REASON"),
    ("coinbase", Said(status=400, body={"error": "INVALID_ARGUMENT", "code": 3, "message": "bad size"}), Outcome.REJECTED, "INVALID_ARGUMENT"),
    ("coinbase", Said(status=500, body={"error": "INTERNAL", "message": "try later"}), Outcome.UNCLEAR, "INTERNAL"),
    ("kucoin-futures", {"code": "300003", "msg": "Balance insufficient."}, Outcome.REJECTED, "300003"),
    ("kucoin-futures", {"code": "400002", "msg": "KC-API-TIMESTAMP Invalid"}, Outcome.REJECTED, "400002"),
    ("kucoin-futures", Said(status=429, body={"code": "429000", "msg": "Too many requests"}, headers={"gw-ratelimit-reset": "4000"}), Outcome.REJECTED, "429000"),
    ("kucoin-futures", {"code": "500000", "msg": "Internal Server Error"}, Outcome.UNCLEAR, "500000"),
    ("kucoin-futures", {"code": "400100", "msg": "clientOid parameter repeated, duplicate"}, Outcome.UNCLEAR, "400100"),
    ("bingx", {"code": 101204, "msg": "Insufficient margin", "data": {}}, Outcome.REJECTED, "101204"),
    ("bingx", {"code": 109400, "msg": "Invalid parameters", "data": {}}, Outcome.REJECTED, "109400"),
    ("bingx", {"code": 100500, "msg": "The current system is busy, please try again later"}, Outcome.UNCLEAR, "100500"),
    ("bingx", {"code": 109201, "msg": "The same order number is only allowed to be submitted once within 1 second"}, Outcome.UNCLEAR, "109201"),
    ("bingx", {"code": 80001, "msg": "request failed"}, Outcome.UNCLEAR, "80001"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("adapter", "body", "outcome", "code"), REFUSALS, ids=[f"{row[0]} {row[3]} {row[2].value}" for row in REFUSALS]
)
async def test_refusals_are_judged_by_the_venues_own_codes(
    adapter: str, body: Any, outcome: Outcome, code: str
) -> None:
    case = next(case for case in CASES if case.adapter == adapter)
    async with connected(adapter, dict(case.answers) | {case.place: body}) as (venue, documented):
        answer = await venue.place(await order_for(case, venue))
        assert (answer.outcome, answer.code) == (outcome, code), answer
        assert len(documented.requests(*case.place)) == 1
        if isinstance(body, Said) and body.status == 429:
            assert answer.retry_after_s in (4.0, 7.0)


@pytest.mark.parametrize(
    "body",
    [
        Said(body="<html>blocked</html>"),
        Said(body=""),
        Said(body="[]"),
        Said(body="null"),
        Said(body="{}"),
        Said(body='"ok"'),
        Said(status=502, body="<html>Bad Gateway</html>"),
        Said(status=302, body="", headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        Said(status=403, body="<html>WAF</html>"),
    ],
    ids=lambda said: f"{said.status} {said.body}"[:24],
)
async def test_strange_answers_are_unclear_everywhere(case: Case, body: Said) -> None:
    async with connected(case.adapter, dict(case.answers) | {case.place: body}) as (venue, documented):
        answer = await venue.place(await order_for(case, venue))
        assert answer.outcome is Outcome.UNCLEAR, answer
        assert len(documented.requests(*case.place)) == 1


async def test_an_answer_about_another_order_is_unclear() -> None:
    def another(asked: Asked) -> dict[str, Any]:
        return documented_answers.usdm_order(asked) | {"clientOrderId": "somebody-elses"}

    case = CASES[0]
    async with connected(case.adapter, dict(case.answers) | {case.place: another}) as (venue, _):
        answer = await venue.place(await order_for(case, venue))
        assert answer.outcome is Outcome.UNCLEAR
        assert "another order" in answer.error


async def test_an_order_of_another_size_is_unclear() -> None:
    def smaller(asked: Asked) -> dict[str, Any]:
        return documented_answers.usdm_order(asked) | {"origQty": "0.009"}

    case = CASES[0]
    async with connected(case.adapter, dict(case.answers) | {case.place: smaller}) as (venue, _):
        assert (await venue.place(await order_for(case, venue))).outcome is Outcome.UNCLEAR


NOT_FOUND = [
    ("binance-usdm", {("GET", "/fapi/v1/order"): Said(status=400, body={"code": -2013, "msg": "Order does not exist."})}, Outcome.NOT_FOUND),
    ("kraken", {("POST", "/0/private/OpenOrders"): {"error": [], "result": {"open": {}}}}, Outcome.NOT_FOUND),
    ("kraken", {("POST", "/0/private/OpenOrders"): {"error": ["EService:Unavailable"]}}, Outcome.UNCLEAR),
    ("kucoin-futures", {("GET", "/api/v1/orders/byClientOid"): {"code": "100001", "msg": "error.getOrder.orderNotExist"}}, Outcome.NOT_FOUND),
    ("bingx", {("GET", "/openApi/swap/v2/trade/order"): {"code": 109421, "msg": "order not exist"}}, Outcome.NOT_FOUND),
    ("bingx", {("GET", "/openApi/swap/v2/trade/order"): {"code": 100500, "msg": "busy"}}, Outcome.UNCLEAR),
    ("coinbase", {("GET", "/api/v3/brokerage/orders/historical/batch"): {"orders": [], "has_next": False, "cursor": ""}}, Outcome.UNCLEAR),
]  # fmt: skip


@pytest.mark.parametrize(
    ("adapter", "answers", "outcome"), NOT_FOUND, ids=[f"{row[0]} {row[2].value}" for row in NOT_FOUND]
)
async def test_only_a_typed_answer_says_that_an_order_is_not_there(
    adapter: str, answers: Mapping[tuple[str, str], Any], outcome: Outcome
) -> None:
    case = next(case for case in CASES if case.adapter == adapter)
    async with connected(adapter, dict(case.answers) | dict(answers)) as (venue, _):
        order = await order_for(case, venue)
        assert (await venue.find(ref(order))).outcome is outcome


async def test_coinbase_is_cancelled_by_the_venues_id_and_its_end_is_asked_for() -> None:
    case = CASES[2]
    order_id = "0123456789abcdef0123456789abcdef"
    states = iter(["OPEN", "CANCELLED"])
    answers = dict(case.answers) | {
        ("GET", "/api/v3/brokerage/orders/historical/batch"): lambda asked: {
            "orders": [documented_answers.coinbase_order(order_id, status=next(states), filled_size="0.002")]
        },
        ("GET", f"/api/v3/brokerage/orders/historical/{documented_answers.COINBASE_ID}"): lambda asked: {
            "order": documented_answers.coinbase_order(order_id, status="CANCELLED", filled_size="0.002")
        },
        ("POST", "/api/v3/brokerage/orders/batch_cancel"): {
            "results": [{"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": documented_answers.COINBASE_ID}]
        },
    }  # fmt: skip
    async with connected(case.adapter, answers) as (venue, documented):
        answer = await venue.cancel(OrderRef(symbol=case.symbol, client_order_id=order_id))
        assert answer.order is not None, answer
        assert (answer.outcome, answer.order.state, answer.order.filled) == (
            Outcome.FOUND,
            OrderState.CANCELED,
            D("0.002"),
        )
        (asked,) = documented.requests("POST", "/api/v3/brokerage/orders/batch_cancel")
        assert asked.params["order_ids"] == [documented_answers.COINBASE_ID]


async def test_kraken_and_kucoin_cancel_by_our_id() -> None:
    for case, path, name in ((CASES[1], "/0/private/CancelOrder", "cl_ord_id"),):
        async with connected(case.adapter, case.answers) as (venue, documented):
            order = await order_for(case, venue)
            answer = await venue.cancel(ref(order))
            # It acknowledged, and the order is still open when it is asked about.
            assert answer.outcome is Outcome.UNCLEAR
            (asked,) = documented.requests("POST", path)
            assert asked.params[name] == order.order_id.hex


async def test_usdm_fills_are_read() -> None:
    case = CASES[0]
    async with connected(case.adapter, case.answers) as (venue, _):
        (trade,) = await venue.trades(case.symbol, since_ms=documented_answers.now_ms() - 1_000)
        assert (trade.fill.trade_id, trade.fill.fee, trade.fill.fee_asset) == ("698759", D("0.24000004"), "USDT")
        assert trade.symbol == case.symbol


async def test_kraken_hears_nonces_in_the_order_they_grow() -> None:
    case = CASES[1]
    async with connected(case.adapter, case.answers) as (venue, documented):
        orders = [await order_for(case, venue, window_ms=20_000) for _ in range(8)]
        await asyncio.gather(*(venue.place(order) for order in orders))
        nonces = [int(asked.params["nonce"]) for asked in documented.asked if "nonce" in asked.params]
        assert len(nonces) >= 16
        assert nonces == sorted(set(nonces))


async def test_nothing_of_a_key_is_told_when_everything_fails(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    key, secret = "k" * 10 + "0123456789abcdef" * 2, "czNjcmV0" * 8
    answers = dict(case.answers) | {case.place: Said(body="<html>")}
    async with connected(case.adapter, answers, api_key=key, secret=secret) as (venue, documented):
        answer = await venue.place(await order_for(case, venue))
        documented.answers.clear()
        with pytest.raises(VenueUnavailable) as caught:
            await venue.balances()
        told = f"{answer!r} {caught.value!r} {caplog.text}"
        assert key not in told
        assert secret not in told

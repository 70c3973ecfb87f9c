"""Orders on the perpetuals: ccxt's USD-M class as the judge, the faults of sending, and where the money went."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import quote

import ccxt.pro
import httpx
import pytest

from tests.integration.simulator.customer import PATIENCE_S, Customer
from tests.simulator_fixture import Simulator, running_simulator

SYMBOL = "BTC/USDT:USDT"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulator]:
    options = ("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1", "--weight-per-minute", "1000000")
    with running_simulator(*options) as running:
        yield running


@pytest.fixture
def alice(venue: Simulator) -> Iterator[Customer]:
    customer = Customer(venue, f"alice-{next(NUMBERS)}")
    customer.operate("POST", f"/sim/usdm/accounts/{customer.id}/transfer", {"asset": "USDT", "amount": "50000"})
    yield customer
    assert_money_is_explained(customer)
    customer.switch_all_off()
    customer.close()


@pytest.fixture
async def judge(alice: Customer) -> AsyncIterator[ccxt.pro.binanceusdm]:
    client = ccxt.pro.binanceusdm({"apiKey": alice.key, "secret": alice.secret, "enableRateLimit": False,
                                   "options": {"fetchCurrencies": False}})  # fmt: skip
    base = alice.exchange.rest_url
    for version in ("v1", "v2", "v3"):
        suffix = "" if version == "v1" else version.upper()
        client.urls["api"][f"fapiPrivate{suffix}"] = client.urls["api"][f"fapiPublic{suffix}"] = (
            f"{base}/fapi/{version}"
        )
    client.urls["api"]["ws"]["linear"] = f"{alice.exchange.websocket_url}/ws"
    await client.load_markets()
    yield client
    await client.close()


def truth(customer: Customer) -> dict[str, Any]:
    ledger: dict[str, Any] = customer.operate("GET", f"/sim/usdm/accounts/{customer.id}/ledger")
    return ledger


def assert_money_is_explained(customer: Customer) -> None:
    """Wallet = what came in + what trades paid and cost + cost of the position - fees + fundings, to the last unit."""
    books = truth(customer)
    by_kind = {kind: Decimal(0) for kind in ("TRANSFER", "REALIZED_PNL", "COMMISSION", "FUNDING_FEE")}
    for row in books["incomes"]:
        by_kind[row["incomeType"]] += Decimal(row["income"])
    assert Decimal(books["wallets"]["USDT"]) == sum(by_kind.values())
    flow = sum((-1 if row["buyer"] else 1) * Decimal(row["quoteQty"]) for row in books["trades"])
    cost = sum(Decimal(position["cost"]) for position in books["positions"].values())
    assert by_kind["REALIZED_PNL"] == flow + cost
    assert by_kind["COMMISSION"] == -sum(Decimal(row["commission"]) for row in books["trades"])
    for symbol, position in books["positions"].items():
        traded = [row for row in books["trades"] if row["symbol"] == symbol]
        amount = sum((1 if row["buyer"] else -1) * Decimal(row["qty"]) for row in traded)
        assert Decimal(position["amount"]) == amount


async def top(judge: ccxt.pro.binanceusdm) -> tuple[float, float]:
    book = await judge.fetch_order_book(SYMBOL, 5)
    return book["bids"][0][0], book["asks"][0][0]


class TestWithCcxt:
    async def test_a_position_is_opened_flipped_and_closed(self, judge: ccxt.pro.binanceusdm) -> None:
        bought = await judge.create_order(SYMBOL, "market", "buy", 0.1)
        assert (bought["status"], bought["filled"]) == ("closed", 0.1)
        (position,) = await judge.fetch_positions([SYMBOL])
        assert (position["side"], position["contracts"]) == ("long", 0.1)
        assert position["entryPrice"] == pytest.approx(bought["average"], rel=1e-6)
        await judge.create_order(SYMBOL, "market", "sell", 0.3)
        (position,) = await judge.fetch_positions([SYMBOL])
        assert (position["side"], position["contracts"]) == ("short", pytest.approx(0.2))
        await judge.create_order(SYMBOL, "market", "buy", 0.5, None, {"reduceOnly": True})
        assert await judge.fetch_positions([SYMBOL]) == []
        trades = await judge.fetch_my_trades(SYMBOL)
        assert sum(trade["amount"] * (1 if trade["side"] == "buy" else -1) for trade in trades) == pytest.approx(0)
        assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}

    async def test_a_limit_order_rests_and_is_cancelled(self, judge: ccxt.pro.binanceusdm) -> None:
        bid, _ = await top(judge)
        order = await judge.create_order(SYMBOL, "limit", "buy", 0.1, bid * 0.9, {"clientOrderId": "alice-1"})
        assert (order["status"], order["clientOrderId"]) == ("open", "alice-1")
        assert [row["id"] for row in await judge.fetch_open_orders(SYMBOL)] == [order["id"]]
        balance = await judge.fetch_balance()
        assert balance["USDT"]["used"] == pytest.approx(bid * 0.09, rel=1e-3)
        assert (await judge.cancel_order(order["id"], SYMBOL))["status"] == "canceled"
        assert (await judge.fetch_order(order["id"], SYMBOL))["status"] == "canceled"
        with pytest.raises(ccxt.OrderNotFound):
            await judge.cancel_order(order["id"], SYMBOL)

    async def test_refusals_have_binance_codes(self, judge: ccxt.pro.binanceusdm) -> None:
        bid, ask = await top(judge)
        # ccxt tells the futures' codes by the host, which is another one here.
        with pytest.raises(ccxt.ExchangeError, match="-2019"):
            await judge.create_order(SYMBOL, "market", "buy", 5)
        with pytest.raises(ccxt.ExchangeError, match="-2022"):
            await judge.create_order(SYMBOL, "market", "sell", 0.1, None, {"reduceOnly": True})
        with pytest.raises(ccxt.ExchangeError, match="-5022"):
            await judge.create_order(SYMBOL, "limit", "buy", 0.1, ask * 1.02, {"postOnly": True})
        with pytest.raises(ccxt.ExchangeError, match="-4164"):
            await judge.create_order(SYMBOL, "limit", "buy", 0.001, round(bid * 0.01, 1))

    @pytest.mark.parametrize("params", [{"stopLossPrice": 0.9}, {"takeProfitPrice": 1.1}, {"trailingPercent": 1}])
    async def test_conditional_orders_wait(self, judge: ccxt.pro.binanceusdm, params: dict[str, float]) -> None:
        bid, _ = await top(judge)
        await judge.create_order(SYMBOL, "market", "buy", 0.01)
        wish: dict[str, object] = {
            name: value if name == "trailingPercent" else round(bid * value, 1) for name, value in params.items()
        }
        order = await judge.create_order(SYMBOL, "market", "sell", 0.01, None, {**wish, "reduceOnly": True})
        standing = await judge.fetch_open_orders(SYMBOL, params={"trigger": True})
        assert [row["id"] for row in standing] == [order["id"]]
        await judge.cancel_order(order["id"], SYMBOL, {"trigger": True})
        assert await judge.fetch_open_orders(SYMBOL, params={"trigger": True}) == []

    async def test_a_stop_triggers_and_closes_the_position(self, alice: Customer, judge: ccxt.pro.binanceusdm) -> None:
        bid, _ = await top(judge)
        await judge.create_order(SYMBOL, "market", "buy", 0.1)
        stop = {"stopLossPrice": round(bid * 0.97, 1), "closePosition": True}
        order = await judge.create_order(SYMBOL, "market", "sell", 0.1, None, stop)
        alice.switch("gap_market", symbol="BTCUSDT", factor=0.9, seconds=30)
        async with asyncio.timeout(PATIENCE_S):
            while await judge.fetch_positions([SYMBOL]):
                pass
        done = await judge.fetch_order(order["id"], SYMBOL, {"trigger": True})
        assert done["info"]["algoStatus"] == "FINISHED"
        assert truth(alice)["orders"][-1]["origType"] == "STOP_MARKET"

    async def test_leverage_frees_margin(self, judge: ccxt.pro.binanceusdm) -> None:
        await judge.create_order(SYMBOL, "market", "buy", 0.5)
        before = (await judge.fetch_balance())["USDT"]["free"]
        await judge.set_leverage(5, SYMBOL)
        assert (await judge.fetch_balance())["USDT"]["free"] > before + 20_000

    async def test_private_streams(self, judge: ccxt.pro.binanceusdm) -> None:
        orders = asyncio.ensure_future(judge.watch_orders(SYMBOL))
        positions = asyncio.ensure_future(judge.watch_positions([SYMBOL]))
        trades = asyncio.ensure_future(judge.watch_my_trades(SYMBOL))
        await judge.authenticate({"type": "linear", "subType": "linear"})
        # The key is there before its socket is.
        async with asyncio.timeout(PATIENCE_S):
            while not (orders.done() and trades.done() and positions.done()):
                placed = await judge.create_order(SYMBOL, "market", "buy", 0.01)
                await asyncio.wait([orders, trades, positions], timeout=1)
        assert (await orders)[-1]["symbol"] == SYMBOL
        assert (await trades)[-1]["order"] <= placed["id"]
        assert (await positions)[-1]["side"] == "long"


def place(alice: Customer, **params: object) -> httpx.Response:
    price = float(alice.http.get("/fapi/v1/ticker/price?symbol=BTCUSDT").json()["price"])
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01",
             "price": f"{price * 0.8:.1f}"}  # fmt: skip
    return alice.signed("POST", "/fapi/v1/order", **order | params)


class TestFaults:
    @pytest.mark.parametrize("executed", [True, False])
    def test_an_unknown_status(self, alice: Customer, executed: bool) -> None:
        alice.switch("unknown_status", executed=executed, code=-1007)
        assert place(alice, newClientOrderId="unknown").json()["code"] == -1007
        assert [row["clientOrderId"] for row in truth(alice)["orders"]] == (["unknown"] if executed else [])
        assert alice.truth["requests_by_client_id"] == {"unknown": 1}

    def test_a_cut_connection(self, alice: Customer) -> None:
        alice.switch("lose_answer", channel="place")
        with pytest.raises(httpx.TransportError):
            place(alice, newClientOrderId="cut")
        found = alice.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="cut")
        assert found["status"] == "NEW"

    def test_hidden_swallowed_and_raced(self, alice: Customer) -> None:
        number = place(alice).json()["orderId"]
        alice.switch("hide_order")
        hidden = alice.signed("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)
        assert hidden.json()["code"] == -2013
        assert alice.ask("GET", "/fapi/v1/openOrders") == []
        alice.switch("hide_order", on=False)
        alice.switch("swallow_cancel")
        assert alice.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)["status"] == "CANCELED"
        assert alice.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)["status"] == "NEW"
        alice.switch("race_fill")
        raced = alice.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)
        assert raced.json()["code"] == -2011
        assert alice.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)["status"] == "FILLED"

    def test_positions_may_fail(self, alice: Customer) -> None:
        alice.switch("reject_request", channel="positionRisk", status=500, code=-1000)
        assert alice.signed("GET", "/fapi/v3/positionRisk").status_code == 500
        assert alice.signed("GET", "/fapi/v3/positionRisk").status_code == 200

    def test_late_trades_and_overfills(self, alice: Customer) -> None:
        alice.switch("late_trades", milliseconds=3_600_000)
        alice.switch("overfill", factor=2.0)
        alice.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert alice.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT") == []
        (position,) = alice.ask("GET", "/fapi/v3/positionRisk")
        assert position["positionAmt"] == "0.02000000"


class TestOperator:
    def test_funding_is_charged(self, alice: Customer) -> None:
        alice.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
        alice.operate("POST", "/sim/usdm/funding", {"symbol": "BTCUSDT", "rate": 0.001})
        (paid,) = alice.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
        price = float(alice.http.get("/fapi/v1/ticker/price?symbol=BTCUSDT").json()["price"])
        assert float(paid["income"]) == pytest.approx(-price * 0.1 * 0.001, rel=0.05)

    def test_a_position_is_liquidated(self, alice: Customer) -> None:
        alice.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.1")
        resting = place(alice).json()["orderId"]
        alice.operate("POST", f"/sim/usdm/accounts/{alice.id}/liquidate", {"symbol": "BTCUSDT"})
        assert alice.ask("GET", "/fapi/v3/positionRisk") == []
        assert alice.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=resting)["status"] == "CANCELED"
        assert truth(alice)["orders"][-1]["clientOrderId"].startswith("autoclose-")

    def test_a_human_trades_the_position(self, alice: Customer) -> None:
        order = alice.operate(
            "POST", f"/sim/usdm/accounts/{alice.id}/orders", {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.02"}
        )
        assert order["clientOrderId"].startswith("web_")
        (position,) = alice.ask("GET", "/fapi/v3/positionRisk")
        assert position["positionAmt"] == "-0.02000000"


def test_everything_survives_kill_9(venue: Simulator, tmp_path: Any) -> None:
    with running_simulator("--symbols", "BTC/USDT", "--history-days", "1", ledger=tmp_path) as first:
        bob = Customer(first, "bob")
        bob.operate("POST", f"/sim/usdm/accounts/{bob.id}/transfer", {"asset": "USDT", "amount": "50000"})
        bob.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
        place(bob)
        before = truth(bob)
        first.process.kill()
        first.process.wait()
        with running_simulator("--symbols", "BTC/USDT", "--history-days", "1", ledger=tmp_path, port=first.port):
            assert truth(bob) == before
            assert len(bob.ask("GET", "/fapi/v1/openOrders")) == 1
        bob.close()


class TestBatches:
    def order(self, alice: Customer, quantity: str = "0.01") -> dict[str, str]:
        price = float(alice.http.get("/fapi/v1/ticker/price?symbol=BTCUSDT").json()["price"])
        return {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity,
                "price": f"{price * 0.8:.1f}"}  # fmt: skip

    def test_each_order_stands_or_falls_alone(self, alice: Customer) -> None:
        orders = [self.order(alice), self.order(alice, "0.0001"), self.order(alice)]
        first, second, third = alice.ask("POST", "/fapi/v1/batchOrders", batchOrders=quote(json.dumps(orders)))
        assert (first["status"], second["code"], third["status"]) == ("NEW", -1111, "NEW")
        alice.switch("fail_leg", kind="cancel")
        numbers = quote(json.dumps([first["orderId"], third["orderId"]]))
        gone = alice.ask("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", orderIdList=numbers)
        assert [row.get("status", row.get("code")) for row in gone] == [-2011, "CANCELED"]
        assert [row["orderId"] for row in alice.ask("GET", "/fapi/v1/openOrders")] == [first["orderId"]]

"""Orders that replace, belong together, trail and show only a part, as a customer sees them over HTTP."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.integration.simulator.customer import Customer
from tests.integration.simulator.test_order_faults import balanced
from tests.simulator_fixture import Simulator, running_simulator

NUMBERS = count(1)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulator]:
    # No trade passes a price by itself while nothing moves.
    options = ("--symbols", "BTC/USDT", "--history-days", "1", "--weight-per-minute", "1000000")
    with running_simulator(*options, "--fault", "stand_still:seconds=86400") as running:
        yield running


@pytest.fixture
def alice(venue: Simulator) -> Iterator[Customer]:
    customer = Customer(venue, f"alice-{next(NUMBERS)}")
    yield customer
    assert balanced(customer)
    customer.switch("fail_leg", on=False)
    customer.close()


def locked(customer: Customer) -> dict[str, float]:
    return {asset: float(row["locked"]) for asset, row in customer.truth["balances"].items()}


class TestCancelReplace:
    def ask(self, alice: Customer, order: Any, *, mode: str, **params: object) -> Any:
        wish = {
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.02",
            "price": order["price"], "cancelReplaceMode": mode, "cancelOrderId": order["orderId"],
        }  # fmt: skip
        return alice.signed("POST", "order/cancelReplace", **wish | params)

    def test_both_legs_succeed(self, alice: Customer) -> None:
        order = alice.placed()
        answer = self.ask(alice, order, mode="STOP_ON_FAILURE").json()
        assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
        assert alice.order(order["orderId"]).json()["status"] == "CANCELED"
        assert alice.order(answer["newOrderResponse"]["orderId"]).json()["origQty"] == "0.02000000"

    @pytest.mark.parametrize(
        ("mode", "kind", "status", "code", "results"),
        [
            ("STOP_ON_FAILURE", "cancel", 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
            ("ALLOW_FAILURE", "cancel", 409, -2021, ("FAILURE", "SUCCESS")),
            ("ALLOW_FAILURE", "new", 409, -2021, ("SUCCESS", "FAILURE")),
        ],
    )
    def test_one_leg_fails(
        self, alice: Customer, mode: str, kind: str, status: int, code: int, results: tuple[str, str]
    ) -> None:
        order = alice.placed()
        alice.switch("fail_leg", kind=kind)
        answer = self.ask(alice, order, mode=mode)
        body = answer.json()
        assert (answer.status_code, body["code"]) == (status, code)
        assert (body["data"]["cancelResult"], body["data"]["newOrderResult"]) == results
        standing = {row["orderId"] for row in alice.ask("GET", "openOrders", symbol="BTCUSDT")}
        assert (order["orderId"] in standing) == (results[0] == "FAILURE")
        assert len(standing) == (results[0] == "FAILURE") + (results[1] == "SUCCESS")

    def test_a_lost_answer_leaves_both_legs_done(self, alice: Customer) -> None:
        order = alice.placed()
        alice.switch("unknown_status", channel="replace")
        assert self.ask(alice, order, mode="STOP_ON_FAILURE", newClientOrderId="second").status_code == 503
        assert [row["status"] for row in alice.truth["orders"]] == ["CANCELED", "NEW"]


def test_an_amended_order_is_smaller(alice: Customer) -> None:
    order = alice.placed(quantity="0.02")
    before = locked(alice)["USDT"]
    answer = alice.ask("PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=order["orderId"], newQty="0.01")
    assert answer["amendedOrder"]["origQty"] == "0.01000000"
    assert locked(alice)["USDT"] == pytest.approx(before / 2)
    larger = alice.signed("PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=order["orderId"], newQty="1")
    assert larger.json()["code"] == -2038


class TestOneCancelsOther:
    def place(self, alice: Customer, **params: object) -> Any:
        bid, ask = alice.quote()
        wish = {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.5", "aboveType": "LIMIT_MAKER",
            "abovePrice": f"{ask * 1.1:.2f}", "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": f"{bid * 0.9:.2f}",
            "belowPrice": f"{bid * 0.89:.2f}", "belowTimeInForce": "GTC",
        }  # fmt: skip
        return alice.signed("POST", "orderList/oco", **wish | params)

    def statuses(self, alice: Customer, made: Any) -> list[str]:
        return [alice.order(row["orderId"]).json()["status"] for row in made["orders"]]

    def test_the_quantity_is_locked_once(self, alice: Customer) -> None:
        made = self.place(alice).json()
        assert (made["contingencyType"], made["listOrderStatus"]) == ("OCO", "EXECUTING")
        assert locked(alice)["BTC"] == 0.5
        assert [row["orderListId"] for row in alice.ask("GET", "openOrderList")] == [made["orderListId"]]

    @pytest.mark.parametrize(("leg", "expected"), [(0, ["FILLED", "EXPIRED"]), (1, ["EXPIRED", "FILLED"])])
    def test_the_rival_of_a_filled_leg_expires(self, alice: Customer, leg: int, expected: list[str]) -> None:
        made = self.place(alice).json()
        alice.by_hand("POST", f"orders/{made['orders'][leg]['orderId']}/fill")
        assert self.statuses(alice, made) == expected
        assert locked(alice)["BTC"] == 0
        done = alice.ask("GET", "orderList", orderListId=made["orderListId"])
        assert done["listOrderStatus"] == "ALL_DONE"

    def test_a_part_of_a_fill_is_enough(self, alice: Customer) -> None:
        made = self.place(alice).json()
        alice.by_hand("POST", f"orders/{made['orders'][0]['orderId']}/fill", {"quantity": "0.1"})
        assert self.statuses(alice, made) == ["PARTIALLY_FILLED", "EXPIRED"]
        assert locked(alice)["BTC"] == pytest.approx(0.4)

    def test_cancelling_one_leg_cancels_both(self, alice: Customer) -> None:
        made = self.place(alice).json()
        alice.cancel(made["orders"][1]["orderId"])
        assert self.statuses(alice, made) == ["CANCELED", "CANCELED"]
        again = self.place(alice).json()
        gone = alice.ask("DELETE", "orderList", symbol="BTCUSDT", orderListId=again["orderListId"])
        assert gone["listOrderStatus"] == "ALL_DONE"
        assert locked(alice)["BTC"] == 0

    def test_the_older_request_means_the_same(self, alice: Customer) -> None:
        bid, ask = alice.quote()
        made = alice.ask(
            "POST", "order/oco", symbol="BTCUSDT", side="SELL", quantity="0.1", price=f"{ask * 1.1:.2f}",
            stopPrice=f"{bid * 0.9:.2f}", stopLimitPrice=f"{bid * 0.89:.2f}", stopLimitTimeInForce="GTC",
        )  # fmt: skip
        assert [row["type"] for row in made["orderReports"]] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]

    def test_prices_on_the_wrong_side_are_refused_and_nothing_stays(self, alice: Customer) -> None:
        refused = self.place(alice, belowStopPrice=f"{alice.quote()[1] * 1.05:.2f}").json()
        assert refused["msg"] == "The relationship of the prices for the orders is not correct."
        assert self.place(alice, quantity="50").json()["code"] == -2010
        assert (locked(alice)["BTC"], alice.truth["orders"]) == (0, [])

    async def test_its_status_is_on_the_stream(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            made = self.place(alice).json()
            told = await stream.event(kind="listStatus")
            assert (told["g"], told["c"], told["L"]) == (made["orderListId"], "OCO", "EXECUTING")
            alice.cancel(made["orders"][0]["orderId"])
            assert (await stream.event(kind="listStatus"))["L"] == "ALL_DONE"


class TestOneTriggersOthers:
    def test_a_stop_and_a_target_wait_for_the_entry(self, alice: Customer) -> None:
        bid, ask = alice.quote()
        made = alice.ask(
            "POST", "orderList/otoco", symbol="BTCUSDT", workingType="LIMIT", workingSide="BUY", workingTimeInForce="GTC",
            workingPrice=f"{bid * 0.95:.2f}", workingQuantity="0.1", pendingSide="SELL", pendingQuantity="0.099",
            pendingAboveType="LIMIT_MAKER", pendingAbovePrice=f"{ask * 1.1:.2f}", pendingBelowType="STOP_LOSS",
            pendingBelowStopPrice=f"{bid * 0.8:.2f}",
        )  # fmt: skip
        entry, target, stop = (row["orderId"] for row in made["orders"])
        assert alice.order(stop).json()["status"] == "PENDING_NEW"
        assert locked(alice)["BTC"] == 0
        alice.by_hand("POST", f"orders/{entry}/fill", {"quantity": "0.05"})
        assert alice.order(target).json()["status"] == "PENDING_NEW"
        alice.by_hand("POST", f"orders/{entry}/fill")
        assert [alice.order(number).json()["status"] for number in (target, stop)] == ["NEW", "NEW"]
        assert locked(alice)["BTC"] == pytest.approx(0.099)
        alice.by_hand("POST", f"orders/{target}/fill")
        assert alice.order(stop).json()["status"] == "EXPIRED"

    def test_cancelling_the_entry_ends_what_waits_for_it(self, alice: Customer) -> None:
        bid, _ = alice.quote()
        made = alice.ask(
            "POST", "orderList/oto", symbol="BTCUSDT", workingType="LIMIT", workingSide="BUY", workingTimeInForce="GTC",
            workingPrice=f"{bid * 0.95:.2f}", workingQuantity="0.1", pendingType="STOP_LOSS", pendingSide="SELL",
            pendingQuantity="0.1", pendingStopPrice=f"{bid * 0.8:.2f}",
        )  # fmt: skip
        entry, stop = (row["orderId"] for row in made["orders"])
        alice.cancel(entry)
        assert [alice.order(number).json()["status"] for number in (entry, stop)] == ["CANCELED", "CANCELED"]


def test_an_iceberg_says_what_it_shows(alice: Customer) -> None:
    order = alice.placed(quantity="0.1", icebergQty="0.02")
    assert alice.order(order["orderId"]).json()["icebergQty"] == "0.02000000"
    assert alice.place(quantity="0.1", icebergQty="0.001").json()["msg"] == "Filter failure: ICEBERG_PARTS"
    assert alice.place(quantity="0.1", icebergQty="0.02", timeInForce="IOC").json()["code"] == -1106


def test_a_trailing_stop_says_how_far_behind_it_is(alice: Customer) -> None:
    order = alice.placed(type="STOP_LOSS", side="SELL", trailingDelta=100)
    assert alice.order(order["orderId"]).json()["trailingDelta"] == 100
    assert alice.place(type="STOP_LOSS", side="SELL", trailingDelta=5).json()["msg"] == "Filter failure: TRAILING_DELTA"

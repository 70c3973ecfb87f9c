"""Every way in which a venue breaks orders, fills and keys, as its customer sees it over real sockets."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import httpx
import pytest
import websockets

from tests.integration.simulator.customer import Customer
from tests.simulator_fixture import Simulator, running_simulator

NUMBERS = count(1)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulator]:
    options = ("--symbols", "BTC/USDT,BNB/USDT", "--history-days", "1", "--weight-per-minute", "1000000")
    with running_simulator(*options) as running:
        yield running


@pytest.fixture
def alice(venue: Simulator) -> Iterator[Customer]:
    customer = Customer(venue, f"alice-{next(NUMBERS)}")
    yield customer
    customer.switch_all_off()
    customer.close()


class TestSending:
    @pytest.mark.parametrize("executed", [True, False])
    def test_a_cut_connection_says_nothing_about_the_order(self, alice: Customer, executed: bool) -> None:
        alice.switch("lose_answer", executed=executed, channel="place")
        with pytest.raises(httpx.TransportError):
            alice.place(newClientOrderId="cut")
        found = alice.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="cut").json()
        assert found.get("status", found.get("code")) == ("NEW" if executed else -2013)

    @pytest.mark.parametrize("executed", [True, False])
    @pytest.mark.parametrize(("status", "code"), [(503, -1006), (503, -1007), (500, -1000), (502, 0)])
    def test_an_unknown_status_may_have_any_code(self, alice: Customer, status: int, code: int, executed: bool) -> None:
        alice.switch("unknown_status", status=status, code=code, executed=executed)
        answer = alice.place(newClientOrderId="unknown")
        assert (answer.status_code, answer.json().get("code", 0)) == (status, code)
        assert [row["clientOrderId"] for row in alice.truth["orders"]] == (["unknown"] if executed else [])

    @pytest.mark.parametrize("kind", ["html", "truncate", "empty", "other"])
    def test_an_unreadable_answer_comes_with_status_200(self, alice: Customer, kind: str) -> None:
        alice.switch("garbled_answer", kind=kind)
        answer = alice.place()
        assert answer.status_code == 200
        assert b"orderId" not in answer.content or not answer.content.endswith(b"}")
        assert len(alice.truth["orders"]) == 1

    def test_only_the_named_kind_of_request_is_hit(self, alice: Customer) -> None:
        alice.switch("unknown_status", channel="cancel", executed=False)
        order = alice.placed()
        assert alice.cancel(order["orderId"]).status_code == 503
        assert alice.true_order(order["orderId"])["status"] == "NEW"

    async def test_the_stream_may_be_ahead_of_the_answer(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            alice.switch("slow_ack", milliseconds=1000)
            answer = asyncio.ensure_future(asyncio.to_thread(alice.placed))
            assert (await stream.event())["x"] == "NEW"
            assert not answer.done()
            await answer

    def test_balances_may_fail(self, alice: Customer) -> None:
        alice.switch("reject_request", channel="account", status=500, code=-1000, count=2)
        assert alice.signed("GET", "openOrders").status_code == 200
        assert [alice.signed("GET", "account").status_code for _ in range(3)] == [500, 500, 200]

    def test_a_chance_hits_some_requests(self, alice: Customer) -> None:
        alice.switch("reject_request", channel="openOrders", chance=0.5, count=1000)
        codes = [alice.signed("GET", "openOrders").status_code for _ in range(40)]
        assert {200, 503} == set(codes)

    def test_a_nonce_must_rise(self, alice: Customer) -> None:
        alice.switch("strict_nonce")
        now_ms = alice.http.get("/api/v3/time").json()["serverTime"]
        assert alice.signed("GET", "account", timestamp=now_ms).status_code == 200
        assert alice.signed("GET", "account", timestamp=now_ms).json()["code"] == -1021
        assert alice.signed("GET", "account", timestamp=now_ms + 1).status_code == 200

    def test_an_id_may_be_used_again_once_its_order_is_filled(self, alice: Customer) -> None:
        first = alice.placed(type="MARKET", newClientOrderId="again")
        second = alice.placed(newClientOrderId="again")
        assert first["orderId"] != second["orderId"]
        refused = alice.place(newClientOrderId="again").json()
        assert (refused["code"], refused["msg"]) == (-2010, "Duplicate order sent.")
        assert alice.truth["requests_by_client_id"]["again"] == 3

    @pytest.mark.parametrize(
        ("kind", "factor", "order", "broken"),
        [
            ("tick", 1_000.0, {"price": "60000.01"}, "PRICE_FILTER"),
            ("step", 1_000.0, {"quantity": "0.015"}, "LOT_SIZE"),
            ("notional", 1_000.0, {"quantity": "0.01"}, "NOTIONAL"),
        ],
    )
    def test_filters_change_live(
        self, alice: Customer, kind: str, factor: float, order: dict[str, str], broken: str
    ) -> None:
        alice.placed()
        alice.switch("listing_change", symbol="BTCUSDT", kind=kind, factor=factor)
        assert alice.place(**order).json()["msg"] == f"Filter failure: {broken}"

    @pytest.mark.parametrize("kind", ["cancel_only", "closed"])
    def test_trading_halts_while_data_go_on(self, alice: Customer, kind: str) -> None:
        order = alice.placed()
        alice.switch("halt_trading", symbol="BTCUSDT", kind=kind)
        assert alice.place().json()["msg"] == "Market is closed."
        assert alice.quote()[0] > 0
        assert alice.cancel(order["orderId"]).status_code == (200 if kind == "cancel_only" else 503)


class TestKeys:
    def test_a_key_is_revoked_while_it_is_used(self, alice: Customer) -> None:
        order = alice.placed()
        alice.switch("key_change", kind="revoked")
        refused = alice.signed("GET", "account")
        assert (refused.status_code, refused.json()["code"]) == (401, -2015)
        alice.switch("key_change", on=False)
        assert alice.order(order["orderId"]).json()["status"] == "NEW"

    async def test_a_revoked_key_ends_the_stream(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            await asyncio.to_thread(alice.switch, "key_change", kind="revoked")
            assert await stream.event(kind="listenKeyExpired")

    def test_a_key_may_become_one_for_reading(self, alice: Customer) -> None:
        alice.switch("key_change", kind="read_only")
        assert alice.signed("GET", "account").status_code == 200
        assert alice.place().json()["code"] == -2015

    @pytest.mark.parametrize(("kind", "name"), [("withdraw", "enableWithdrawals"), ("unbound", "ipRestrict")])
    def test_the_scope_of_a_key_is_told(self, alice: Customer, kind: str, name: str) -> None:
        before = alice.ask("GET", "/sapi/v1/account/apiRestrictions")
        assert (before["enableWithdrawals"], before["ipRestrict"], before["enableSpotAndMarginTrading"]) == (
            False, True, True,
        )  # fmt: skip
        alice.switch("key_change", kind=kind)
        assert alice.ask("GET", "/sapi/v1/account/apiRestrictions")[name] is not before[name]


class TestOrders:
    def test_a_young_order_is_hidden_and_works(self, alice: Customer) -> None:
        alice.switch("hide_order", milliseconds=60_000)
        order = alice.placed()
        assert alice.order(order["orderId"]).json()["code"] == -2013
        assert alice.ask("GET", "openOrders", symbol="BTCUSDT") == []
        assert alice.ask("GET", "allOrders", symbol="BTCUSDT") == []
        assert alice.true_order(order["orderId"])["status"] == "NEW"
        assert alice.cancel(order["orderId"]).status_code == 200

    def test_orders_are_shown_as_they_were(self, alice: Customer) -> None:
        order = alice.placed()
        alice.cancel(order["orderId"])
        assert alice.order(order["orderId"]).json()["status"] == "CANCELED"
        alice.switch("stale_orders", milliseconds=60_000)
        assert alice.order(order["orderId"]).json()["code"] == -2013
        alice.switch("stale_orders", milliseconds=1)
        assert alice.order(order["orderId"]).json()["status"] == "CANCELED"

    @pytest.mark.parametrize("code", [-2026, -2013])
    def test_ended_orders_go_to_the_archive(self, alice: Customer, code: int) -> None:
        cancelled, filled, standing = alice.placed(), alice.bought(), alice.placed()
        alice.cancel(cancelled["orderId"])
        alice.switch("archive_orders", code=code)
        assert alice.order(cancelled["orderId"]).json()["code"] == code
        rows = alice.ask("GET", "allOrders", symbol="BTCUSDT")
        assert [row["orderId"] for row in rows] == [filled["orderId"], standing["orderId"]]
        alice.switch("archive_orders", code=code, executed=True)
        assert alice.order(filled["orderId"]).json()["code"] == code

    def test_a_swallowed_cancel_is_answered_like_any(self, alice: Customer) -> None:
        order = alice.placed()
        alice.switch("swallow_cancel")
        assert alice.cancel(order["orderId"]).json()["status"] == "CANCELED"
        assert alice.order(order["orderId"]).json()["status"] == "NEW"
        assert alice.cancel(order["orderId"]).json()["status"] == "CANCELED"
        assert alice.order(order["orderId"]).json()["status"] == "CANCELED"

    @pytest.mark.parametrize(
        ("rate", "answer", "filled"), [(1.0, -2011, "0.01000000"), (0.5, "CANCELED", "0.00500000")]
    )
    def test_a_fill_races_the_cancel(self, alice: Customer, rate: float, answer: object, filled: str) -> None:
        order = alice.placed()
        alice.switch("race_fill", rate=rate)
        cancelled = alice.cancel(order["orderId"]).json()
        assert cancelled.get("status", cancelled.get("code")) == answer
        assert alice.order(order["orderId"]).json()["executedQty"] == filled

    def test_a_human_uses_the_account_too(self, alice: Customer) -> None:
        mine = alice.placed()
        theirs = alice.by_hand(
            "POST",
            "orders",
            {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.02"},
        )
        assert theirs["clientOrderId"].startswith("web_")
        assert alice.by_hand("DELETE", f"orders/{mine['orderId']}")["status"] == "CANCELED"
        assert [trade["orderId"] for trade in alice.trades()] == [theirs["orderId"]] * len(alice.trades())
        assert alice.truth["requests_by_client_id"] == {mine["clientOrderId"]: 1}

    def test_the_market_gaps_through_a_stop_limit(self, alice: Customer) -> None:
        bid, _ = alice.quote()
        order = alice.placed(
            type="STOP_LOSS_LIMIT",
            side="SELL",
            timeInForce="GTC",
            stopPrice=f"{bid * 0.99:.2f}",
            price=f"{bid * 0.985:.2f}",
        )
        alice.switch("gap_market", symbol="BTCUSDT", factor=0.9, seconds=600)
        shown = alice.order(order["orderId"]).json()
        while not shown["isWorking"]:
            shown = alice.order(order["orderId"]).json()
        assert (shown["status"], shown["executedQty"]) == ("NEW", "0.00000000")
        assert alice.quote()[1] < bid * 0.95
        trades = alice.http.get("/api/v3/trades?symbol=BTCUSDT&limit=1").json()
        (bar,) = alice.http.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1").json()
        assert float(bar[3]) <= float(trades[0]["price"]) < bid * 0.95


class TestFills:
    def test_trades_come_late(self, alice: Customer) -> None:
        alice.switch("late_trades", milliseconds=3_600_000)
        bought = alice.bought()
        assert (bought["status"], bought["fills"]) == ("FILLED", [])
        assert alice.order(bought["orderId"]).json()["executedQty"] == "0.01000000"
        assert alice.trades() == []
        alice.switch("late_trades", on=False)
        assert sum(Decimal(trade["qty"]) for trade in alice.trades()) == Decimal("0.01")

    async def test_late_trades_are_late_on_the_stream_as_well(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            alice.switch("late_trades", milliseconds=4000)
            await asyncio.to_thread(alice.bought, "0.00010")
            order = await asyncio.to_thread(alice.placed)
            await asyncio.to_thread(alice.cancel, order["orderId"])
            assert await stream.executions(4) == ["NEW", "NEW", "CANCELED", "TRADE"]

    def test_an_order_is_filled_beyond_its_size(self, alice: Customer) -> None:
        alice.switch("overfill", factor=1.5)
        order = alice.bought()
        assert alice.order(order["orderId"]).json()["executedQty"] == "0.01500000"
        assert sum(Decimal(trade["qty"]) for trade in alice.trades()) == Decimal("0.015")
        assert balanced(alice)

    def test_a_fill_by_hand_is_exact(self, alice: Customer) -> None:
        order = alice.placed()
        alice.by_hand("POST", f"orders/{order['orderId']}/fill", {"quantity": "0.004"})
        shown = alice.order(order["orderId"]).json()
        assert (shown["status"], shown["executedQty"]) == ("PARTIALLY_FILLED", "0.00400000")
        alice.by_hand("POST", f"orders/{order['orderId']}/fill")
        assert alice.order(order["orderId"]).json()["status"] == "FILLED"
        assert [trade["price"] for trade in alice.trades()] == [order["price"]] * 2
        assert balanced(alice)

    def test_a_trade_is_voided(self, alice: Customer) -> None:
        before = alice.truth["balances"]
        order = alice.placed()
        trade = alice.by_hand("POST", f"orders/{order['orderId']}/fill")["trade"]
        alice.by_hand("DELETE", f"trades/{trade['id']}")
        assert alice.trades() == []
        assert alice.order(order["orderId"]).json()["executedQty"] == "0.00000000"
        assert alice.truth["balances"] == before
        assert [row["busted"] for row in alice.truth["trades"]] == [True]
        assert balanced(alice)

    def test_fees_are_paid_in_a_third_asset(self, venue: Simulator) -> None:
        bob = Customer(venue, f"bob-{next(NUMBERS)}", fee_asset="BNB", USDT="10000", BNB="1")
        bought = bob.bought()
        assert {fill["commissionAsset"] for fill in bought["fills"]} == {"BNB"}
        paid = sum(Decimal(fill["commission"]) for fill in bought["fills"])
        assert Decimal(bob.truth["balances"]["BNB"]["free"]) == 1 - paid
        assert bob.truth["balances"]["BTC"]["free"] == "0.01000000"
        assert balanced(bob)
        bob.close()

    def test_fees_are_paid_in_what_is_received_where_the_chosen_asset_is_short(self, venue: Simulator) -> None:
        carol = Customer(venue, f"carol-{next(NUMBERS)}", fee_asset="BNB", USDT="10000")
        assert {fill["commissionAsset"] for fill in carol.bought()["fills"]} == {"BTC"}
        carol.by_hand("POST", "fees", {"asset": "USDT"})
        assert {fill["commissionAsset"] for fill in carol.bought()["fills"]} == {"USDT"}
        carol.close()


def balanced(customer: Customer) -> bool:
    """Every asset's sum over customers, market, fees and the world outside is zero."""
    return {row["sum"] for row in customer.operate("GET", "/sim/books").values()} == {"0.00000000"}


class TestStream:
    async def test_events_are_dropped(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            alice.switch("drop_events", channel="executionReport", kind="TRADE")
            await asyncio.to_thread(alice.bought)
            order = await asyncio.to_thread(alice.placed)
            seen = [await stream.event(), await stream.event()]
            assert [event["x"] for event in seen] == ["NEW", "NEW"]
            assert seen[1]["i"] == order["orderId"]

    async def test_events_come_several_times(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            alice.switch("duplicate_events", kind="NEW", factor=3)
            order = await asyncio.to_thread(alice.placed)
            await asyncio.to_thread(alice.cancel, order["orderId"])
            assert await stream.executions(4) == ["NEW", "NEW", "NEW", "CANCELED"]

    async def test_events_are_shuffled(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            order = await asyncio.to_thread(alice.placed)
            assert await stream.executions(1) == ["NEW"]
            alice.switch("shuffle_events", milliseconds=3000, seconds=600)
            await asyncio.to_thread(alice.by_hand, "POST", f"orders/{order['orderId']}/fill", {"quantity": "0.001"})
            await asyncio.to_thread(alice.cancel, order["orderId"])
            assert await stream.executions(2) == ["CANCELED", "TRADE"]

    async def test_events_are_delayed(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            alice.switch("delay_events", kind="NEW", milliseconds=3000)
            order = await asyncio.to_thread(alice.placed)
            await asyncio.to_thread(alice.cancel, order["orderId"])
            assert await stream.executions(2) == ["CANCELED", "NEW"]

    async def test_old_events_come_again(self, alice: Customer) -> None:
        async with alice.listening() as stream:
            order = await asyncio.to_thread(alice.placed)
            await asyncio.to_thread(alice.cancel, order["orderId"])
            assert await stream.executions(2) == ["NEW", "CANCELED"]
            alice.switch("replay_events", count=20)
            assert await stream.executions(2) == ["NEW", "CANCELED"]


class TestLedger:
    def test_it_knows_every_request_and_when_it_came(self, alice: Customer) -> None:
        first = alice.placed(newClientOrderId="one")
        alice.place(newClientOrderId="two", quantity="0.000001")
        alice.switch("lose_answer", executed=False)
        with pytest.raises(httpx.TransportError):
            alice.place(newClientOrderId="three")
        alice.cancel(first["orderId"])
        rows = alice.truth["requests"]
        assert [(row["action"], row["client_order_id"], row["outcome"]) for row in rows] == [
            ("place", "one", "accepted"),
            ("place", "two", "-1013"),
            ("place", "three", "not carried out"),
            ("cancel", str(first["orderId"]), "accepted"),
        ]
        times = [row["received_ns"] for row in rows]
        assert times == sorted(times)
        assert alice.operate("GET", f"/sim/accounts/{alice.id}/ledger?after={rows[2]['id']}")["requests"] == rows[3:]

    def test_money_comes_and_goes(self, alice: Customer) -> None:
        alice.by_hand("POST", "deposit", {"asset": "ETH", "amount": "3"})
        alice.by_hand("POST", "deposit", {"asset": "ETH", "amount": "-1"})
        assert alice.truth["balances"]["ETH"]["free"] == "2.00000000"
        assert balanced(alice)


class TestSocketApi:
    """The same over the WebSocket API."""

    ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}

    async def test_an_unknown_status_comes_with_its_code(self, alice: Customer) -> None:
        alice.switch("unknown_status", code=-1007)
        async with alice.calling() as api:
            answer = await api.ask("order.place", **self.ORDER)
        assert (answer["status"], answer["error"]["code"]) == (503, -1007)
        assert [row["status"] for row in alice.truth["orders"]] == ["FILLED"]

    async def test_a_cut_socket_says_nothing_about_the_order(self, alice: Customer) -> None:
        alice.switch("lose_answer")
        async with alice.calling() as api:
            with pytest.raises(websockets.ConnectionClosed):
                await api.ask("order.place", **self.ORDER)
        assert [row["status"] for row in alice.truth["orders"]] == ["FILLED"]

    async def test_the_stream_of_a_revoked_key_ends(self, alice: Customer) -> None:
        async with alice.calling() as api:
            assert (await api.ask("userDataStream.subscribe.signature"))["status"] == 200
            alice.switch("key_change", kind="revoked")
            assert (await api.heard())["event"]["e"] == "eventStreamTerminated"
            assert (await api.ask("account.status"))["error"]["code"] == -2015

    async def test_a_pair_of_orders_is_placed_and_cancelled(self, alice: Customer) -> None:
        bid, ask = alice.quote()
        async with alice.calling() as api:
            made = await api.ask(
                "orderList.place.oco", symbol="BTCUSDT", side="SELL", quantity="0.1", aboveType="LIMIT_MAKER",
                abovePrice=f"{ask * 1.1:.2f}", belowType="STOP_LOSS", belowStopPrice=f"{bid * 0.9:.2f}",
            )  # fmt: skip
            gone = await api.ask("orderList.cancel", symbol="BTCUSDT", orderListId=made["result"]["orderListId"])
        assert gone["result"]["listOrderStatus"] == "ALL_DONE"

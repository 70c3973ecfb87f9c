"""ccxt as the judge of the rarer orders of the spot market, and of what a key may do."""

from collections.abc import AsyncIterator

import ccxt.pro
import pytest

from tests.integration.simulator.conftest import judge
from tests.integration.simulator.customer import Customer
from tests.simulator_fixture import Simulator, running_simulator

SYMBOL = "BTC/USDT"


@pytest.fixture
async def binance(exchange: Simulator) -> AsyncIterator[ccxt.pro.binance]:
    client = judge(exchange)
    client.urls["api"]["sapi"] = f"{exchange.rest_url}/sapi/v1"
    await client.load_markets()
    yield client
    if await client.fetch_open_orders(SYMBOL):
        await client.cancel_all_orders(SYMBOL)
    await client.close()


async def bid(binance: ccxt.pro.binance) -> float:
    return float((await binance.fetch_order_book(SYMBOL, 5))["bids"][0][0])


async def test_an_order_is_replaced(binance: ccxt.pro.binance) -> None:
    price = await bid(binance)
    order = await binance.create_order(SYMBOL, "limit", "buy", 0.01, price * 0.9)
    second = await binance.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, price * 0.85)
    assert (second["status"], second["amount"]) == ("open", 0.02)
    assert (await binance.fetch_order(order["id"], SYMBOL))["status"] == "canceled"


async def test_a_trailing_stop_is_placed(binance: ccxt.pro.binance) -> None:
    trailing = {"trailingPercent": 2, "stopLossOrTakeProfit": "stopLoss"}
    order = await binance.create_order(SYMBOL, "market", "sell", 0.01, None, trailing)
    assert (await binance.fetch_order(order["id"], SYMBOL))["info"]["trailingDelta"] == 200


async def test_an_iceberg_is_placed(binance: ccxt.pro.binance) -> None:
    price = await bid(binance)
    order = await binance.create_order(SYMBOL, "limit", "buy", 0.1, price * 0.9, {"icebergAmount": 0.02})
    assert (await binance.fetch_order(order["id"], SYMBOL))["info"]["icebergQty"] == "0.02000000"


async def test_a_pair_of_orders_is_placed_and_found(binance: ccxt.pro.binance) -> None:
    price = await bid(binance)
    made = await binance.private_post_orderlist_oco(
        {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER",
            "abovePrice": f"{price * 1.1:.2f}", "belowType": "STOP_LOSS", "belowStopPrice": f"{price * 0.9:.2f}",
        }
    )  # fmt: skip
    legs = {str(row["orderId"]) for row in made["orders"]}
    assert legs <= {order["id"] for order in await binance.fetch_open_orders(SYMBOL)}
    await binance.cancel_order(next(iter(legs)), SYMBOL)
    assert not legs & {order["id"] for order in await binance.fetch_open_orders(SYMBOL)}


async def test_the_scope_of_a_key_is_told(binance: ccxt.pro.binance) -> None:
    scope = await binance.sapi_get_account_apirestrictions()
    assert (scope["enableWithdrawals"], scope["enableSpotAndMarginTrading"]) == (False, True)


def test_a_pair_survives_kill_9(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    options = ("--symbols", "BTC/USDT", "--history-days", "1", "--fault", "stand_still:seconds=86400")
    with running_simulator(*options, ledger=folder) as first:
        alice = Customer(first, "alice")
        price = alice.quote()[0]
        made = alice.ask(
            "POST", "orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.01", aboveType="LIMIT_MAKER",
            abovePrice=f"{price * 1.1:.2f}", belowType="STOP_LOSS", belowStopPrice=f"{price * 0.9:.2f}",
        )  # fmt: skip
        first.process.kill()
        first.process.wait()
        with running_simulator(*options, ledger=folder, port=first.port):
            target, stop = (row["orderId"] for row in made["orders"])
            alice.by_hand("POST", f"orders/{target}/fill")
            assert alice.order(stop).json()["status"] == "EXPIRED"
            assert float(alice.truth["balances"]["BTC"]["locked"]) == 0
        alice.close()

"""ccxt's Binance class is the judge of the dialect: whatever it understands, a client of Binance understands."""

import asyncio
from decimal import Decimal

import ccxt.pro
import pytest

from tests.patience import PATIENCE_S

SYMBOL = "BTC/USDT"


async def _top(binance: ccxt.pro.binance) -> tuple[float, float]:
    book = await binance.fetch_order_book(SYMBOL, 5)
    return book["bids"][0][0], book["asks"][0][0]


async def test_markets_carry_the_filters(binance: ccxt.pro.binance) -> None:
    market = binance.market(SYMBOL)
    assert market["spot"]
    assert market["active"]
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 0.00001}
    assert market["limits"]["cost"]["min"] == 5.0


async def test_public_requests(binance: ccxt.pro.binance) -> None:
    book = await binance.fetch_order_book(SYMBOL, 100)
    assert len(book["bids"]) == len(book["asks"]) == 100
    assert book["bids"][0][0] < book["asks"][0][0]
    ticker = await binance.fetch_ticker(SYMBOL)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert set(await binance.fetch_tickers([SYMBOL, "ETH/USDT"])) == {SYMBOL, "ETH/USDT"}
    assert SYMBOL in await binance.fetch_bids_asks([SYMBOL])
    trades = await binance.fetch_trades(SYMBOL, limit=50)
    ids = [int(trade["id"]) for trade in trades]
    assert ids == list(range(ids[0], ids[0] + 50))
    bars = await binance.fetch_ohlcv(SYMBOL, "5m", limit=200)
    assert [bar[0] - bars[0][0] for bar in bars] == [300_000 * place for place in range(200)]
    assert abs(await binance.fetch_time() - binance.milliseconds()) < 2_000


async def test_market_order_fills_and_books_the_fee(binance: ccxt.pro.binance) -> None:
    before = await binance.fetch_balance()
    order = await binance.create_order(SYMBOL, "market", "buy", 0.01)
    assert order["status"] == "closed"
    assert order["filled"] == 0.01
    after = await binance.fetch_balance()
    fee = sum(Decimal(str(fill["fee"]["cost"])) for fill in order["trades"])
    assert {fill["fee"]["currency"] for fill in order["trades"]} == {"BTC"}
    gained = Decimal(str(after["BTC"]["total"])) - Decimal(str(before["BTC"]["total"]))
    assert gained == Decimal("0.01") - fee
    spent = Decimal(str(before["USDT"]["total"])) - Decimal(str(after["USDT"]["total"]))
    assert spent == Decimal(order["info"]["cummulativeQuoteQty"])
    trades = await binance.fetch_my_trades(SYMBOL, params={"orderId": order["id"]})
    assert [trade["id"] for trade in trades] == [fill["id"] for fill in order["trades"]]


async def test_market_order_by_cost(binance: ccxt.pro.binance) -> None:
    order = await binance.create_market_buy_order_with_cost(SYMBOL, 100)
    assert order["status"] == "closed"
    assert 99 < order["cost"] <= 100


async def test_limit_order_rests_is_found_and_cancelled(binance: ccxt.pro.binance) -> None:
    bid, _ = await _top(binance)
    price = binance.price_to_precision(SYMBOL, bid * 0.9)
    order = await binance.create_order(SYMBOL, "limit", "buy", 0.01, float(price), {"clientOrderId": "alice-1"})
    assert order["status"] == "open"
    assert order["clientOrderId"] == "alice-1"
    found = await binance.fetch_order(order["id"], SYMBOL)
    assert (found["price"], found["amount"], found["filled"]) == (float(price), 0.01, 0)
    assert order["id"] in [other["id"] for other in await binance.fetch_open_orders(SYMBOL)]
    balance = await binance.fetch_balance()
    assert Decimal(str(balance["USDT"]["used"])) == Decimal(price) * Decimal("0.01")
    cancelled = await binance.cancel_order(order["id"], SYMBOL)
    assert cancelled["status"] == "canceled"
    assert (await binance.fetch_order(order["id"], SYMBOL))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        await binance.cancel_order(order["id"], SYMBOL)
    assert order["id"] in [other["id"] for other in await binance.fetch_orders(SYMBOL)]


async def test_post_only_order_is_refused_when_it_would_trade(binance: ccxt.pro.binance) -> None:
    bid, ask = await _top(binance)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await binance.create_order(SYMBOL, "limit", "buy", 0.01, round(ask * 1.05, 2), {"postOnly": True})
    order = await binance.create_order(SYMBOL, "limit", "buy", 0.01, round(bid * 0.95, 2), {"postOnly": True})
    assert order["status"] == "open"
    assert (await binance.fetch_order(order["id"], SYMBOL))["postOnly"]
    await binance.cancel_order(order["id"], SYMBOL)


async def test_stop_orders_wait_for_their_price(binance: ccxt.pro.binance) -> None:
    bid, _ = await _top(binance)
    stop = await binance.create_order(SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": round(bid * 0.9, 2)})
    limit = await binance.create_order(
        SYMBOL, "limit", "sell", 0.01, round(bid * 1.2, 2), {"takeProfitPrice": round(bid * 1.19, 2)}
    )
    found = await binance.fetch_order(stop["id"], SYMBOL)
    assert (found["status"], found["triggerPrice"]) == ("open", round(bid * 0.9, 2))
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await binance.create_order(SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": round(bid * 1.1, 2)})
    cancelled = await binance.cancel_all_orders(SYMBOL)
    assert {stop["id"], limit["id"]} <= {order["id"] for order in cancelled}


async def test_immediate_orders_never_rest(binance: ccxt.pro.binance) -> None:
    bid, ask = await _top(binance)
    order = await binance.create_order(SYMBOL, "limit", "buy", 0.01, round(bid * 0.9, 2), {"timeInForce": "IOC"})
    assert order["status"] == "expired"
    assert order["filled"] == 0
    order = await binance.create_order(SYMBOL, "limit", "buy", 0.001, round(ask * 1.02, 2), {"timeInForce": "FOK"})
    assert order["status"] == "closed"


async def test_refusals_have_binance_codes(binance: ccxt.pro.binance) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await binance.create_order(SYMBOL, "market", "sell", 5)
    with pytest.raises(ccxt.OrderNotFound):
        await binance.fetch_order("999999999", SYMBOL)
    with pytest.raises(ccxt.InvalidOrder, match=r"lot size"):
        await binance.private_post_order({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.000015"})
    with pytest.raises(ccxt.InvalidNonce):
        await binance.fetch_balance({"timestamp": binance.milliseconds() - 60_000})
    binance.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await binance.fetch_balance()


async def test_public_streams(binance: ccxt.pro.binance) -> None:
    trades, book, ticker, bars, quotes = await asyncio.wait_for(
        asyncio.gather(
            binance.watch_trades(SYMBOL),
            binance.watch_order_book(SYMBOL),
            binance.watch_ticker(SYMBOL),
            binance.watch_ohlcv(SYMBOL, "1m"),
            binance.watch_bids_asks([SYMBOL]),
        ),
        20,
    )
    assert trades[0]["symbol"] == SYMBOL
    assert trades[0]["amount"] > 0
    assert book["bids"][0][0] < book["asks"][0][0]
    assert ticker["last"] > 0
    assert bars[-1][2] >= bars[-1][3]
    assert quotes[SYMBOL]["bid"] < quotes[SYMBOL]["ask"]


async def test_watched_order_book_keeps_its_update_chain(binance: ccxt.pro.binance) -> None:
    # ccxt raises ChecksumError when an update id is missing.
    for _ in range(30):
        book = await asyncio.wait_for(binance.watch_order_book(SYMBOL), PATIENCE_S)
        assert book["bids"][0][0] < book["asks"][0][0]


async def test_private_streams(binance: ccxt.pro.binance) -> None:
    orders = asyncio.ensure_future(binance.watch_orders(SYMBOL))
    trades = asyncio.ensure_future(binance.watch_my_trades(SYMBOL))
    balance = asyncio.ensure_future(binance.watch_balance())
    await binance.authenticate({"type": "spot"})
    placed = await binance.create_order(SYMBOL, "market", "buy", 0.001)
    seen = await asyncio.wait_for(orders, PATIENCE_S)
    assert seen[-1]["id"] == placed["id"]
    fills = await asyncio.wait_for(trades, PATIENCE_S)
    assert fills[-1]["order"] == placed["id"]
    assert (await asyncio.wait_for(balance, PATIENCE_S))["BTC"]["free"] > 0


async def test_requests_over_the_websocket_api(binance: ccxt.pro.binance) -> None:
    bid, _ = await _top(binance)
    order = await binance.create_order_ws(SYMBOL, "limit", "buy", 0.01, round(bid * 0.9, 2))
    assert (await binance.fetch_order_ws(order["id"], SYMBOL))["status"] == "open"
    assert order["id"] in [other["id"] for other in await binance.fetch_open_orders_ws(SYMBOL)]
    assert (await binance.cancel_order_ws(order["id"], SYMBOL))["status"] == "canceled"
    # ccxt parses this answer as that of a futures account, so only what came is looked at.
    account = await binance.fetch_balance_ws()
    assert "USDT" in [balance["asset"] for balance in account["info"]["balances"]]

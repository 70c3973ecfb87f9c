from decimal import Decimal

import pytest

from marketdata.ccxtpro.records import base_size, event_ns, levels, to_bar, to_listing, to_quote, to_ticker, to_trade

SPOT = {"contract": False}
LINEAR = {"contract": True, "contractSize": 0.01, "inverse": False}
INVERSE = {"contract": True, "contractSize": 100, "inverse": True}


def test_sizes_in_contracts_become_sizes_in_base() -> None:
    assert base_size(SPOT, 3.0, 50_000.0) == 3.0
    assert base_size(LINEAR, 3.0, 50_000.0) == pytest.approx(0.03)
    assert base_size(INVERSE, 3.0, 50_000.0) == pytest.approx(0.006)
    assert levels(LINEAR, [[50_000.0, 2.0, 7], [49_999.0, 1.0, 8]], 1) == ((50_000.0, 0.02),)


def test_a_trade_of_a_seller_hit_a_resting_buyer() -> None:
    row = {"price": 100.0, "amount": 2.0, "side": "sell", "timestamp": 1_700_000_000_123}
    trade = to_trade(row, exchange="okx", symbol="BTC/USDT", market=SPOT, trade_id=9, ts_init=5)
    assert (trade.buyer_is_maker, trade.sign) == (True, -1)
    assert trade.ts_event == 1_700_000_000_123_000_000
    assert (trade.price, trade.size, trade.trade_id) == (100.0, 2.0, 9)


@pytest.mark.parametrize("time_ms", [None, -1, 2**63 // 1_000_000, 10**30])
def test_a_time_that_no_record_can_hold_is_none(time_ms) -> None:
    assert event_ns({"timestamp": time_ms}) == 0


def test_a_quote_needs_both_sides_and_their_sizes() -> None:
    row = {"bid": 99.0, "bidVolume": 1.0, "ask": 101.0, "askVolume": 2.0, "timestamp": None}
    quote = to_quote(row, exchange="okx", symbol="BTC/USDT", market=SPOT, ts_init=5_000)
    assert quote is not None
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (99.0, 1.0, 101.0, 2.0)
    assert (quote.ts_event, quote.update_id) == (0, 5)
    for name in ("bid", "bidVolume", "ask", "askVolume"):
        assert to_quote(row | {name: None}, exchange="okx", symbol="BTC/USDT", market=SPOT, ts_init=5) is None


def test_a_ticker_without_a_price_is_none() -> None:
    row = {"last": 100.0, "percentage": -2.5, "high": 110.0, "low": 90.0, "baseVolume": 7.0, "quoteVolume": 700.0}
    ticker = to_ticker(row, exchange="okx", symbol="BTC/USDT", ts_init=5)
    assert ticker is not None
    assert (ticker.last, ticker.change, ticker.high, ticker.low) == (100.0, -0.025, 110.0, 90.0)
    assert to_ticker({"last": None}, exchange="okx", symbol="BTC/USDT", ts_init=5) is None


def test_a_bar_is_closed_when_its_time_is_over() -> None:
    row = [60_000, 1, 3, 0.5, 2, 10]
    bar = to_bar(row, exchange="okx", symbol="BTC/USDT", timeframe="1m", now_ms=119_999)
    assert bar is not None
    assert (bar.ts_open, bar.ts_close, bar.closed) == (60_000_000_000, 120_000_000_000, False)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1.0, 3.0, 0.5, 2.0, 10.0)
    closed = to_bar(row, exchange="okx", symbol="BTC/USDT", timeframe="1m", now_ms=120_000)
    assert closed is not None
    assert closed.closed


@pytest.mark.parametrize("row", [[], [60_000, 1, 2, 3, 4], [60_000, 1, None, 0.5, 2, 10], [None, 1, 3, 0.5, 2, 10]])
def test_a_bar_with_a_hole_is_left_out(row) -> None:
    assert to_bar(row, exchange="okx", symbol="BTC/USDT", timeframe="1m", now_ms=0) is None


def market(**fields):
    return {
        "symbol": "BTC/USDT", "type": "spot", "base": "BTC", "quote": "USDT", "active": True, "contract": False,
        "precision": {"price": 0.01, "amount": 1e-05},
        "limits": {"amount": {"min": 1e-05, "max": 9000.0}, "cost": {"min": 5.0}},
    } | fields  # fmt: skip


def test_a_listing_of_steps() -> None:
    listing = to_listing(market(), precision_mode=4)
    assert listing is not None
    assert (listing.tick_size, listing.lot_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert (listing.min_quantity, listing.max_quantity) == (Decimal("0.00001"), Decimal(9000))
    assert (listing.min_notional, listing.kind, listing.contract_size) == (Decimal(5), "spot", Decimal(1))
    assert (listing.symbol, listing.venue_symbol) == ("BTC/USDT", "BTC/USDT")


def test_a_listing_of_decimal_places() -> None:
    listing = to_listing(market(precision={"price": 2, "amount": 8}), precision_mode=2)
    assert listing is not None
    assert (listing.tick_size, listing.lot_size) == (Decimal("0.01"), Decimal("0.00000001"))


def test_a_perpetuals_rules_are_in_base() -> None:
    listing = to_listing(
        market(type="swap", contract=True, contractSize=0.01, symbol="BTC/USDT:USDT", inverse=False)
        | {"precision": {"price": 0.1, "amount": 0.1}, "limits": {"amount": {"min": 0.1, "max": None}}},
        precision_mode=4,
    )
    assert listing is not None
    assert (listing.kind, listing.contract_size) == ("perpetual", Decimal("0.01"))
    assert (listing.lot_size, listing.min_quantity, listing.max_quantity) == (
        Decimal("0.001"),
        Decimal("0.001"),
        Decimal(0),
    )


def test_what_is_missing_gets_the_finest_step_and_no_limit() -> None:
    listing = to_listing(market(precision={}, limits={}, active=False), precision_mode=4)
    assert listing is not None
    assert listing.tick_size == listing.lot_size == Decimal("0.00000001")
    assert (listing.min_notional, listing.max_quantity, listing.active) == (Decimal(0), Decimal(0), False)


def test_options_and_dated_futures_are_left_out() -> None:
    assert to_listing(market(type="option"), precision_mode=4) is None
    assert to_listing(market(type="future"), precision_mode=4) is None


def test_every_market_that_ccxt_shapes_is_a_listing_or_none() -> None:
    import ccxt

    for exchange_id in ("okx", "bybit", "hyperliquid", "bitfinex"):
        exchange = getattr(ccxt, exchange_id)()
        shaped = exchange.safe_market_structure({"symbol": "BTC/USDT", "type": "spot", "base": "BTC", "quote": "USDT"})
        listing = to_listing(shaped, precision_mode=exchange.precisionMode)
        assert listing is not None
        assert listing.tick_size > 0

"""Signed requests of the USD-M futures about positions, wallets and settings."""

from marketdata.simulator.errors import VenueError
from marketdata.simulator.numbers import fmt
from marketdata.simulator.parameters import Params, integer, text
from marketdata.simulator.usdm import private_messages as words
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.engine import MAKER_BPS, TAKER_BPS
from marketdata.simulator.usdm.orders import Trader
from marketdata.simulator.usdm.paging import is_within, page
from marketdata.simulator.usdm.requests import flag


def _positions(venue: FuturesVenue, trader: Trader, *, every: bool, symbol: str = "") -> list[dict[str, object]]:
    return [
        words.position(
            trader.position(name),
            mark=venue.mark(name),
            asset=market.spec.quote,
            open_margin=venue.engine.open_margin(trader, name),
        )
        for name, market in venue.side.markets.items()
        if symbol in ("", name) and (every or trader.position(name).amount)
    ]


def position_risk(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return _positions(venue, trader, every=False, symbol=params.get("symbol", ""))


def every_position_risk(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return _positions(venue, trader, every=True, symbol=params.get("symbol", ""))


def _asset(venue: FuturesVenue, trader: Trader, asset: str) -> dict[str, object]:
    wallet, profit, held, maintained, wanted = trader.wallets.get(asset, 0), 0, 0, 0, 0
    for symbol, market in venue.side.markets.items():
        if market.spec.quote == asset:
            position = trader.position(symbol)
            notional = abs(position.amount) * venue.mark(symbol) // 10**8
            profit += position.worth(venue.mark(symbol))
            held += notional // position.leverage
            maintained += notional // words.MAINTENANCE
            wanted += venue.engine.open_margin(trader, symbol)
    available = fmt(max(0, venue.engine.available(trader, asset)))
    return {
        "asset": asset,
        "walletBalance": fmt(wallet),
        "unrealizedProfit": fmt(profit),
        "marginBalance": fmt(wallet + profit),
        "maintMargin": fmt(maintained),
        "initialMargin": fmt(held + wanted),
        "positionInitialMargin": fmt(held),
        "openOrderInitialMargin": fmt(wanted),
        "crossWalletBalance": fmt(wallet),
        "crossUnPnl": fmt(profit),
        "availableBalance": available,
        "maxWithdrawAmount": available,
        "marginAvailable": True,
        "updateTime": venue.now_ms,
    }


_TOTALS = {
    "totalInitialMargin": "initialMargin",
    "totalMaintMargin": "maintMargin",
    "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit",
    "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin",
    "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance",
    "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance",
    "maxWithdrawAmount": "maxWithdrawAmount",
}


def account(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    assets = [_asset(venue, trader, asset) for asset in sorted(trader.wallets.keys() | {"USDT"})]
    dollars = next(row for row in assets if row["asset"] == "USDT")
    return {
        **{total: dollars[name] for total, name in _TOTALS.items()},
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        "updateTime": 0,
        "assets": assets,
        "positions": _positions(venue, trader, every=False),
    }


def balance(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    rows = [_asset(venue, trader, asset) for asset in sorted(trader.wallets.keys() | {"USDT"})]
    return [{**row, "accountAlias": f"sim-{trader.id}", "balance": row["walletBalance"]} for row in rows]


def income(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    kind = params.get("incomeType")
    rows = [
        row
        for row in venue.ledger.incomes(trader.id, params.get("symbol", ""))
        if kind in (None, "", row.kind) and is_within(params, row.id, row.time_ms, first="fromId")
    ]
    return [words.income(row) for row in page(params, rows, first="fromId")]


def set_leverage(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    symbol = venue.side.market(text(params, "symbol")).spec.id
    leverage = integer(params, "leverage") or 0
    if not 1 <= leverage <= 20:
        raise VenueError(-4028, f"Leverage {leverage} is not valid")
    with venue.engine.operation() as changes:
        position = trader.position(symbol)
        position.leverage = leverage
        changes.positions[trader.id, symbol] = position
    return {"leverage": leverage, "maxNotionalValue": "1000000000", "symbol": symbol}


def set_margin_type(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    if text(params, "marginType").upper() != "CROSSED":
        raise VenueError(-4047, "This venue has cross margin only.")
    raise VenueError(-4046, "No need to change margin type.")


def position_mode(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return {"dualSidePosition": False}


def set_position_mode(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    if flag(params, "dualSidePosition"):
        raise VenueError(-4068, "This venue has one-way positions only.")
    raise VenueError(-4059, "No need to change position side.")


def leverage_brackets(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    bracket = {
        "bracket": 1,
        "initialLeverage": 20,
        "notionalCap": 1_000_000_000,
        "notionalFloor": 0,
        "maintMarginRatio": 1 / words.MAINTENANCE,
        "cum": 0.0,
    }
    return [{"symbol": symbol, "brackets": [bracket]} for symbol in venue.side.markets]


def symbol_config(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return [
        {
            "symbol": symbol,
            "marginType": "CROSSED",
            "isAutoAddMargin": False,
            "leverage": trader.position(symbol).leverage,
            "maxNotionalValue": "1000000000",
        }
        for symbol in venue.side.markets
        if params.get("symbol") in (None, "", symbol)
    ]


def commission_rate(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return {
        "symbol": text(params, "symbol"),
        "makerCommissionRate": f"{MAKER_BPS / 10_000:.6f}",
        "takerCommissionRate": f"{TAKER_BPS / 10_000:.6f}",
    }


def account_config(venue: FuturesVenue, params: Params, trader: Trader) -> object:
    return {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": False, "dualSidePosition": False,
            "multiAssetsMargin": False, "updateTime": 0}  # fmt: skip

"""Public requests: market data and the venue's rules."""

import json
from collections.abc import Callable

from marketdata.simulator import filters, limits
from marketdata.simulator.bars import BarQuery, interval_ms
from marketdata.simulator.errors import VenueError, illegal
from marketdata.simulator.market import Market, PublicTrade, TradeQuery, day_statistics
from marketdata.simulator.numbers import fmt, times
from marketdata.simulator.orders import OrderType, SelfTrade
from marketdata.simulator.parameters import Params, integer, limit, text
from marketdata.simulator.past import Image
from marketdata.simulator.public_side import PublicSide
from marketdata.simulator.symbols import SymbolSpec


async def ping(venue: PublicSide, params: Params) -> object:
    return {}


async def server_time(venue: PublicSide, params: Params) -> object:
    return {"serverTime": venue.clock.now_ms()}


async def exchange_info(venue: PublicSide, params: Params) -> object:
    return {
        "timezone": "UTC",
        "serverTime": venue.clock.now_ms(),
        "rateLimits": limits.describe(venue.limits.weight_per_minute),
        "exchangeFilters": [],
        "symbols": [
            _symbol(venue.rules(market.spec.id), status=venue.trading_status(market.spec.id))
            for market in _chosen(venue, params)
        ],
    }


def _symbol(spec: SymbolSpec, *, status: str) -> dict[str, object]:
    return {
        "symbol": spec.id,
        "status": status,
        "baseAsset": spec.base,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [kind.value for kind in OrderType],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters.describe(spec),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": SelfTrade.EXPIRE_MAKER.value,
        "allowedSelfTradePreventionModes": [mode.value for mode in SelfTrade],
    }


def _chosen(venue: PublicSide, params: Params) -> list[Market]:
    """The market of `symbol`, those of `symbols`, or all."""
    if params.get("symbol") and params.get("symbols"):
        raise VenueError(-1128, "Combination of optional parameters invalid.")
    if params.get("symbol"):
        return [venue.market(params["symbol"])]
    if params.get("symbols"):
        try:
            names = json.loads(params["symbols"])
        except ValueError:
            raise illegal("symbols", '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$') from None
        return [venue.market(str(name)) for name in names]
    return [market for symbol, market in venue.markets.items() if venue.is_listed(symbol)]


def _one_or_all(venue: PublicSide, params: Params, form: Callable[[Market], object]) -> object:
    if params.get("symbol") and not params.get("symbols"):
        return form(venue.market(params["symbol"]))
    return [form(market) for market in _chosen(venue, params)]


async def depth(venue: PublicSide, params: Params) -> object:
    market = venue.market(text(params, "symbol"))
    levels = limit(params, 100, 5000)
    image = venue.shown(market, limit=levels, is_snapshot=True)
    return {
        "lastUpdateId": image.update_id,
        "bids": [[fmt(price), fmt(size)] for price, size in image.bids[:levels]],
        "asks": [[fmt(price), fmt(size)] for price, size in image.asks[:levels]],
    }


async def trades(venue: PublicSide, params: Params) -> object:
    market = venue.market(text(params, "symbol"))
    late_ms = venue.late_ms(market.spec.id)
    end_ms = market.now_ms() - late_ms if late_ms else None
    return [_trade(trade) for trade in market.trades(TradeQuery(limit=limit(params, 500, 1000), end_ms=end_ms))]


async def historical_trades(venue: PublicSide, params: Params) -> object:
    market = venue.market(text(params, "symbol"))
    query = TradeQuery(limit=limit(params, 500, 1000), from_id=integer(params, "fromId"))
    return [_trade(trade) for trade in market.trades(query)]


def _trade(trade: PublicTrade) -> dict[str, object]:
    return {
        "id": trade.id,
        "price": fmt(trade.price),
        "qty": fmt(trade.quantity),
        "quoteQty": fmt(times(trade.price, trade.quantity)),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


async def aggregate_trades(venue: PublicSide, params: Params) -> object:
    market = venue.market(text(params, "symbol"))
    query = TradeQuery(
        limit=limit(params, 500, 1000),
        from_id=integer(params, "fromId"),
        start_ms=integer(params, "startTime"),
        end_ms=integer(params, "endTime"),
    )
    return [
        {
            "a": trade.id,
            "p": fmt(trade.price),
            "q": fmt(trade.quantity),
            "f": trade.id,
            "l": trade.id,
            "T": trade.time_ms,
            "m": trade.buyer_is_maker,
            "M": True,
        }
        for trade in market.trades(query)
    ]


async def klines(venue: PublicSide, params: Params) -> object:
    market = venue.market(text(params, "symbol"))
    query = BarQuery(
        width_ms=interval_ms(text(params, "interval")),
        start_ms=integer(params, "startTime"),
        end_ms=integer(params, "endTime"),
        limit=limit(params, 500, 1000),
    )
    await market.prepare(query)
    return market.bars(query)


async def average_price(venue: PublicSide, params: Params) -> object:
    market = venue.market(text(params, "symbol"))
    rows = market.raw_bars(BarQuery(width_ms=60_000, limit=5))
    volume, value = int(rows[:, 5].sum()), int(rows[:, 6].sum())
    price = value * market.spec.tick // volume if volume else market.last_price
    return {"mins": 5, "price": fmt(price), "closeTime": market.now_ms()}


async def day_ticker(venue: PublicSide, params: Params) -> object:
    for market in _chosen(venue, params):
        await market.prepare(BarQuery(width_ms=60_000, start_ms=market.now_ms() - 86_400_000, limit=1441))
    return _one_or_all(venue, params, lambda market: day_statistics(market) | _late(venue, market))


def _late(venue: PublicSide, market: Market) -> dict[str, object]:
    """What a ticker that comes too late has differently."""
    late_ms = venue.late_ms(market.spec.id)
    if not late_ms:
        return {}
    image = venue.shown(market, limit=1)
    return _book_ticker(image, market) | {"lastPrice": fmt(image.last_price), "closeTime": market.now_ms() - late_ms}


async def price_ticker(venue: PublicSide, params: Params) -> object:
    def form(market: Market) -> object:
        return {"symbol": market.spec.id, "price": fmt(venue.shown(market, limit=1).last_price)}

    return _one_or_all(venue, params, form)


async def book_ticker(venue: PublicSide, params: Params) -> object:
    return _one_or_all(venue, params, lambda market: _book_ticker(venue.shown(market, limit=1), market))


def _book_ticker(image: Image, market: Market) -> dict[str, object]:
    best = image.best
    return {
        "symbol": market.spec.id,
        "bidPrice": fmt(best.bid if best else 0),
        "bidQty": fmt(best.bid_size if best else 0),
        "askPrice": fmt(best.ask if best else 0),
        "askQty": fmt(best.ask_size if best else 0),
    }

"""Binance USD-M futures over REST: what the streams cannot tell.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api.
"""

from collections.abc import Callable

import httpx
from msgspec import Struct, field

from marketdata.exchanges.adapter import Listing, VenueRejected
from marketdata.exchanges.binance_common.listings import FINEST, Filter, filters_by_kind
from marketdata.exchanges.binance_common.rest import CommonRest, RestRules
from marketdata.exchanges.binance_usdm.derivatives import FUNDING_INTERVAL_H
from marketdata.exchanges.binance_usdm.messages import BinanceUsdmParser

# The venue allows 2,400 a minute and address. It would give 1,500 bars, at twice the weight of 1,000.
_RULES = RestRules(
    prefix="/fapi/v1",
    weight_per_min=1_900,
    max_bars=1_000,
    max_trades=1_000,
    depths=(5, 10, 20, 50, 100, 500, 1_000),
)
_WHOLE_ADDRESSES = ("/stream", "/ws")


class _Symbol(Struct):
    symbol: str
    status: str
    contract: str = field(name="contractType")
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    margin: str = field(name="marginAsset")
    filters: list[Filter]


class _ExchangeInfo(Struct):
    symbols: list[_Symbol]


class _FundingInfo(Struct):
    symbol: str
    interval_h: float = field(name="fundingIntervalHours")


class BinanceUsdmRest(CommonRest):
    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        parser = BinanceUsdmParser(exchange=exchange, symbols={}, listings={})
        super().__init__(
            exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns, rules=_RULES, parser=parser
        )

    async def listings(self) -> list[Listing]:
        """The perpetuals. Those with delivery are left out."""
        info: _ExchangeInfo = await self.ask("exchangeInfo", {}, _ExchangeInfo)
        intervals_h = await self._funding_intervals_h()
        return [
            _listing(row, intervals_h.get(row.symbol, FUNDING_INTERVAL_H))
            for row in info.symbols
            if row.contract == "PERPETUAL"
        ]

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        """Combined streams of a route, which is part of the path: `wss://fstream.binance.com/market/stream`.

        An address that ends in /stream or /ws is taken as it is, for a server that knows no routes.
        """
        base = websocket_url.rstrip("/")
        if base.endswith(_WHOLE_ADDRESSES):
            return base
        return f"{base}/{route}/stream" if route else f"{base}/stream"

    async def _funding_intervals_h(self) -> dict[str, float]:
        """By the venue's symbol. Empty where a server has no such endpoint: then the venue's usual one is meant."""
        try:
            rows: list[_FundingInfo] = await self.ask("fundingInfo", {}, list[_FundingInfo])
        except VenueRejected:
            return {}
        return {row.symbol: row.interval_h for row in rows if row.interval_h > 0}


def _listing(row: _Symbol, funding_interval_h: float) -> Listing:
    filters = filters_by_kind(row.filters)
    nothing = Filter(kind="")
    price = filters.get("PRICE_FILTER", nothing)
    lot = filters.get("LOT_SIZE", nothing)
    market_lot = filters.get("MARKET_LOT_SIZE", lot)
    notional = filters.get("MIN_NOTIONAL", nothing)
    # An order of any type has to pass, so the tighter of the two limits holds.
    largest = [quantity for quantity in (lot.max_quantity, market_lot.max_quantity) if quantity]
    return Listing(
        symbol=f"{row.base}/{row.quote}:{row.margin}",
        venue_symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        tick_size=price.tick_size or FINEST,
        lot_size=max(lot.step_size, market_lot.step_size) or FINEST,
        min_quantity=max(lot.min_quantity, market_lot.min_quantity),
        max_quantity=min(largest, default=lot.max_quantity),
        min_notional=notional.notional or notional.min_notional,
        active=row.status == "TRADING",
        kind="perpetual",
        funding_interval_h=funding_interval_h,
    )

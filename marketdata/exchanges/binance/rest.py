"""Binance spot over REST: what the streams cannot tell.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api.
"""

from collections.abc import Callable

import httpx
from msgspec import Struct, field

from marketdata.exchanges.adapter import Listing
from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.exchanges.binance_common.listings import FINEST, Filter, filters_by_kind
from marketdata.exchanges.binance_common.rest import CommonRest, RestRules

# The venue allows 6,000 a minute and address.
_RULES = RestRules(prefix="/api/v3", weight_per_min=4_800, max_bars=1_000, max_trades=1_000)


class _Symbol(Struct):
    symbol: str
    status: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    filters: list[Filter]


class _ExchangeInfo(Struct):
    symbols: list[_Symbol]


class BinanceRest(CommonRest):
    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        parser = BinanceParser(exchange=exchange, symbols={})
        super().__init__(
            exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns, rules=_RULES, parser=parser
        )

    async def listings(self) -> list[Listing]:
        info: _ExchangeInfo = await self.ask("exchangeInfo", {}, _ExchangeInfo)
        return [_listing(symbol) for symbol in info.symbols]

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        """Combined streams: every frame names its stream."""
        base = websocket_url.rstrip("/")
        return base if base.endswith(("/stream", "/ws")) else f"{base}/stream"


def _listing(row: _Symbol) -> Listing:
    filters = filters_by_kind(row.filters)
    nothing = Filter(kind="")
    price = filters.get("PRICE_FILTER", nothing)
    lot = filters.get("LOT_SIZE", nothing)
    notional = filters.get("NOTIONAL", filters.get("MIN_NOTIONAL", nothing))
    return Listing(
        symbol=f"{row.base}/{row.quote}",
        venue_symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        tick_size=price.tick_size or FINEST,
        lot_size=lot.step_size or FINEST,
        min_quantity=lot.min_quantity,
        max_quantity=lot.max_quantity,
        min_notional=notional.min_notional,
        active=row.status == "TRADING",
    )

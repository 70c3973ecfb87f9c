"""KuCoin futures over REST: what the streams cannot tell.

Source: https://www.kucoin.com/docs-new/rest/futures-trading/market-data. Perpetuals that are settled in their quote
are listed; inverse ones (XBTUSDM) and dated futures are not. XBT is BTC in unified symbols. The venue counts in
contracts; listings and everything else that leaves here count in base units.
"""

from collections.abc import Callable
from decimal import Decimal

import httpx
from msgspec import Struct, field

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Credentials,
    Listing,
    MalformedFrame,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueUnavailable,
)
from marketdata.exchanges.kucoin.contracts import Contract, base_size, contract_of
from marketdata.exchanges.kucoin.fields import Side
from marketdata.exchanges.kucoin.futures_messages import KucoinFuturesParser
from marketdata.exchanges.kucoin.http import KucoinHttp
from marketdata.exchanges.paging import collect_bars

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_MS_PER_H = 3_600_000
# In minutes; three minutes are missing.
_GRANULARITIES: dict[Timeframe, int] = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
_BARS_PER_REQUEST = 200
_CURRENCIES = {"XBT": "BTC"}


class _Contract(Struct):
    symbol: str
    base: str = field(name="baseCurrency")
    quote: str = field(name="quoteCurrency")
    settle: str = field(name="settleCurrency")
    status: str
    is_inverse: bool = field(name="isInverse")
    multiplier: Decimal
    tick_size: Decimal = field(name="tickSize")
    lot_size: Decimal = field(name="lotSize")
    max_contracts: Decimal = field(name="maxOrderQty", default=Decimal(0))
    expires_ms: int | None = field(name="expireDate", default=None)
    funding_ms: int | None = field(name="fundingRateGranularity", default=None)
    # Of the last 24 hours, only where one contract is asked for.
    last: float | None = field(name="lastTradePrice", default=None)
    change: float | None = field(name="priceChgPct", default=None)
    high: float | None = field(name="highPrice", default=None)
    low: float | None = field(name="lowPrice", default=None)
    volume: float = field(name="volumeOf24h", default=0.0)
    turnover: float = field(name="turnoverOf24h", default=0.0)


class _Print(Struct):
    sequence: int
    price: float
    size: float
    side: Side
    time_ns: int = field(name="ts")


class _Candle(Struct, array_like=True):
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    # In contracts.
    volume: float


class KucoinFuturesRest:
    """Every method raises VenueError's children. `clock_ns` stamps what arrives."""

    def __init__(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        own_websocket_url: str,
        credentials: Credentials | None = None,
    ) -> None:
        self._clock_ns = clock_ns
        self._exchange = exchange
        self._listings: dict[str, Listing] = {}
        self._parser = KucoinFuturesParser(exchange=exchange, symbols={}, listings=self._listings)
        self._http = KucoinHttp(
            exchange=exchange,
            base_url=base_url,
            client=client,
            clock_ns=clock_ns,
            own_websocket_url=own_websocket_url,
            credentials=credentials,
        )

    async def server_time_ns(self) -> int:
        time_ms: int = await self._http.get("/api/v1/timestamp", {}, int)
        return time_ms * _NS_PER_MS

    async def listings(self) -> list[Listing]:
        rows: list[_Contract] = await self._http.get("/api/v1/contracts/active", {}, list[_Contract])
        listings = [_listing(row) for row in rows if _is_supported(row)]
        self._listings.update({listing.symbol: listing for listing in listings})
        return listings

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Fetch bars, oldest first. One is closed when the venue's own clock, asked beside it, is past its end."""
        granularity = _GRANULARITIES.get(timeframe)
        if granularity is None:
            raise UnsupportedTimeframe(f"{self._exchange} has no bars of {timeframe}: build them from shorter ones.")
        contract = await self._contract_of(venue_symbol, symbol)
        length_ns = TIMEFRAME_SECONDS[timeframe] * _NS_PER_S
        now_ns = await self.server_time_ns()

        async def fetch(from_ns: int, until_ns: int) -> list[Bar]:
            parameters: dict[str, str | int] = {
                "symbol": venue_symbol,
                "granularity": granularity,
                "from": from_ns // _NS_PER_MS,
                # The last one that opens is asked for, too.
                "to": until_ns // _NS_PER_MS - 1,
            }
            return [
                Bar(
                    exchange=self._exchange,
                    symbol=symbol,
                    timeframe=timeframe,
                    ts_open=row.open_ms * _NS_PER_MS,
                    ts_close=row.open_ms * _NS_PER_MS + length_ns,
                    open=row.open,
                    high=row.high,
                    low=row.low,
                    close=row.close,
                    volume=base_size(contract, row.volume),
                    taker_buy_volume=None,
                    trades=0,
                    closed=row.open_ms * _NS_PER_MS + length_ns <= now_ns,
                    source="rest",
                )
                for row in await self._http.get("/api/v1/kline/query", parameters, list[_Candle])
            ]

        return await collect_bars(
            fetch, start_ns=start_ns, now_ns=now_ns, length_ns=length_ns, limit=limit, page=_BARS_PER_REQUEST
        )

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        """The whole book, whatever the limit: a part of it would not fit the changes that follow."""
        await self._contract_of(venue_symbol, symbol)
        body = await self._http.get_body("/api/v1/level2/snapshot", {"symbol": venue_symbol})
        try:
            return self._parser.parse_image(body, symbol=symbol, ts_init=self._clock_ns())
        except MalformedFrame as error:
            raise VenueUnavailable(str(error)) from error

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        """The latest prints, at most 100: the venue gives no more."""
        contract = await self._contract_of(venue_symbol, symbol)
        rows: list[_Print] = await self._http.get("/api/v1/trade/history", {"symbol": venue_symbol}, list[_Print])
        ts_init = self._clock_ns()
        rows.sort(key=lambda row: row.sequence)
        return [
            TradeTick(
                exchange=self._exchange,
                symbol=symbol,
                price=row.price,
                size=base_size(contract, row.size),
                buyer_is_maker=row.side == "sell",
                trade_id=row.sequence,
                ts_event=row.time_ns,
                ts_init=ts_init,
            )
            for row in rows[-limit:]
        ]

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        """The venue sends no time with it: ours."""
        row = await self._contract(venue_symbol)
        if row.last is None or row.high is None or row.low is None:
            raise UnknownSymbol(f"{self._exchange} has no prices of {venue_symbol}: it is not traded.")
        now_ns = self._clock_ns()
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=row.last,
            change=row.change or 0.0,
            high=row.high,
            low=row.low,
            volume=row.volume,
            quote_volume=row.turnover,
            ts_event=now_ns,
            ts_init=now_ns,
        )

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        return await self._http.socket_url(websocket_url)

    async def _contract_of(self, venue_symbol: str, symbol: str) -> Contract:
        listing = self._listings.get(symbol)
        if listing is None:
            listing = self._listings[symbol] = _listing(await self._contract(venue_symbol))
        return contract_of(listing)

    async def _contract(self, venue_symbol: str) -> _Contract:
        row: _Contract | None = await self._http.get(f"/api/v1/contracts/{venue_symbol}", {}, _Contract | None)
        if row is None:
            raise UnknownSymbol(f"{self._exchange} does not list {venue_symbol}.")
        return row


def _is_supported(row: _Contract) -> bool:
    return not row.is_inverse and row.expires_ms is None and row.settle == row.quote


def _listing(row: _Contract) -> Listing:
    base, quote, settle = (_CURRENCIES.get(name, name) for name in (row.base, row.quote, row.settle))
    size = abs(row.multiplier)
    return Listing(
        symbol=f"{base}/{quote}:{settle}",
        venue_symbol=row.symbol,
        base=base,
        quote=quote,
        tick_size=row.tick_size,
        lot_size=row.lot_size * size,
        min_quantity=row.lot_size * size,
        max_quantity=row.max_contracts * size,
        min_notional=Decimal(0),
        active=row.status == "Open",
        kind="perpetual",
        contract_size=size,
        funding_interval_h=row.funding_ms / _MS_PER_H if row.funding_ms else 8.0,
    )

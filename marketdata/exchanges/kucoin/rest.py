"""KuCoin spot over REST: what the streams cannot tell.

Source: https://www.kucoin.com/docs-new/rest/spot-trading/market-data. The whole order book needs an API key; without
one a book begins with its best 100 levels a side, and what lies beyond appears as it changes.
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
    VenueUnavailable,
)
from marketdata.exchanges.kucoin.control import TIMEFRAMES
from marketdata.exchanges.kucoin.fields import CandleRow, Side
from marketdata.exchanges.kucoin.http import KucoinHttp
from marketdata.exchanges.kucoin.messages import KucoinParser
from marketdata.exchanges.paging import collect_bars

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_TYPES = {timeframe: kind for kind, timeframe in TIMEFRAMES.items()}
_BARS_PER_REQUEST = 1_500
_FEW_LEVELS = 20


class _Symbol(Struct):
    symbol: str
    base: str = field(name="baseCurrency")
    quote: str = field(name="quoteCurrency")
    tick_size: Decimal = field(name="priceIncrement")
    lot_size: Decimal = field(name="baseIncrement")
    min_quantity: Decimal = field(name="baseMinSize")
    max_quantity: Decimal = field(name="baseMaxSize")
    min_notional: Decimal | None = field(name="minFunds", default=None)
    is_traded: bool = field(name="enableTrading", default=True)


class _Print(Struct):
    sequence: int
    price: float
    size: float
    side: Side
    time_ns: int = field(name="time")


class _Stats(Struct):
    """Null where nothing was traded within 24 hours."""

    time_ms: int = field(name="time")
    last: float | None = None
    change: float | None = field(name="changeRate", default=None)
    high: float | None = None
    low: float | None = None
    volume: float | None = field(name="vol", default=None)
    quote_volume: float | None = field(name="volValue", default=None)


class KucoinRest:
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
        self._parser = KucoinParser(exchange=exchange, symbols={})
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
        return [_listing(row) for row in await self._http.get("/api/v2/symbols", {}, list[_Symbol])]

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Fetch bars, oldest first. One is closed when the venue's own clock, asked beside it, is past its end."""
        length_s = TIMEFRAME_SECONDS[timeframe]
        now_ns = await self.server_time_ns()

        async def fetch(from_ns: int, until_ns: int) -> list[Bar]:
            parameters: dict[str, str | int] = {
                "symbol": venue_symbol,
                "type": _TYPES[timeframe],
                "startAt": from_ns // _NS_PER_S,
                "endAt": until_ns // _NS_PER_S,
            }
            return [
                Bar(
                    exchange=self._exchange,
                    symbol=symbol,
                    timeframe=timeframe,
                    ts_open=open_s * _NS_PER_S,
                    ts_close=(open_s + length_s) * _NS_PER_S,
                    open=open_,
                    high=high,
                    low=low,
                    close=close,
                    volume=volume,
                    taker_buy_volume=None,
                    trades=0,
                    closed=(open_s + length_s) * _NS_PER_S <= now_ns,
                    source="rest",
                )
                for open_s, open_, close, high, low, volume, _ in await self._http.get(
                    "/api/v1/market/candles", parameters, list[CandleRow]
                )
            ]

        return await collect_bars(
            fetch,
            start_ns=start_ns,
            now_ns=now_ns,
            length_ns=length_s * _NS_PER_S,
            limit=limit,
            page=_BARS_PER_REQUEST,
        )

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        """The whole book with an API key, else its best 20 or 100 levels."""
        if self._http.can_sign:
            path = "/api/v3/market/orderbook/level2"
        else:
            path = f"/api/v1/market/orderbook/level2_{20 if limit <= _FEW_LEVELS else 100}"
        body = await self._http.get_body(path, {"symbol": venue_symbol}, signed=self._http.can_sign)
        try:
            return self._parser.parse_image(body, symbol=symbol, ts_init=self._clock_ns())
        except MalformedFrame as error:
            raise VenueUnavailable(str(error)) from error

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        """The latest prints, at most 100: the venue gives no more."""
        rows: list[_Print] = await self._http.get("/api/v1/market/histories", {"symbol": venue_symbol}, list[_Print])
        ts_init = self._clock_ns()
        rows.sort(key=lambda row: row.sequence)
        return [
            TradeTick(
                exchange=self._exchange,
                symbol=symbol,
                price=row.price,
                size=row.size,
                buyer_is_maker=row.side == "sell",
                trade_id=row.sequence,
                ts_event=row.time_ns,
                ts_init=ts_init,
            )
            for row in rows[-limit:]
        ]

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        row: _Stats = await self._http.get("/api/v1/market/stats", {"symbol": venue_symbol}, _Stats)
        if row.last is None or row.high is None or row.low is None:
            raise UnknownSymbol(f"{self._exchange} has no prices of {venue_symbol}: it is not listed, or not traded.")
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=row.last,
            change=row.change or 0.0,
            high=row.high,
            low=row.low,
            volume=row.volume or 0.0,
            quote_volume=row.quote_volume or 0.0,
            ts_event=row.time_ms * _NS_PER_MS,
            ts_init=self._clock_ns(),
        )

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        return await self._http.socket_url(websocket_url)


def _listing(row: _Symbol) -> Listing:
    return Listing(
        symbol=f"{row.base}/{row.quote}",
        venue_symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        tick_size=row.tick_size,
        lot_size=row.lot_size,
        min_quantity=row.min_quantity,
        max_quantity=row.max_quantity,
        min_notional=row.min_notional or Decimal(0),
        active=row.is_traded,
    )

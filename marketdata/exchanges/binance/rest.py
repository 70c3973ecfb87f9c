"""Binance spot over REST: what the streams cannot tell.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api. Weights are read from the response's
headers; a 429 or 418 stops every request of this client until the time that the venue names.
"""

from collections.abc import Callable
from decimal import Decimal

import httpx
import msgspec
from msgspec import Struct, field

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Listing,
    MalformedFrame,
    UnknownSymbol,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.exchanges.http import VenueHttp

_NS_PER_MS = 1_000_000
_WEIGHT_HEADER = "x-mbx-used-weight-1m"
# Of the venue's 6,000 a minute and address; the rest is left to orders.
_WEIGHT_LIMIT = 4_800
_INVALID_SYMBOL = -1121


class _Time(Struct):
    time_ms: int = field(name="serverTime")


class _Filter(Struct):
    kind: str = field(name="filterType")
    tick_size: Decimal = field(name="tickSize", default=Decimal(0))
    step_size: Decimal = field(name="stepSize", default=Decimal(0))
    min_quantity: Decimal = field(name="minQty", default=Decimal(0))
    max_quantity: Decimal = field(name="maxQty", default=Decimal(0))
    min_notional: Decimal = field(name="minNotional", default=Decimal(0))


class _Symbol(Struct):
    symbol: str
    status: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    filters: list[_Filter]


class _ExchangeInfo(Struct):
    symbols: list[_Symbol]


class _Print(Struct):
    id: int
    price: float
    size: float = field(name="qty")
    time_ms: int = field(name="time")
    buyer_is_maker: bool = field(name="isBuyerMaker")


class _Ticker24h(Struct):
    last: float = field(name="lastPrice")
    change_percent: float = field(name="priceChangePercent")
    high: float = field(name="highPrice")
    low: float = field(name="lowPrice")
    volume: float
    quote_volume: float = field(name="quoteVolume")
    close_ms: int = field(name="closeTime")


# open time, open, high, low, close, volume, close time, quote volume, trades, taker buy base, taker buy quote, note
_Kline = tuple[int, float, float, float, float, float, int, float, int, float, float, str]


class _Problem(Struct):
    code: int = 0
    msg: str = ""


class BinanceRest:
    """Public endpoints. Every method raises VenueError's children. `clock_ns` stamps what arrives."""

    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._exchange = exchange
        self._http = VenueHttp(exchange=exchange, base_url=base_url, client=client, refusal=self._refusal)
        self._parser = BinanceParser(exchange=exchange, symbols={})

    async def server_time_ns(self) -> int:
        body = await self._get("/api/v3/time", {})
        answer: _Time = self._http.decode(body, _Time)
        return answer.time_ms * _NS_PER_MS

    async def listings(self) -> list[Listing]:
        body = await self._get("/api/v3/exchangeInfo", {})
        return [_listing(symbol) for symbol in self._http.decode(body, _ExchangeInfo).symbols]

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Fetch bars, oldest first. One is closed when the venue's own clock, asked beside it, is past its end."""
        parameters: dict[str, str | int] = {"symbol": venue_symbol, "interval": timeframe, "limit": limit}
        if start_ns is not None:
            parameters["startTime"] = start_ns // _NS_PER_MS
        now_ns = await self.server_time_ns()
        body = await self._get("/api/v3/klines", parameters)
        length_ns = TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
        return [
            Bar(
                exchange=self._exchange,
                symbol=symbol,
                timeframe=timeframe,
                ts_open=row[0] * _NS_PER_MS,
                ts_close=row[0] * _NS_PER_MS + length_ns,
                open=row[1],
                high=row[2],
                low=row[3],
                close=row[4],
                volume=row[5],
                taker_buy_volume=row[9],
                trades=row[8],
                closed=row[0] * _NS_PER_MS + length_ns <= now_ns,
                source="synthetic" if row[11] == "synthetic" else "rest",
            )
            for row in self._http.decode(body, list[_Kline])
        ]

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        body = await self._get("/api/v3/depth", {"symbol": venue_symbol, "limit": limit})
        try:
            return self._parser.parse_image(body, symbol=symbol, ts_init=self._clock_ns())
        except MalformedFrame as error:
            raise VenueUnavailable(str(error)) from error

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        body = await self._get("/api/v3/trades", {"symbol": venue_symbol, "limit": limit})
        ts_init = self._clock_ns()
        return [
            TradeTick(
                exchange=self._exchange,
                symbol=symbol,
                price=row.price,
                size=row.size,
                buyer_is_maker=row.buyer_is_maker,
                trade_id=row.id,
                ts_event=row.time_ms * _NS_PER_MS,
                ts_init=ts_init,
            )
            for row in self._http.decode(body, list[_Print])
        ]

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        body = await self._get("/api/v3/ticker/24hr", {"symbol": venue_symbol})
        row = self._http.decode(body, _Ticker24h)
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=row.last,
            change=row.change_percent / 100,
            high=row.high,
            low=row.low,
            volume=row.volume,
            quote_volume=row.quote_volume,
            ts_event=row.close_ms * _NS_PER_MS,
            ts_init=self._clock_ns(),
        )

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        """Combined streams: every frame names its stream."""
        base = websocket_url.rstrip("/")
        return base if base.endswith(("/stream", "/ws")) else f"{base}/stream"

    async def _get(self, path: str, parameters: dict[str, str | int]) -> bytes:
        response = await self._http.get(path, parameters)
        used = response.headers.get(_WEIGHT_HEADER, "0")
        if used.isdecimal() and int(used) > _WEIGHT_LIMIT:
            # Weights are counted by the minute of the venue's clock.
            self._http.block(60 - self._clock_ns() / 1e9 % 60)
        return response.content

    def _refusal(self, path: str, response: httpx.Response) -> VenueRejected:
        try:
            problem = msgspec.json.decode(response.content, type=_Problem)
        except msgspec.DecodeError:
            problem = _Problem(msg=response.text[:200])
        message = f"{self._exchange} refused {path}: {problem.code} {problem.msg} (HTTP {response.status_code})"
        return UnknownSymbol(message) if problem.code == _INVALID_SYMBOL else VenueRejected(message)


def _listing(row: _Symbol) -> Listing:
    filters = {item.kind: item for item in row.filters}
    nothing = _Filter(kind="")
    price = filters.get("PRICE_FILTER", nothing)
    lot = filters.get("LOT_SIZE", nothing)
    notional = filters.get("NOTIONAL", filters.get("MIN_NOTIONAL", nothing))
    # A zero step switches the venue's rule off; the database wants a step, and 8 decimals is the venue's precision.
    finest = Decimal("0.00000001")
    return Listing(
        symbol=f"{row.base}/{row.quote}",
        venue_symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        tick_size=price.tick_size or finest,
        lot_size=lot.step_size or finest,
        min_quantity=lot.min_quantity,
        max_quantity=lot.max_quantity,
        min_notional=notional.min_notional,
        active=row.status == "TRADING",
    )

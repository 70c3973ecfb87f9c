"""BingX perpetual swaps and spot over REST: what the streams cannot tell.

Source: https://bingx-api.github.io/docs-v3/#/en/Swap/Market%20Data and .../Spot/Market%20Data.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
from msgspec import Struct, field

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import BookImage, Listing, MalformedFrame, UnknownSymbol, VenueUnavailable
from marketdata.exchanges.bingx.http import BingxHttp
from marketdata.exchanges.bingx.messages import BingxParser
from marketdata.exchanges.paging import collect_bars

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_IDS_PER_MS = 1_000
_BARS_PER_REQUEST = 1_000
_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
_SPOT_DEPTHS = (20, 100, 1000)
_ONLINE = 1


class _Time(Struct):
    time_ms: int = field(name="serverTime")


class _Contract(Struct):
    symbol: str
    currency: str
    price_decimals: int = field(name="pricePrecision")
    size_decimals: int = field(name="quantityPrecision")
    status: int
    min_quantity: Decimal = field(name="tradeMinQuantity", default=Decimal(0))
    min_notional: Decimal = field(name="tradeMinUSDT", default=Decimal(0))
    may_open: bool = field(name="apiStateOpen", default=True)


class _Pair(Struct):
    symbol: str
    tick_size: Decimal = field(name="tickSize")
    lot_size: Decimal = field(name="stepSize")
    status: int
    min_notional: Decimal = field(name="minNotional", default=Decimal(0))


class _Pairs(Struct):
    symbols: list[_Pair]


class _Candle(Struct):
    open_ms: int = field(name="time")
    open: float
    high: float
    low: float
    close: float
    volume: float


# open time, open, high, low, close, volume, close time, turnover
_SpotCandle = tuple[int, float, float, float, float, float, int, float]


class _Print(Struct):
    time_ms: int = field(name="time")
    price: float
    size: float = field(name="qty")
    buyer_is_maker: bool = field(name="isBuyerMaker")


class _SpotPrint(Struct):
    id: int
    time_ms: int = field(name="time")
    price: float
    size: float = field(name="qty")
    buyer_is_maker: bool = field(name="buyerMaker")


class _Day(Struct):
    """Of the last 24 hours."""

    last: float = field(name="lastPrice")
    open: float = field(name="openPrice")
    high: float = field(name="highPrice")
    low: float = field(name="lowPrice")
    volume: float
    quote_volume: float = field(name="quoteVolume")
    close_ms: int = field(name="closeTime")


class BingxRest:
    """Perpetual swaps. Every method raises VenueError's children. `clock_ns` stamps what arrives."""

    _time_path = "/openApi/swap/v2/server/time"
    _depth_path = "/openApi/swap/v2/quote/depth"
    _depths: tuple[int, ...] = _DEPTHS
    _ticker_path = "/openApi/swap/v2/quote/ticker"

    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._exchange = exchange
        self._http = BingxHttp(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)
        self._parser = BingxParser(exchange=exchange, symbols={})

    async def server_time_ns(self) -> int:
        answer: _Time = await self._http.get(self._time_path, {}, _Time)
        return answer.time_ms * _NS_PER_MS

    async def listings(self) -> list[Listing]:
        rows = await self._http.get("/openApi/swap/v2/quote/contracts", {}, list[_Contract])
        return [_swap_listing(row) for row in rows]

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Fetch bars, oldest first. One is closed when the venue's own clock, asked beside it, is past its end."""
        length_ms = TIMEFRAME_SECONDS[timeframe] * 1_000
        now_ns = await self.server_time_ns()

        async def fetch(from_ns: int, until_ns: int) -> list[Bar]:
            parameters: dict[str, str | int] = {
                "symbol": venue_symbol,
                "interval": timeframe,
                "startTime": from_ns // _NS_PER_MS,
                "endTime": until_ns // _NS_PER_MS - 1,
                "limit": _BARS_PER_REQUEST,
            }
            return [
                Bar(
                    exchange=self._exchange,
                    symbol=symbol,
                    timeframe=timeframe,
                    ts_open=row.open_ms * _NS_PER_MS,
                    ts_close=(row.open_ms + length_ms) * _NS_PER_MS,
                    open=row.open,
                    high=row.high,
                    low=row.low,
                    close=row.close,
                    volume=row.volume,
                    taker_buy_volume=None,
                    trades=0,
                    closed=(row.open_ms + length_ms) * _NS_PER_MS <= now_ns,
                    source="rest",
                )
                for row in await self._candles(parameters)
            ]

        return await collect_bars(
            fetch,
            start_ns=start_ns,
            now_ns=now_ns,
            length_ns=length_ms * _NS_PER_MS,
            limit=limit,
            page=_BARS_PER_REQUEST,
        )

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        """The best levels: the venue's next number of levels that holds `limit`."""
        levels = next((depth for depth in self._depths if depth >= limit), self._depths[-1])
        body = await self._http.get_body(self._depth_path, {"symbol": venue_symbol, "limit": levels})
        try:
            return self._parser.parse_image(body, symbol=symbol, ts_init=self._clock_ns())
        except MalformedFrame as error:
            raise VenueUnavailable(str(error)) from error

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        """The most recent prints, oldest first, with ids made as the parser makes them."""
        parameters: dict[str, str | int] = {"symbol": venue_symbol, "limit": limit}
        rows: list[_Print] = await self._http.get("/openApi/swap/v2/quote/trades", parameters, list[_Print])
        newest_first = len(rows) > 1 and rows[0].time_ms > rows[-1].time_ms
        rows = sorted(reversed(rows) if newest_first else rows, key=lambda row: row.time_ms)
        ticks: list[TradeTick] = []
        last_id = 0
        for row in rows:
            last_id = max(row.time_ms * _IDS_PER_MS, last_id + 1)
            ticks.append(self._tick(symbol, row, last_id))
        return ticks

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        days: _Day | list[_Day] = await self._http.get(self._ticker_path, {"symbol": venue_symbol}, _Day | list[_Day])
        if isinstance(days, list):
            if not days:
                raise UnknownSymbol(f"{self._exchange} has no prices of {venue_symbol}.")
            day = days[0]
        else:
            day = days
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=day.last,
            change=day.last / day.open - 1 if day.open > 0 else 0.0,
            high=day.high,
            low=day.low,
            volume=day.volume,
            quote_volume=day.quote_volume,
            ts_event=day.close_ms * _NS_PER_MS,
            ts_init=self._clock_ns(),
        )

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        return websocket_url

    async def _candles(self, parameters: dict[str, str | int]) -> list[_Candle]:
        rows: list[_Candle] = await self._http.get("/openApi/swap/v3/quote/klines", parameters, list[_Candle])
        return rows

    def _tick(self, symbol: str, row: _Print | _SpotPrint, trade_id: int) -> TradeTick:
        return TradeTick(
            exchange=self._exchange,
            symbol=symbol,
            price=row.price,
            size=row.size,
            buyer_is_maker=row.buyer_is_maker,
            trade_id=trade_id,
            ts_event=row.time_ms * _NS_PER_MS,
            ts_init=self._clock_ns(),
        )


class BingxSpotRest(BingxRest):
    _time_path = "/openApi/spot/v1/server/time"
    _depth_path = "/openApi/spot/v1/market/depth"
    _depths = _SPOT_DEPTHS
    _ticker_path = "/openApi/spot/v1/ticker/24hr"

    async def listings(self) -> list[Listing]:
        answer: _Pairs = await self._http.get("/openApi/spot/v1/common/symbols", {}, _Pairs)
        return [_spot_listing(row) for row in answer.symbols]

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        parameters: dict[str, str | int] = {"symbol": venue_symbol, "limit": min(limit, 100)}
        rows: list[_SpotPrint] = await self._http.get("/openApi/spot/v1/market/trades", parameters, list[_SpotPrint])
        return [self._tick(symbol, row, row.id) for row in sorted(rows, key=lambda row: row.id)]

    async def _candles(self, parameters: dict[str, str | int]) -> list[_Candle]:
        # Without a time zone of 0 the venue's days begin at 16:00 UTC.
        rows: list[Any] = await self._http.get(
            "/openApi/spot/v1/market/kline", {**parameters, "timeZone": 0}, list[_SpotCandle]
        )
        return [
            _Candle(open_ms=open_ms, open=open_, high=high, low=low, close=close, volume=volume)
            for open_ms, open_, high, low, close, volume, _, _ in rows
        ]


def _swap_listing(row: _Contract) -> Listing:
    # "BTC-USDT", settled in `currency`. Sizes of the API are in base units, whatever the venue's `size` says.
    base, _, quote = row.symbol.partition("-")
    lot_size = Decimal(1).scaleb(-row.size_decimals)
    return Listing(
        symbol=f"{base}/{quote}:{row.currency}",
        venue_symbol=row.symbol,
        base=base,
        quote=quote,
        tick_size=Decimal(1).scaleb(-row.price_decimals),
        lot_size=lot_size,
        min_quantity=row.min_quantity or lot_size,
        max_quantity=Decimal(0),
        min_notional=row.min_notional,
        active=row.status == _ONLINE and row.may_open,
        kind="perpetual",
    )


def _spot_listing(row: _Pair) -> Listing:
    base, _, quote = row.symbol.partition("-")
    return Listing(
        symbol=f"{base}/{quote}",
        venue_symbol=row.symbol,
        base=base,
        quote=quote,
        tick_size=row.tick_size,
        lot_size=row.lot_size,
        # The venue's own minQty and maxQty are out of date: the notional is the rule.
        min_quantity=row.lot_size,
        max_quantity=Decimal(0),
        min_notional=row.min_notional,
        active=row.status == _ONLINE,
    )

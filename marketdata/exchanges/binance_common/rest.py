"""What Binance's spot and futures share over REST.

Weights are read from the response's headers; a 429 or 418 stops every request of this client until the time that the
venue names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import msgspec
from msgspec import Meta, Struct, field

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    MalformedFrame,
    NotAllowed,
    UnknownSymbol,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.binance_common.frames import NS_PER_MS, FrameParser
from marketdata.exchanges.binance_common.payloads import Amount, Count, Id, Millis
from marketdata.exchanges.http import Parameters, VenueHttp

_WEIGHT_HEADER = "x-mbx-used-weight-1m"
_INVALID_SYMBOL = frozenset({-1121, -1122})
_NOT_ALLOWED = frozenset({401, 403, 451})


class _Time(Struct):
    time_ms: Millis = field(name="serverTime")


class _Print(Struct):
    id: Id
    price: Amount
    size: Amount = field(name="qty")
    time_ms: Millis = field(name="time")
    buyer_is_maker: bool = field(name="isBuyerMaker")


class _Ticker24h(Struct):
    last: Amount = field(name="lastPrice")
    change_percent: Annotated[float, Meta(ge=-100, le=1e24)] = field(name="priceChangePercent")
    high: Amount = field(name="highPrice")
    low: Amount = field(name="lowPrice")
    volume: Amount
    quote_volume: Amount = field(name="quoteVolume")
    close_ms: Millis = field(name="closeTime")


# open time, open, high, low, close, volume, close time, quote volume, trades, taker buy base, taker buy quote, note
_Kline = tuple[
    Millis, Amount, Amount, Amount, Amount, Amount, Millis, Amount, Count, Amount, Amount, str
]  # fmt: skip


class _Problem(Struct):
    code: int = 0
    msg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRules:
    """Where a market's endpoints are and what it allows.

    weight_per_min: how much is used of the venue's allowance for this address; the rest is left to orders.
    depths: the numbers of levels that may be asked for, ascending; empty when any may.
    """

    prefix: str
    weight_per_min: int
    max_bars: int
    max_trades: int
    depths: tuple[int, ...] = ()


class CommonRest:
    """Public endpoints but for listings. Methods raise VenueError's children. `clock_ns` stamps what arrives."""

    def __init__(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        rules: RestRules,
        parser: FrameParser,
    ) -> None:
        self._clock_ns = clock_ns
        self._exchange = exchange
        self._rules = rules
        self._http = VenueHttp(exchange=exchange, base_url=base_url, client=client, refusal=self._refusal)
        self._parser = parser

    async def server_time_ns(self) -> int:
        answer: _Time = await self.ask("time", {}, _Time)
        return answer.time_ms * NS_PER_MS

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Fetch bars, oldest first. One is closed when the venue's own clock, asked beside it, is past its end."""
        now_ns = await self.server_time_ns()
        length_ns = TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
        if start_ns is None and limit > self._rules.max_bars:
            # The one that is forming counts too.
            start_ns = (now_ns // length_ns + 1 - limit) * length_ns
        rows: list[Any] = []
        while len(rows) < limit:
            page = min(limit - len(rows), self._rules.max_bars)
            parameters: dict[str, str | int] = {"symbol": venue_symbol, "interval": timeframe, "limit": page}
            if start_ns is not None:
                parameters["startTime"] = -(-start_ns // NS_PER_MS)
            got = await self.ask("klines", parameters, list[_Kline])
            rows += got
            # A server may give fewer than it was asked for: only the forming bar, or none at all, is the end.
            if start_ns is None or not got or got[-1][0] * NS_PER_MS + length_ns > now_ns:
                break
            start_ns = got[-1][0] * NS_PER_MS + length_ns
        return [self._bar(row, symbol, timeframe, length_ns, now_ns) for row in rows]

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        depths = self._rules.depths
        levels = next((depth for depth in depths if depth >= limit), depths[-1]) if depths else limit
        body = await self._get("depth", {"symbol": venue_symbol, "limit": levels})
        try:
            return self._parser.parse_image(body, symbol=symbol, ts_init=self._clock_ns())
        except MalformedFrame as error:
            raise VenueUnavailable(str(error)) from error

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        parameters: Parameters = {"symbol": venue_symbol, "limit": min(limit, self._rules.max_trades)}
        rows: Sequence[_Print] = await self.ask("trades", parameters, list[_Print])
        ts_init = self._clock_ns()
        return [
            TradeTick(
                exchange=self._exchange,
                symbol=symbol,
                price=row.price,
                size=row.size,
                buyer_is_maker=row.buyer_is_maker,
                trade_id=row.id,
                ts_event=row.time_ms * NS_PER_MS,
                ts_init=ts_init,
            )
            for row in rows
        ]

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        row: _Ticker24h = await self.ask("ticker/24hr", {"symbol": venue_symbol}, _Ticker24h)
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=row.last,
            change=row.change_percent / 100,
            high=row.high,
            low=row.low,
            volume=row.volume,
            quote_volume=row.quote_volume,
            ts_event=row.close_ms * NS_PER_MS,
            ts_init=self._clock_ns(),
        )

    async def ask(self, endpoint: str, parameters: Parameters, kind: Any) -> Any:
        """Return an endpoint's answer, decoded as `kind`."""
        return self._http.decode(await self._get(endpoint, parameters), kind)

    async def _get(self, endpoint: str, parameters: Parameters) -> bytes:
        response = await self._http.get(f"{self._rules.prefix}/{endpoint}", parameters)
        used = response.headers.get(_WEIGHT_HEADER, "0")
        if used.isdecimal() and int(used) > self._rules.weight_per_min:
            # Weights are counted by the minute of the venue's clock.
            self._http.block(60 - self._clock_ns() / 1e9 % 60)
        return response.content

    def _bar(self, row: Any, symbol: str, timeframe: Timeframe, length_ns: int, now_ns: int) -> Bar:
        ts_open = row[0] * NS_PER_MS
        return Bar(
            exchange=self._exchange,
            symbol=symbol,
            timeframe=timeframe,
            ts_open=ts_open,
            ts_close=ts_open + length_ns,
            open=row[1],
            high=row[2],
            low=row[3],
            close=row[4],
            volume=row[5],
            taker_buy_volume=row[9],
            trades=row[8],
            closed=ts_open + length_ns <= now_ns,
            source="synthetic" if row[11] == "synthetic" else "rest",
        )

    def _refusal(self, path: str, response: httpx.Response) -> VenueError:
        try:
            problem = msgspec.json.decode(response.content, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = _Problem(msg=response.text[:200])
        message = f"{self._exchange} refused {path}: {problem.code} {problem.msg} (HTTP {response.status_code})"
        if problem.code in _INVALID_SYMBOL:
            return UnknownSymbol(message)
        if response.status_code in _NOT_ALLOWED:
            return NotAllowed(f"{message}. The venue does not serve this address or place: try another environment.")
        return VenueRejected(message)

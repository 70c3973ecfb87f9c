"""Coinbase Advanced Trade over REST: what the socket does not tell.

Source: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api, the public endpoints under `market`.
"""

from collections.abc import Callable
from decimal import Decimal

import httpx
import msgspec

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Listing,
    NotAllowed,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.coinbase.rest_payloads import (
    Candle,
    Candles,
    Prints,
    Problem,
    Product,
    Products,
    Summary,
    Time,
    decode_book,
)
from marketdata.exchanges.http import VenueHttp
from marketdata.exchanges.rfc3339 import rfc3339_ns

_NS_PER_S = 1_000_000_000
_MARKET = "/api/v3/brokerage/market"
_GRANULARITIES: dict[Timeframe, str] = {
    "1m": "ONE_MINUTE",
    "5m": "FIVE_MINUTE",
    "15m": "FIFTEEN_MINUTE",
    "30m": "THIRTY_MINUTE",
    "1h": "ONE_HOUR",
    "4h": "FOUR_HOUR",
    "1d": "ONE_DAY",
}
# The venue refuses more than 350, counting both ends.
_PAGE = 300
_DAY_S = 86_400
_MAX_TRADES = 1_000
# Public answers are kept for a second unless one asks for new ones.
_FRESH = {"cache-control": "no-cache"}


class CoinbaseRest:
    """Public endpoints. Every method raises VenueError's children. `clock_ns` stamps what arrives."""

    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        self._exchange = exchange
        self._clock_ns = clock_ns
        self._http = VenueHttp(exchange=exchange, base_url=base_url, client=client, refusal=self._refusal)

    async def server_time_ns(self) -> int:
        now: Time = self._http.decode(await self._get("/api/v3/brokerage/time"), Time)
        return now.milliseconds * 1_000_000

    async def listings(self) -> list[Listing]:
        body = await self._get(f"{_MARKET}/products", product_type="SPOT")
        products: Products = self._http.decode(body, Products)
        return [_listing(product) for product in products.products if product.product_type == "SPOT"]

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """The venue leaves out bars without a trade, so the latest `limit` may be fewer."""
        granularity = _GRANULARITIES.get(timeframe)
        if granularity is None:
            known = ", ".join(_GRANULARITIES)
            raise UnsupportedTimeframe(f"{self._exchange} has no bars of {timeframe} (it has {known}).")
        length_s = TIMEFRAME_SECONDS[timeframe]
        now_ns = await self.server_time_ns()
        current_s = now_ns // _NS_PER_S // length_s * length_s
        if start_ns is None:
            start_s = current_s - (limit - 1) * length_s
        else:
            start_s = -(-start_ns // _NS_PER_S // length_s) * length_s
        bars: list[Bar] = []
        while start_s <= current_s and len(bars) < limit:
            end_s = min(current_s, start_s + (_PAGE - 1) * length_s)
            for row in await self._candles(venue_symbol, granularity, start_s, end_s):
                ts_close = (row.start_s + length_s) * _NS_PER_S
                bars.append(
                    Bar(
                        exchange=self._exchange,
                        symbol=symbol,
                        timeframe=timeframe,
                        ts_open=row.start_s * _NS_PER_S,
                        ts_close=ts_close,
                        open=row.open,
                        high=row.high,
                        low=row.low,
                        close=row.close,
                        volume=row.volume,
                        taker_buy_volume=None,
                        # Not told.
                        trades=0,
                        closed=ts_close <= now_ns,
                        source="rest",
                    )
                )
            start_s = end_s + length_s
        return bars[:limit]

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        body = await self._get(f"{_MARKET}/product_book", product_id=venue_symbol, limit=limit)
        try:
            bids, asks, ts_event = decode_book(body)
        except ValueError as error:
            raise VenueUnavailable(
                f"{self._exchange} sent a book that cannot be read ({error}): {body[:120]!r}"
            ) from error
        return BookImage(
            exchange=self._exchange,
            symbol=symbol,
            bids=bids,
            asks=asks,
            update_id=0,
            ts_init=self._clock_ns(),
            ts_event=ts_event,
        )

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        body = await self._get(f"{_MARKET}/products/{venue_symbol}/ticker", limit=min(limit, _MAX_TRADES))
        prints: Prints = self._http.decode(body, Prints)
        ts_init = self._clock_ns()
        try:
            return [
                TradeTick(
                    exchange=self._exchange,
                    symbol=symbol,
                    price=row.price,
                    size=row.size,
                    # The maker's side.
                    buyer_is_maker=row.side == "BUY",
                    trade_id=row.trade_id,
                    ts_event=rfc3339_ns(row.time),
                    ts_init=ts_init,
                )
                for row in reversed(prints.trades)
            ]
        except ValueError as error:
            raise VenueUnavailable(f"{self._exchange} sent a print whose time cannot be read ({error})") from error

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        """High and low are those of the 5-minute bars of the last day, for the product itself does not tell them."""
        day: Summary = self._http.decode(await self._get(f"{_MARKET}/products/{venue_symbol}"), Summary)
        now_ns = await self.server_time_ns()
        end_s = now_ns // _NS_PER_S
        rows = await self._candles(venue_symbol, "FIVE_MINUTE", end_s - _DAY_S, end_s)
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=day.price,
            change=day.change_percent / 100,
            high=max((row.high for row in rows), default=day.price),
            low=min((row.low for row in rows), default=day.price),
            volume=day.volume,
            quote_volume=day.quote_volume,
            ts_event=now_ns,
            ts_init=self._clock_ns(),
        )

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        return websocket_url

    async def _candles(self, venue_symbol: str, granularity: str, start_s: int, end_s: int) -> list[Candle]:
        """Those that begin between these times, both included, oldest first."""
        body = await self._get(
            f"{_MARKET}/products/{venue_symbol}/candles", start=start_s, end=end_s, granularity=granularity
        )
        answer: Candles = self._http.decode(body, Candles)
        return sorted(
            (row for row in answer.candles if start_s <= row.start_s <= end_s), key=lambda candle: candle.start_s
        )

    async def _get(self, path: str, **parameters: str | int) -> bytes:
        response = await self._http.get(path, parameters, headers=_FRESH)
        return response.content

    def _refusal(self, path: str, response: httpx.Response) -> VenueError:
        try:
            problem = msgspec.json.decode(response.content, type=Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = Problem(message=response.text[:200])
        said = " ".join(filter(None, (problem.error, problem.message or problem.error_details)))[:300]
        message = f"{self._exchange} refused {path}: {said} (HTTP {response.status_code})"
        if response.status_code in (401, 403):
            return NotAllowed(f"{message}. Check the API key, its permissions and its allowed addresses at Coinbase.")
        if response.status_code == 404 or problem.error == "NOT_FOUND" or "product_id" in said.lower():
            return UnknownSymbol(message)
        return VenueRejected(message)


def _listing(row: Product) -> Listing:
    switched_off = row.is_disabled or row.trading_disabled or row.cancel_only or row.view_only
    return Listing(
        symbol=f"{row.base}/{row.quote}",
        venue_symbol=row.product_id,
        base=row.base,
        quote=row.quote,
        tick_size=row.price_increment or row.quote_increment,
        lot_size=row.lot_size or Decimal("0.00000001"),
        min_quantity=row.min_quantity,
        max_quantity=row.max_quantity,
        min_notional=row.min_notional,
        active=row.status == "online" and not switched_off,
    )

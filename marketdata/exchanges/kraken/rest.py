"""Kraken spot over REST: what the socket does not tell.

Source: https://docs.kraken.com/api/docs/rest-api. Errors come with HTTP 200, in a list of texts. REST speaks of XBT and
XDG where the socket, and with it the rest of this system, speaks of BTC and DOGE.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Listing,
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.http import VenueHttp
from marketdata.exchanges.kraken.rest_payloads import (
    AssetPair,
    Candle,
    Last,
    Print,
    Reply,
    Summary,
    Time,
    decode_book,
    decode_result,
    of_the_pair,
)

_NS_PER_S = 1_000_000_000
_MINUTES: dict[Timeframe, int] = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
_MAX_DEPTH = 500
_MAX_TRADES = 1_000
# The counter of public calls runs down by about one a second; an address over its limit is let in again soon.
_LIMITED_S = 15.0
_TO_REST = {"BTC": "XBT", "DOGE": "XDG"}
_FROM_REST = {rest: ours for ours, rest in _TO_REST.items()}

_LIMITED = ("EAPI:Rate limit", "EGeneral:Too many requests", "EGeneral:Temporary lockout", "EService:Throttled")
_UNAVAILABLE = ("EService:", "EGeneral:Internal error", "EDatabase:")
_UNKNOWN = ("EQuery:Unknown asset", "EQuery:Invalid asset")
_FORBIDDEN = ("EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Permission denied", "ESession:")


class KrakenRest:
    """Public endpoints. Every method raises VenueError's children. `clock_ns` stamps what arrives."""

    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        self._exchange = exchange
        self._clock_ns = clock_ns
        self._http = VenueHttp(exchange=exchange, base_url=base_url, client=client)
        # REST's names by the socket's, as far as the listings told them.
        self._pairs: dict[str, str] = {}

    async def server_time_ns(self) -> int:
        """The venue tells whole seconds only: the middle of the one that it is in."""
        now: Time = self._decode(decode_result, await self._get("Time"), Time)
        return now.seconds * _NS_PER_S + _NS_PER_S // 2

    async def listings(self) -> list[Listing]:
        pairs: Mapping[str, AssetPair] = self._decode(
            decode_result, await self._get("AssetPairs"), dict[str, AssetPair]
        )
        found = [(pair, _listing(pair)) for pair in pairs.values() if "/" in pair.wsname]
        self._pairs.update({listing.venue_symbol: pair.altname for pair, listing in found})
        return [listing for _, listing in found]

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """At most the latest 720, for the venue keeps no more: nothing is given for what is older."""
        minutes = _MINUTES.get(timeframe)
        if minutes is None:
            known = ", ".join(_MINUTES)
            raise UnsupportedTimeframe(f"{self._exchange} has no bars of {timeframe} (it has {known}).")
        result = await self._get("OHLC", pair=self._pair(venue_symbol), interval=minutes)
        rows: list[Candle] = self._decode(of_the_pair, result, list[Candle])
        # The last bar that will not change any more.
        committed_s: int = self._decode(decode_result, result, Last).last
        length_s = TIMEFRAME_SECONDS[timeframe]
        if start_ns is None:
            rows = rows[-limit:]
        else:
            rows = [row for row in rows if row[0] * _NS_PER_S >= start_ns][:limit]
        return [
            Bar(
                exchange=self._exchange,
                symbol=symbol,
                timeframe=timeframe,
                ts_open=row[0] * _NS_PER_S,
                ts_close=(row[0] + length_s) * _NS_PER_S,
                open=row[1],
                high=row[2],
                low=row[3],
                close=row[4],
                volume=row[6],
                taker_buy_volume=None,
                trades=row[7],
                closed=row[0] <= committed_s,
                source="rest",
            )
            for row in rows
        ]

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        result = await self._get("Depth", pair=self._pair(venue_symbol), count=min(limit, _MAX_DEPTH))
        bids, asks = self._decode(decode_book, result)
        return BookImage(
            exchange=self._exchange, symbol=symbol, bids=bids, asks=asks, update_id=0, ts_init=self._clock_ns()
        )

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        result = await self._get("Trades", pair=self._pair(venue_symbol), count=min(limit, _MAX_TRADES))
        rows: list[Print] = self._decode(of_the_pair, result, list[Print])
        ts_init = self._clock_ns()
        return [
            TradeTick(
                exchange=self._exchange,
                symbol=symbol,
                price=price,
                size=size,
                # The side is the taker's.
                buyer_is_maker=side == "s",
                trade_id=trade_id,
                ts_event=int(time_s * _NS_PER_S),
                ts_init=ts_init,
            )
            for price, size, time_s, side, _, _, trade_id in rows[-limit:]
        ]

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        """`change` is since midnight UTC: REST does not tell the price of 24 hours ago."""
        result = await self._get("Ticker", pair=self._pair(venue_symbol))
        day: Summary = self._decode(of_the_pair, result, Summary)
        last, now_ns = day.closed[0], self._clock_ns()
        return Ticker(
            exchange=self._exchange,
            symbol=symbol,
            last=last,
            change=last / day.open - 1 if day.open > 0 else 0.0,
            high=day.highs[1],
            low=day.lows[1],
            volume=day.volumes[1],
            quote_volume=day.volumes[1] * day.averages[1],
            ts_event=now_ns,
            ts_init=now_ns,
        )

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        return websocket_url

    def _pair(self, venue_symbol: str) -> str:
        known = self._pairs.get(venue_symbol)
        if known is not None:
            return known
        return "".join(_TO_REST.get(asset, asset) for asset in venue_symbol.split("/"))

    async def _get(self, name: str, **parameters: str | int) -> msgspec.Raw:
        response = await self._http.get(f"/0/public/{name}", parameters)
        reply: Reply = self._http.decode(response.content, Reply)
        # Warnings begin with W.
        errors = [text for text in reply.error if text.startswith("E")]
        if errors:
            raise self._refused(name, errors)
        return reply.result

    def _refused(self, name: str, errors: list[str]) -> VenueError:
        message = f"{self._exchange} refused {name}: {'; '.join(errors)[:300]}"
        first = errors[0]
        if first.startswith(_LIMITED):
            self._http.block(_LIMITED_S)
            return RateLimited(message, retry_after_s=_LIMITED_S)
        if first.startswith(_UNAVAILABLE):
            return VenueUnavailable(message)
        if first.startswith(_UNKNOWN):
            return UnknownSymbol(message)
        if first.startswith(_FORBIDDEN):
            return NotAllowed(f"{message}. Check the API key, its permissions and its allowed addresses at Kraken.")
        return VenueRejected(message)

    def _decode(self, read: Callable[..., Any], result: msgspec.Raw, *kind: Any) -> Any:
        try:
            return read(result, *kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VenueUnavailable(
                f"{self._exchange} sent an answer that cannot be read ({error}): {bytes(result)[:120]!r}"
            ) from error


def _listing(row: AssetPair) -> Listing:
    base, quote = (_FROM_REST.get(asset, asset) for asset in row.wsname.split("/", 1))
    return Listing(
        symbol=f"{base}/{quote}",
        venue_symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        tick_size=row.tick_size or Decimal(1).scaleb(-row.pair_decimals),
        lot_size=Decimal(1).scaleb(-row.lot_decimals),
        min_quantity=row.minimum,
        max_quantity=Decimal(0),
        min_notional=row.min_cost,
        active=row.status == "online",
        price_decimals=row.pair_decimals,
        size_decimals=row.lot_decimals,
    )

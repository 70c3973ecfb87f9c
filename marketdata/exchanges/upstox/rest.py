"""Upstox over REST: addresses of sockets, history, quotes, instruments, holidays.

Source: https://upstox.com/developer/api-documentation. Everything but the file of instruments wants an access token,
which ends at 3:30 each night IST.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote as quote_path

import httpx
import msgspec
import structlog

from marketdata.events import TIMEFRAME_SECONDS, Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import (
    BookImage,
    Credentials,
    Listing,
    MalformedFrame,
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.http import VenueHttp
from marketdata.exchanges.upstox import payloads
from marketdata.exchanges.upstox.hours import Holidays, Session, TradingCalendar, ist
from marketdata.exchanges.upstox.instruments import UnreadableInstruments, read_listings
from marketdata.exchanges.upstox.messages import UpstoxParser
from marketdata.exchanges.upstox.pace import RequestBudget

log = structlog.get_logger(__name__)

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_ASSETS_URLS = {"https://api.upstox.com": "https://assets.upstox.com"}
# Nine tenths of 50 a second, 500 a minute and 2,000 in half an hour: orders use the same account.
_LIMITS = {1.0: 45, 60.0: 450, 1_800.0: 1_800}
_UNKNOWN_INSTRUMENT = frozenset({"UDAPI1087", "UDAPI100011", "UDAPI1011"})
_EXPIRED = (
    "the Upstox access token has expired (they end at 3:30 each night IST): log in again and set UPSTOX_ACCESS_TOKEN"
)
_MISSING = "Upstox wants an access token: log in and set UPSTOX_ACCESS_TOKEN"

# The venue's longer bars begin at 09:15 IST, ours at whole half hours and hours UTC.
_MINUTES: dict[Timeframe, int] = {"1m": 1, "3m": 3, "5m": 5, "15m": 15}
_SESSION_MINUTES = 375
# Candles are conflated too: what was traded at the end of one may be added a little later.
_SETTLING_NS = 2 * _NS_PER_S
# A request may span a month for bars of up to 15 minutes.
_WINDOW = timedelta(days=28)
_DAY = timedelta(days=1)

_Found = dict[datetime, payloads.Candle]


class UpstoxRest:
    """Every method raises VenueError's children. `clock_ns` stamps what arrives; `calendar` learns the holidays."""

    def __init__(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
        calendar: TradingCalendar | None = None,
    ) -> None:
        self._exchange = exchange
        self._clock_ns = clock_ns
        self._token = credentials.access_token if credentials is not None else ""
        self._calendar = calendar
        self._http = VenueHttp(exchange=exchange, base_url=base_url, client=client, refusal=self._refusal)
        assets_url = _ASSETS_URLS.get(base_url.rstrip("/"), base_url)
        self._assets = VenueHttp(exchange=exchange, base_url=assets_url, client=client)
        self._budget = RequestBudget(_LIMITS)
        self._parser = UpstoxParser(exchange=exchange, symbols={})

    async def server_time_ns(self) -> int:
        """The middle of the second that an answer's header tells: Upstox has no clock to ask."""
        response = await self._get("/v2/market/status/NSE")
        return self._time_of(response) + _NS_PER_S // 2

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        """An address that works once. Raises NotAllowed, which says what to do, without a valid token."""
        response = await self._get("/v3/feed/market-data-feed/authorize")
        answer: payloads.SocketAddressAnswer = self._http.decode(response.content, payloads.SocketAddressAnswer)
        return answer.data.url

    async def listings(self) -> list[Listing]:
        """Equities and indices of the National Stock Exchange. Learns its holidays too."""
        response = await self._assets.get("/market-quote/instruments/exchange/NSE.json.gz")
        await self._learn_holidays()
        try:
            # 80,000 rows take a third of a second.
            return await asyncio.to_thread(read_listings, response.content)
        except UnreadableInstruments as error:
            raise VenueUnavailable(f"{self._exchange} sent instruments that cannot be read: {error}") from error

    async def holidays(self) -> Holidays:
        """This year's days on which the exchange has no session or one at other hours."""
        response = await self._get("/v2/market/holidays")
        answer: payloads.Holidays = self._http.decode(response.content, payloads.Holidays)
        found: dict[date, Session | None] = {}
        for day in answer.data:
            special = next((item for item in day.open_exchanges if item.exchange == "NSE"), None)
            if special is not None:
                found[day.date] = Session(special.start_ms * _NS_PER_MS, special.end_ms * _NS_PER_MS)
            elif "NSE" in day.closed_exchanges:
                found[day.date] = None
        return found

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Today's bars come from one address, those of the days before from another, a month at a time.

        Only "1m" to "15m": longer ones of the venue begin at 09:15 IST, which no longer bar of ours does.
        """
        minutes = _MINUTES.get(timeframe)
        if minutes is None:
            raise UnsupportedTimeframe(
                f"{self._exchange} has no {timeframe} bars that begin at whole hours: build them from 15m bars"
            )
        key = quote_path(venue_symbol, safe="")
        if start_ns is None:
            found, now_ns = await self._latest(key, minutes, limit)
        else:
            found, now_ns = await self._onwards(key, minutes, limit, ist(start_ns).date())
        bars = [self._bar(found[at], symbol, timeframe, now_ns) for at in sorted(found)]
        if start_ns is None:
            return bars[-limit:]
        return [bar for bar in bars if bar.ts_open >= start_ns][:limit]

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        """Five levels a side, however many are asked for."""
        response = await self._quote(venue_symbol)
        try:
            return self._parser.parse_image(response.content, symbol=symbol, ts_init=self._clock_ns())
        except MalformedFrame as error:
            raise UnknownSymbol(f"{self._exchange} has no quote of {symbol}: {error}") from error

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        """Nothing: Upstox tells no prints over REST."""
        return []

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        """Today's session, for want of a rolling day."""
        response = await self._quote(venue_symbol)
        quotes: payloads.Quotes = self._http.decode(response.content, payloads.Quotes)
        for quote in quotes.data.values():
            last, change = quote.last_price, quote.net_change or 0.0
            volume, day = quote.volume or 0.0, quote.day or payloads.Day(high=last, low=last)
            return Ticker(
                exchange=self._exchange,
                symbol=symbol,
                last=last,
                change=change / (last - change) if last > change else 0.0,
                high=day.high,
                low=day.low,
                volume=volume,
                quote_volume=(quote.average_price or 0.0) * volume,
                ts_event=_ns(quote.timestamp) if quote.timestamp is not None else 0,
                ts_init=self._clock_ns(),
            )
        raise UnknownSymbol(f"{self._exchange} has no quote of {symbol}")

    async def _quote(self, venue_symbol: str) -> httpx.Response:
        return await self._get("/v2/market-quote/quotes", {"instrument_key": venue_symbol})

    async def _latest(self, key: str, minutes: int, limit: int) -> tuple[_Found, int]:
        """At least `limit` candles if there are, backwards from today."""
        found, now_ns = await self._candles(f"/v3/historical-candle/intraday/{key}/minutes/{minutes}")
        end = ist(now_ns).date() - _DAY
        # Weekends, holidays and then some.
        begin = end - (3 + -(-limit * minutes // _SESSION_MINUTES) * 7 // 5) * _DAY
        while end >= begin and len(found) < limit:
            window = max(begin, end - _WINDOW)
            older, _ = await self._candles(f"/v3/historical-candle/{key}/minutes/{minutes}/{end}/{window}")
            found |= older
            end = window - _DAY
        return found, now_ns

    async def _onwards(self, key: str, minutes: int, limit: int, begin: date) -> tuple[_Found, int]:
        """At least `limit` candles if there are, from the day `begin` on. Its own may be older than what is wanted."""
        found: _Found = {}
        now_ns = self._clock_ns()
        yesterday = ist(now_ns).date() - _DAY
        wanted = limit + _SESSION_MINUTES // minutes
        while begin <= yesterday and len(found) < wanted:
            end = min(begin + _WINDOW, yesterday)
            newer, now_ns = await self._candles(f"/v3/historical-candle/{key}/minutes/{minutes}/{end}/{begin}")
            found |= newer
            begin = end + _DAY
        if len(found) < wanted:
            newer, now_ns = await self._candles(f"/v3/historical-candle/intraday/{key}/minutes/{minutes}")
            found |= newer
        return found, now_ns

    async def _candles(self, path: str) -> tuple[_Found, int]:
        """Candles by their beginning, and the venue's time."""
        response = await self._get(path)
        answer: payloads.CandlesAnswer = self._http.decode(response.content, payloads.CandlesAnswer)
        found = {row[0]: row for row in answer.data.candles}
        if any(begin.tzinfo is None for begin in found):
            raise VenueUnavailable(f"{self._exchange} sent bars without a time zone for {path}")
        return found, self._time_of(response)

    def _bar(self, row: payloads.Candle, symbol: str, timeframe: Timeframe, now_ns: int) -> Bar:
        ts_open = _ns(row[0])
        ts_close = ts_open + TIMEFRAME_SECONDS[timeframe] * _NS_PER_S
        return Bar(
            exchange=self._exchange,
            symbol=symbol,
            timeframe=timeframe,
            ts_open=ts_open,
            ts_close=ts_close,
            open=row[1],
            high=row[2],
            low=row[3],
            close=row[4],
            volume=row[5],
            taker_buy_volume=None,
            trades=0,
            closed=ts_close + _SETTLING_NS <= now_ns,
            source="rest",
        )

    async def _learn_holidays(self) -> None:
        if self._calendar is None:
            return
        try:
            self._calendar.learn(await self.holidays())
        except VenueError as error:
            log.warning("[WS] no holidays from the venue: weekdays count as open", error=str(error))

    async def _get(self, path: str, parameters: dict[str, str | int] | None = None) -> httpx.Response:
        wait_s = self._budget.take_s(time.monotonic())
        if wait_s > 0:
            raise RateLimited(
                f"{self._exchange}: our own limit of requests is used up for {wait_s:.0f} s", retry_after_s=wait_s
            )
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return await self._http.get(path, parameters, headers=headers)

    def _time_of(self, response: httpx.Response) -> int:
        try:
            return _ns(parsedate_to_datetime(response.headers["date"]))
        except (KeyError, ValueError):
            return self._clock_ns()

    def _refusal(self, path: str, response: httpx.Response) -> VenueError:
        try:
            problems = msgspec.json.decode(response.content, type=payloads.Problems).errors
        except (msgspec.DecodeError, UnicodeDecodeError):
            problems = []
        problem = problems[0] if problems else payloads.Problem(message=response.text[:200])
        message = f"{self._exchange} refused {path}: {problem.code} {problem.message} (HTTP {response.status_code})"
        if response.status_code == 401:
            return NotAllowed(_EXPIRED if self._token else _MISSING)
        if response.status_code == 403:
            return NotAllowed(f"{message}. Check the app's permissions at Upstox")
        if response.status_code == 423:
            return VenueUnavailable(message)
        return UnknownSymbol(message) if problem.code in _UNKNOWN_INSTRUMENT else VenueRejected(message)


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000) * _NS_PER_MS

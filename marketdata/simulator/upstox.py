"""The simulated Upstox, under /upstox: its REST and its feed v3, open around the clock, without credentials.

With bars faster than three minutes the venue's time runs faster too, from the start of the process on: every time that
it tells, the header of its answers included, is that of its own clock.
"""

import asyncio
import gzip
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from email.utils import format_datetime

import msgspec
from aiohttp import WSMsgType, web

from marketdata.simulator import upstox_frames as frames
from marketdata.simulator.upstox_market import BAR_MS, SPECS, Slots, UpstoxMarket, day_of

PREFIX = "/upstox"

_TICKS_PER_S = 4
_MAX_CODES = 1_000
# Prints.
_MAX_LATE = 40
_MAX_DAYS = 31
_EPOCH = date(1970, 1, 1)


class _Wanted(msgspec.Struct):
    instrument_keys: list[str] = msgspec.field(name="instrumentKeys", default_factory=list)


class _Request(msgspec.Struct):
    method: str
    data: _Wanted


class UpstoxDoor:
    """Routes of the venue. now_ms() is the wall clock's time; nothing is sent while is_frozen() is true."""

    def __init__(
        self, *, seed: int, bar_seconds: int, now_ms: Callable[[], int], is_frozen: Callable[[], bool]
    ) -> None:
        self.slots = Slots(bar_seconds * _TICKS_PER_S)
        self.markets = {spec.key: UpstoxMarket(spec, seed=seed, slots=self.slots.count) for spec in SPECS}
        self.sockets: set[_Socket] = set()
        self.is_frozen = is_frozen
        self._wall_ms = now_ms
        self._start_ms = now_ms()
        self._bar_ms = bar_seconds * 1_000
        self._codes: OrderedDict[str, None] = OrderedDict()

    def drop_sockets(self) -> None:
        for socket in list(self.sockets):
            socket.abort()

    def now_ms(self) -> int:
        """The venue's time."""
        return self._start_ms + (self._wall_ms() - self._start_ms) * BAR_MS // self._bar_ms

    async def wait_for(self, slot: int) -> None:
        """Sleep until the slot's print is there."""
        left_ms = self.slots.time_ms(slot) - self.now_ms()
        await asyncio.sleep(max(0, left_ms) * self._bar_ms / BAR_MS / 1_000)

    def routes(self) -> list[web.AbstractRouteDef]:
        candles = PREFIX + "/v3/historical-candle"
        return [
            web.get(PREFIX + "/v3/feed/market-data-feed/authorize", self.authorize),
            web.get(PREFIX + "/feed", self.feed),
            web.get(PREFIX + "/market-quote/instruments/exchange/NSE.json.gz", self.instruments),
            web.get(PREFIX + "/v2/market/holidays", self.holidays),
            web.get(PREFIX + "/v2/market/status/NSE", self.status),
            web.get(PREFIX + "/v2/market-quote/quotes", self.quotes),
            web.get(candles + "/intraday/{key}/minutes/{minutes:[0-9]{1,3}}", self.intraday),
            web.get(candles + "/{key}/minutes/{minutes:[0-9]{1,3}}/{end}/{begin}", self.history),
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        code = secrets.token_hex(16)
        self._codes[code] = None
        if len(self._codes) > _MAX_CODES:
            self._codes.popitem(last=False)
        return self._success({"authorized_redirect_uri": f"ws://{request.host}{PREFIX}/feed?code={code}"})

    async def feed(self, request: web.Request) -> web.StreamResponse:
        code = request.query.get("code", "")
        if code not in self._codes:
            return self._problem("UDAPI100050", "The address of a feed works once: ask for another one.", status=403)
        del self._codes[code]
        socket = _Socket(request, self)
        self.sockets.add(socket)
        try:
            return await socket.serve()
        finally:
            self.sockets.discard(socket)

    async def instruments(self, request: web.Request) -> web.Response:
        rows = [frames.instrument(market) for market in self.markets.values()]
        body = gzip.compress(msgspec.json.encode(rows), mtime=0)
        return web.Response(body=body, content_type="application/gzip", headers=self._headers())

    async def holidays(self, request: web.Request) -> web.Response:
        return self._success([])

    async def status(self, request: web.Request) -> web.Response:
        return self._success({"exchange": "NSE", "status": "NORMAL_OPEN", "last_updated": self.now_ms()})

    async def quotes(self, request: web.Request) -> web.Response:
        keys = [key for key in request.query.get("instrument_key", "").split(",") if key]
        markets = [self.markets[key] for key in keys if key in self.markets]
        if not markets or len(markets) < len(keys):
            return self._unknown()
        now_ms = self.now_ms()
        return self._success(
            {f"{market.spec.segment}:{market.spec.trading_symbol}": frames.quote(market, now_ms) for market in markets}
        )

    async def intraday(self, request: web.Request) -> web.Response:
        today = day_of(self.now_ms())
        return await self._candles(request, today, today)

    async def history(self, request: web.Request) -> web.Response:
        try:
            begin, end = (date.fromisoformat(request.match_info[name]) for name in ("begin", "end"))
        except ValueError:
            return self._problem("UDAPI1015", "Dates are YYYY-MM-DD.", status=400)
        first, last = (begin - _EPOCH).days, (end - _EPOCH).days
        if last - first > _MAX_DAYS or last < first:
            return self._problem("UDAPI1148", "Invalid date range: at most a month.", status=400)
        return await self._candles(request, first, min(last, day_of(self.now_ms()) - 1))

    async def _candles(self, request: web.Request, first: int, last: int) -> web.Response:
        market = self.markets.get(request.match_info["key"])
        minutes = int(request.match_info["minutes"])
        if market is None:
            return self._unknown()
        if not 1 <= minutes <= 300:
            return self._problem("UDAPI1147", "Intervals are 1 to 300 minutes.", status=400)
        now_ms = self.now_ms()

        def compute() -> list[list[object]]:
            days = [market.candles(number, minutes, until_ms=now_ms) for number in range(first, last + 1)]
            return frames.candles(days, market)

        return self._success({"candles": await asyncio.to_thread(compute)}, now_ms=now_ms)

    def _headers(self, now_ms: int | None = None) -> dict[str, str]:
        told_ms = self.now_ms() if now_ms is None else now_ms
        return {"Date": format_datetime(datetime.fromtimestamp(told_ms // 1_000, UTC), usegmt=True)}

    def _success(self, data: object, *, now_ms: int | None = None) -> web.Response:
        """`now_ms` is the venue's time that the data are of."""
        body = msgspec.json.encode({"status": "success", "data": data})
        return web.Response(body=body, content_type="application/json", headers=self._headers(now_ms))

    def _unknown(self) -> web.Response:
        return self._problem("UDAPI1087", "Invalid Instrument key.", status=400)

    def _problem(self, code: str, message: str, *, status: int) -> web.Response:
        body = msgspec.json.encode({"status": "error", "errors": [{"errorCode": code, "message": message}]})
        return web.Response(body=body, status=status, content_type="application/json", headers=self._headers())


class _Socket:
    """One reader of the feed. It hears nothing but the market's status until it asks for instruments."""

    def __init__(self, request: web.Request, door: UpstoxDoor) -> None:
        self._request = request
        self._door = door
        self._websocket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        self._wanted: dict[str, UpstoxMarket] = {}

    async def serve(self) -> web.WebSocketResponse:
        await self._websocket.prepare(self._request)
        await self._websocket.send_bytes(frames.market_info(self._door.now_ms()))
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._websocket:
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    await self._take(message.data)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            with suppress(ConnectionError):
                await self._websocket.close()
        return self._websocket

    def abort(self) -> None:
        """Cut the connection without a closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _take(self, data: bytes | str) -> None:
        """As at the venue, what cannot be understood is passed over, and so are unknown instruments."""
        try:
            request = msgspec.json.decode(data, type=_Request)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        markets = {key: self._door.markets[key] for key in request.data.instrument_keys if key in self._door.markets}
        if request.method == "unsub":
            self._wanted = {key: market for key, market in self._wanted.items() if key not in markets}
        elif request.method in ("sub", "change_mode") and markets:
            self._wanted |= markets
            await self._websocket.send_bytes(
                frames.feed_frame(list(markets.values()), self._door.now_ms(), initial=True)
            )

    async def _write(self) -> None:
        """Send every print, late ones too: only who was suspended for long misses some."""
        door, slots = self._door, self._door.slots
        sent = slots.newest(door.now_ms())
        with suppress(ConnectionError):
            while True:
                await door.wait_for(sent + 1)
                newest = slots.newest(door.now_ms())
                for slot in range(max(sent + 1, newest - _MAX_LATE), newest + 1):
                    if self._wanted and not door.is_frozen():
                        await self._websocket.send_bytes(
                            frames.feed_frame(list(self._wanted.values()), slots.time_ms(slot))
                        )
                sent = newest

"""The USD-M futures side of the venue: REST under /fapi/v1, sockets under /public, /market and /private."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from marketdata.simulator import rest_faults
from marketdata.simulator.errors import VenueError
from marketdata.simulator.faults import Faults
from marketdata.simulator.hub import Hub, Subscriber
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.options import Options
from marketdata.simulator.path import Path
from marketdata.simulator.private_events import PrivateEvents
from marketdata.simulator.public_side import Clock, PublicSide
from marketdata.simulator.slow_futures import SlowFutures
from marketdata.simulator.sockets import Socket, SocketRules
from marketdata.simulator.streams import StreamDoor
from marketdata.simulator.tampering import Tampering, split_stream
from marketdata.simulator.usage import Usage
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.endpoints import ENDPOINTS
from marketdata.simulator.usdm.operator import FuturesDoor
from marketdata.simulator.usdm.perpetuals import perpetual_markets
from marketdata.simulator.usdm.private_door import PrivateDoor
from marketdata.simulator.usdm.pump import Row, UsdmPump
from marketdata.simulator.venue import Venue

PREFIX = "/fapi/v1/"
WEIGHT_PER_MINUTE = 2400
# Order books and quotes come on /public, everything else on /market; either is silent about the other's streams.
_PUBLIC = frozenset({"depth", "bookTicker"})


class UsdmSide:
    """Perpetuals of the spot markets, for the customers of the spot side `spot`: their keys are the same."""

    def __init__(
        self,
        options: Options,
        *,
        listed_ms: int,
        clock: Clock,
        faults: Faults,
        usage: Usage,
        stands_still: Callable[[], bool],
        spot: Venue,
        rules: SocketRules,
    ) -> None:
        now_ms = clock.now_ms()
        markets = perpetual_markets(
            options.symbols, seed=options.seed, rate=options.rate, listed_ms=listed_ms, now_ms=now_ms
        )
        hub = Hub(Tampering(faults), PrivateEvents(faults))
        self.public = PublicSide(
            markets=markets, clock=clock, faults=faults, hub=hub, weight_per_minute=WEIGHT_PER_MINUTE
        )
        self._spot = spot
        self.customers = FuturesVenue(self.public, spot.ledger.database)
        paths = {spec.id: Path(spec, seed=options.seed, rate=options.rate) for spec in options.symbols}
        futures = SlowFutures(paths, seed=options.seed)

        def premium(symbol: str, time_ms: int) -> Row:
            row = futures.premium_index({"symbol": symbol}, time_ms)
            assert isinstance(row, dict)
            return row

        self._pumps = {
            symbol: UsdmPump(
                market,
                hub=hub,
                now_ms=clock.now_ms,
                stands_still=stands_still,
                premium=premium,
                customers=self.customers,
            )
            for symbol, market in markets.items()
        }
        self.runners: Sequence[Callable[[], Awaitable[None]]] = [
            self.public.past.run,
            *(pump.run for pump in self._pumps.values()),
            lambda: self._pay_fundings(premium),
        ]
        self._private = PrivateDoor(spot, self.customers, self._catch_up)
        self._doors = {
            route: StreamDoor(hub, rules, faults=faults, usage=usage, serves=serves, listen=self._listen)
            for route, serves in (("public", _is_public), ("market", _is_market), ("private", lambda stream: False))
        }

    def routes(self) -> list[web.AbstractRouteDef]:
        rows: list[web.AbstractRouteDef] = [web.get(PREFIX + name, self.handle) for name in ENDPOINTS]
        rows += [*self._private.routes(), *FuturesDoor(self.customers).routes()]
        rows.append(web.route("*", f"{PREFIX}listenKey", self.handle_listen_key))
        for route, door in self._doors.items():
            rows += [web.get(f"/{route}/{path}", door.handle) for path in ("stream", "ws", "ws/{streams:.*}")]
        return rows

    def sockets(self) -> list[Socket]:
        return [socket for door in self._doors.values() for socket in door.sockets]

    def _listen(self, key: str, subscriber: Subscriber) -> bool:
        return self.public.listen_keys.join(key, subscriber, now_ms=self.public.clock.now_ms())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.path.removeprefix(PREFIX)
        handler, weight = ENDPOINTS[name]
        headers: dict[str, str] = {}

        async def carry_out() -> object:
            used = self.public.limits.spend(request.remote or "", weight, now_s=int(time.time()))
            headers["X-MBX-USED-WEIGHT-1M"] = str(used)
            self._catch_up(request.query.get("symbol", ""))
            return await handler(self.public, dict(request.query))

        return await self._answer(name, carry_out, headers)

    def _catch_up(self, symbol: str) -> None:
        for pump in [self._pumps[symbol]] if symbol in self._pumps else self._pumps.values():
            pump.catch_up()

    async def _pay_fundings(self, premium: Callable[[str, int], Row]) -> None:
        """Charge positions whenever the time of a funding has come."""
        due = {symbol: premium(symbol, self.public.clock.now_ms()) for symbol in self._pumps}
        while True:
            await asyncio.sleep(1)
            now_ms = self.public.clock.now_ms()
            for symbol, row in due.items():
                if now_ms >= int(str(row["nextFundingTime"])):
                    self._catch_up(symbol)
                    self.customers.pay_funding(symbol, round(float(str(row["lastFundingRate"])) * UNIT))
                    due[symbol] = premium(symbol, now_ms)

    async def handle_listen_key(self, request: web.Request) -> web.StreamResponse:
        keys, now_ms = self.public.listen_keys, self.public.clock.now_ms()

        async def carry_out() -> object:
            account_id = self._spot.account_of(request.headers.get("X-MBX-APIKEY")).id
            match request.method:
                case "POST":
                    return {"listenKey": keys.create(account_id, now_ms=now_ms)}
                case "PUT":
                    keys.keep(account_id, None, now_ms=now_ms)
                case "DELETE":
                    keys.close(account_id, None, now_ms=now_ms)
                case _:
                    raise VenueError(-1, "Method not allowed.", status=405)
            return {}

        return await self._answer("listenKey", carry_out, {})

    async def _answer(
        self, name: str, carry_out: Callable[[], Awaitable[object]], headers: Mapping[str, str]
    ) -> web.StreamResponse:
        try:
            await rest_faults.check(self.public.faults, name)
            result, status = await carry_out(), 200
        except VenueError as error:
            result, status = error.body, error.status
            if error.retry_after_s is not None:
                headers = {**headers, "Retry-After": str(error.retry_after_s)}
        except rest_faults.GarbledAnswerError as garbled:
            return web.Response(body=garbled.body, content_type=garbled.content_type)
        return web.Response(
            body=msgspec.json.encode(result),
            status=status,
            headers=CIMultiDict(headers),
            content_type="application/json",
        )


def _is_public(stream: str) -> bool:
    return split_stream(stream)[1] in _PUBLIC


def _is_market(stream: str) -> bool:
    return not _is_public(stream)

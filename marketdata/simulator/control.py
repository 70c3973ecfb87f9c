"""The operator's door, /sim: state and faults. For tests, drills and the demo; Binance has none of it."""

import time
from collections.abc import Callable

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_switch import FaultSwitch
from marketdata.simulator.faults import as_switch
from marketdata.simulator.player import Player
from marketdata.simulator.usage import Usage
from marketdata.simulator.venue import Venue


class ControlDoor:
    """Serves /sim."""

    def __init__(
        self,
        venue: Venue,
        *,
        state: Callable[[], dict[str, object]],
        limits: Callable[[], dict[str, object]],
        forget_limits: Callable[[], None],
        fault_switch: FaultSwitch,
        player: Player | None,
    ) -> None:
        self._venue = venue
        self._state = state
        self._limits = limits
        self._forget_limits = forget_limits
        self._switch = fault_switch
        self._player = player

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/sim/state", self.state),
            web.get("/sim/limits", self.limits),
            web.delete("/sim/limits", self.forget_limits),
            web.get("/sim/faults", self.faults),
            web.post("/sim/faults", self.switch_fault),
            web.get("/sim/replay", self.replay),
            web.post("/sim/replay/start", self.start_replay),
        ]

    async def state(self, request: web.Request) -> web.Response:
        return _json(self._state())

    async def limits(self, request: web.Request) -> web.Response:
        return _json(self._limits())

    async def forget_limits(self, request: web.Request) -> web.Response:
        """What clients used of the limits is forgotten, and bans with it."""
        self._forget_limits()
        return _json(self._limits())

    async def replay(self, request: web.Request) -> web.Response:
        if self._player is None:
            return _json({"error": "this venue plays no recording; start it with --replay FILE"}, status=404)
        return _json(self._player.state())

    async def start_replay(self, request: web.Request) -> web.Response:
        if self._player is not None:
            self._player.start()
        return await self.replay(request)

    async def faults(self, request: web.Request) -> web.Response:
        return _json(self._venue.faults.listing(time.monotonic()))

    async def switch_fault(self, request: web.Request) -> web.Response:
        self._switch.switch(as_switch(msgspec.json.decode(await request.read())))
        return await self.faults(request)


def count(usage: Usage) -> Middleware:
    """Count the answers of REST."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/sim") or "Upgrade" in request.headers:
            return await handler(request)
        usage.rest_asked(request.path)
        status = 0
        try:
            answer = await handler(request)
            status = answer.status
        finally:
            usage.rest_answered(request.path, status)
        return answer

    return counted


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse pages in a browser that try to reach the venue, and word the operator's mistakes."""
    host = request.host.rsplit(":", 1)[0]
    if host not in ("127.0.0.1", "localhost", "[::1]") or request.headers.get("Sec-Fetch-Site") == "cross-site":
        return web.Response(status=403, text="this venue answers on the loopback address only")
    if not request.path.startswith("/sim"):
        return await handler(request)
    if request.method == "POST" and request.content_type != "application/json":
        return _json({"error": "send JSON with Content-Type: application/json"}, status=415)
    try:
        return await handler(request)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        return _json({"error": str(error).replace(" | null", "")}, status=400)
    except VenueError as error:
        return _json({"error": error.message}, status=error.status)


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")

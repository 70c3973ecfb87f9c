"""The signed requests of the futures over HTTP."""

import time
from collections.abc import Callable
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from marketdata.simulator import order_entry, rest_faults, signing
from marketdata.simulator.dispatch import Request, authenticate
from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.usdm.account import FuturesVenue
from marketdata.simulator.usdm.private_endpoints import PRIVATE
from marketdata.simulator.venue import Venue


class PrivateDoor:
    """Keys, scopes and receipts are those of the spot side; `catch_up` moves a market that nobody listens to."""

    def __init__(self, spot: Venue, venue: FuturesVenue, catch_up: Callable[[str], None]) -> None:
        self._spot = spot
        self._venue = venue
        self._catch_up = catch_up

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.route(method, path, self.handle) for method, path in PRIVATE]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query, body = request.rel_url.raw_query_string, (await request.read()).decode("utf-8", "replace")
        asked = Request(
            name=request.path.split("/", 3)[3],
            params=dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)),
            key=request.headers.get("X-MBX-APIKEY"),
            signed=lambda: signing.payload(query, body),
            address=request.remote or "",
        )
        headers: dict[str, str] = {}
        try:
            await rest_faults.check(self._venue.side.faults, asked.name)
            result, status = await self._answer(request.method, request.path, asked, headers), 200
        except VenueError as error:
            result, status = error.body, error.status
            if error.retry_after_s is not None:
                headers["Retry-After"] = str(error.retry_after_s)
        except order_entry.LostAnswerError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        except rest_faults.GarbledAnswerError as garbled:
            return web.Response(body=garbled.body, content_type=garbled.content_type)
        return web.Response(
            body=msgspec.json.encode(result),
            status=status,
            headers=CIMultiDict(headers),
            content_type="application/json",
        )

    async def _answer(self, method: str, path: str, asked: Request, headers: dict[str, str]) -> object:
        endpoint, venue, now_s = PRIVATE[method, path], self._venue, int(time.time())
        used = venue.side.limits.spend(asked.address, endpoint.weight, now_s=now_s)
        headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        account = authenticate(self._spot, asked)
        self._spot.key_scope.check(is_order=bool(endpoint.action))
        refused = venue.side.faults.strike(Fault.REJECT_REQUEST, channel=asked.name)
        if refused is not None:
            raise VenueError(refused.code, "Internal error; unable to process your request.", status=refused.status)
        trader = venue.engine.trader(account.id)
        self._catch_up(asked.params.get("symbol", ""))
        if not endpoint.action:
            return endpoint.handler(venue, asked.params, trader)
        if endpoint.action == "place":
            short, day = venue.side.limits.count_order(account.id, now_s=now_s)
            headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"] = str(short), str(day)
        return await order_entry.enter(
            venue.side,
            self._spot.receipts,
            asked.params,
            account,
            action=endpoint.action,
            work=lambda: endpoint.handler(venue, asked.params, trader),
        )

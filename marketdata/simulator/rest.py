"""The REST door under /api/v3."""

from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from marketdata.simulator import rest_faults, signing
from marketdata.simulator.dispatch import Headers, Request, answer
from marketdata.simulator.endpoints import REST
from marketdata.simulator.errors import VenueError
from marketdata.simulator.order_entry import LostAnswerError
from marketdata.simulator.venue import Venue

PREFIX = "/api/v3/"


class RestDoor:
    """Turns HTTP requests into calls of the endpoint table."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.path.removeprefix(PREFIX)
        endpoint = REST.get((request.method, name))
        if endpoint is None:
            if any(known == name for _, known in REST):
                return web.json_response({"code": -1, "msg": "Method not allowed."}, status=405)
            return web.Response(status=404, text=f"no such endpoint: {request.method} {request.path}")
        query, body = request.rel_url.raw_query_string, (await request.read()).decode("utf-8", "replace")
        headers = Headers()
        parsed = Request(
            name=name,
            params=dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)),
            key=request.headers.get("X-MBX-APIKEY"),
            signed=lambda: signing.payload(query, body),
            address=request.remote or "",
        )
        try:
            await rest_faults.check(self._venue.faults, name)
            result = await answer(self._venue, endpoint, parsed, headers)
        except VenueError as error:
            if error.retry_after_s is not None:
                headers.values["Retry-After"] = str(error.retry_after_s)
            return _json(error.body, headers, error.status)
        except LostAnswerError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        except rest_faults.GarbledAnswerError as garbled:
            return web.Response(body=garbled.body, content_type=garbled.content_type)
        return _json(result, headers, 200)


def _json(value: object, headers: Headers, status: int) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers=CIMultiDict(headers.values),
        content_type="application/json",
    )

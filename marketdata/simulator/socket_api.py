"""The WebSocket API, /ws-api/v3: requests with answers, and the user data stream."""

import msgspec
from aiohttp import web

from marketdata.simulator import limits, rest_faults, signing
from marketdata.simulator.dispatch import Headers, Request, answer, authenticate
from marketdata.simulator.endpoints import SOCKET
from marketdata.simulator.errors import VenueError, missing
from marketdata.simulator.order_entry import LostAnswerError
from marketdata.simulator.sockets import Gate, Socket, SocketRules
from marketdata.simulator.usage import Usage
from marketdata.simulator.venue import Venue

SUBSCRIBE = "userDataStream.subscribe.signature"
UNSUBSCRIBE = "userDataStream.unsubscribe"


class SocketApiDoor:
    """Serves the WebSocket API."""

    def __init__(self, venue: Venue, rules: SocketRules, *, usage: Usage) -> None:
        self._venue = venue
        self._rules = rules
        self._usage = usage
        self._gate = Gate(venue.faults, usage)
        self.sockets: set[Socket] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await self._gate.admit(request)
        venue = self._venue
        socket = Socket(
            request, hub=venue.hub, rules=self._rules, combined=False, faults=venue.faults, usage=self._usage
        )
        self.sockets.add(socket)
        try:
            return await socket.serve(lambda text: self._on_text(socket, request.remote or "", text))
        finally:
            self.sockets.discard(socket)

    async def _on_text(self, socket: Socket, address: str, text: str) -> None:
        request_id: object = None
        try:
            message = _decoded(text)
            request_id = message.get("id")
            result = await self._carry_out(socket, address, message)
            reply: dict[str, object] = {"id": request_id, "status": 200, "result": result}
        except VenueError as error:
            reply = {"id": request_id, "status": error.status, "error": error.body}
        except (LostAnswerError, rest_faults.GarbledAnswerError):
            socket.abort()
            return
        used = self._venue.limits.used(address)
        reply["rateLimits"] = [limits.describe(self._venue.limits.weight_per_minute)[0] | {"count": used}]
        socket.subscriber.send(msgspec.json.encode(reply))

    async def _carry_out(self, socket: Socket, address: str, message: dict[str, object]) -> object:
        method = message.get("method")
        given = message.get("params") or {}
        if not isinstance(given, dict):
            raise VenueError(-1102, "Mandatory parameter 'params' was not sent, was empty/null, or malformed.")
        params = {str(name): _text(value) for name, value in given.items()}
        request = Request(
            name=str(method),
            params=params,
            key=params.get("apiKey"),
            signed=lambda: signing.socket_payload(params),
            address=address,
        )
        if method == SUBSCRIBE:
            account = authenticate(self._venue, request)
            self._venue.key_scope.check(is_order=False)
            return {"subscriptionId": self._venue.hub.subscribe_account(socket.subscriber, account.id)}
        if method == UNSUBSCRIBE:
            for account_id in list(socket.subscriber.accounts):
                self._venue.hub.unsubscribe_account(socket.subscriber, account_id)
            return {}
        endpoint = SOCKET.get(str(method))
        if endpoint is None:
            raise VenueError(-1000, f"Unknown method '{method}'." if method else str(missing("method")))
        await rest_faults.check(self._venue.faults, str(method))
        return await answer(self._venue, endpoint, request, Headers())


def _decoded(text: str) -> dict[str, object]:
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise VenueError(-1135, "Invalid JSON Request") from None
    if not isinstance(message, dict):
        raise VenueError(-1135, "Invalid JSON Request")
    return message


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return msgspec.json.encode(value).decode()
    return str(value)

"""Market streams: /ws, /ws/<stream>, /stream?streams=a/b, with SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""

import msgspec
from aiohttp import web

from marketdata.simulator.hub import Hub
from marketdata.simulator.sockets import Socket, SocketRules

MAX_STREAMS = 1024


class _Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class StreamDoor:
    """Serves market data sockets."""

    def __init__(self, hub: Hub, rules: SocketRules) -> None:
        self._hub = hub
        self._rules = rules
        self.sockets: set[Socket] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        combined = request.path.startswith("/stream")
        names = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
        wanted = [name for name in names.split("/") if "@" in name]
        if len(wanted) > MAX_STREAMS:
            return web.Response(status=400, text=f"at most {MAX_STREAMS} streams a connection")
        socket = Socket(request, hub=self._hub, rules=self._rules, combined=combined)
        self.sockets.add(socket)
        self._hub.subscribe(socket.subscriber, wanted)
        try:
            return await socket.serve(lambda text: self._on_text(socket, text))
        finally:
            self.sockets.discard(socket)
            self._hub.leave(socket.subscriber)

    async def _on_text(self, socket: Socket, text: str) -> None:
        request_id: object = None
        answer: dict[str, object]
        try:
            try:
                message = msgspec.json.decode(text)
            except msgspec.DecodeError as error:
                raise _Refused(3, f"Invalid JSON: {error}") from None
            if not isinstance(message, dict):
                raise _Refused(2, "Invalid request: request must be an object")
            request_id = message.get("id")
            answer = {"result": self._carry_out(socket, message), "id": request_id}
        except _Refused as refused:
            answer = {"error": {"code": refused.code, "msg": str(refused)}, "id": request_id}
        socket.subscriber.send(msgspec.json.encode(answer))

    def _carry_out(self, socket: Socket, message: dict[str, object]) -> object:
        method, params = message.get("method"), message.get("params", [])
        if method == "LIST_SUBSCRIPTIONS":
            return sorted(socket.subscriber.streams)
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            raise _Refused(2, f"Invalid request: unknown variant `{method}`, expected one of `SUBSCRIBE`, "
                           "`UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`")  # fmt: skip
        if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            raise _Refused(2, "Invalid request: params must be an array of strings")
        streams = [str(name) for name in params]
        if method == "UNSUBSCRIBE":
            self._hub.unsubscribe(socket.subscriber, streams)
            return None
        if any("@" not in name for name in streams):
            raise _Refused(2, "Invalid request: invalid stream")
        if len(socket.subscriber.streams | set(streams)) > MAX_STREAMS:
            raise _Refused(2, f"Invalid request: at most {MAX_STREAMS} streams a connection")
        self._hub.subscribe(socket.subscriber, streams)
        return None

"""Market streams: /ws, /ws/<stream>, /stream?streams=a/b, with SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""

import time
from collections.abc import Callable

import msgspec
from aiohttp import web

from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.hub import Hub, Subscriber
from marketdata.simulator.sockets import Gate, Socket, SocketRules
from marketdata.simulator.tampering import split_stream
from marketdata.simulator.usage import Usage

MAX_STREAMS = 1024


class _Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class StreamDoor:
    """Serves market data sockets.

    `serves` says whether a stream exists behind this door: others are acknowledged and silent, as at Binance. `listen`
    joins a socket to the user data of a listenKey.
    """

    def __init__(
        self,
        hub: Hub,
        rules: SocketRules,
        *,
        faults: Faults,
        usage: Usage,
        serves: Callable[[str], bool] = lambda stream: True,
        listen: Callable[[str, Subscriber], bool] = lambda key, subscriber: False,
    ) -> None:
        self._hub = hub
        self._rules = rules
        self._faults = faults
        self._usage = usage
        self._gate = Gate(faults, usage)
        self._serves = serves
        self._listen = listen
        self.sockets: set[Socket] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await self._gate.admit(request)
        combined = "stream" in request.path.split("/")
        names = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
        key = request.query.get("listenKey") or names
        wanted = [name for name in names.split("/") if "@" in name]
        if len(wanted) > MAX_STREAMS:
            return web.Response(status=400, text=f"at most {MAX_STREAMS} streams a connection")
        socket = Socket(
            request, hub=self._hub, rules=self._rules, combined=combined, faults=self._faults, usage=self._usage
        )
        self.sockets.add(socket)
        self._subscribe(socket, wanted)
        if key and not wanted:
            self._listen(key, socket.subscriber)
        try:
            return await socket.serve(lambda text: self._on_text(socket, text))
        finally:
            self.sockets.discard(socket)
            self._hub.leave(socket.subscriber)

    def _subscribe(self, socket: Socket, streams: list[str]) -> None:
        self._hub.subscribe(socket.subscriber, [name for name in streams if self._serves(name)])
        self._usage.subscribed(len(streams), on_socket=len(socket.subscriber.streams))

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
            if message.get("method") == "SUBSCRIBE" and self._is_silent(socket, message):
                return
            answer = {"result": self._carry_out(socket, message), "id": request_id}
        except _Refused as refused:
            answer = {"error": {"code": refused.code, "msg": str(refused)}, "id": request_id}
        socket.subscriber.send(msgspec.json.encode(answer))

    def _is_silent(self, socket: Socket, message: dict[str, object]) -> bool:
        """A fault: the request is not acknowledged."""
        silent = self._faults.strike(Fault.SILENT_SUBSCRIBE)
        if silent is None:
            return False
        if silent.executed:
            self._carry_out(socket, message)
        return True

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
            self._usage.counters.streams_refused += 1
            raise _Refused(2, f"Invalid request: at most {MAX_STREAMS} streams a connection")
        self._refuse_symbols(socket, streams)
        self._subscribe(socket, streams)
        return None

    def _refuse_symbols(self, socket: Socket, streams: list[str]) -> None:
        """A fault: some symbols are not accepted."""
        now_s = time.monotonic()
        refusals = {
            name: refusal
            for name in streams
            if (refusal := self._faults.lasting(Fault.REFUSE_SYMBOL, now_s, symbol=split_stream(name)[0])) is not None
        }
        if refusals:
            if any(refusal.executed for refusal in refusals.values()):
                self._subscribe(socket, [name for name in streams if name not in refusals])
            raise _Refused(2, f"Invalid request: invalid symbol in {', '.join(refusals)}")

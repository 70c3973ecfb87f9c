"""Requests of a ccxt exchange as we send them: over our own connections, within the budget, once, with what came kept.

`Wired` is mixed into ccxt's class (`library.py`) and takes the place of its retries, rate limiter and HTTP client.
"""

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import aiohttp
import yarl
from msgspec import Struct, field

from bots.brokers.ccxt.judge import Wire
from bots.brokers.ccxt.redact import redact
from bots.brokers.limits import Priority

if TYPE_CHECKING:
    from bots.brokers.ccxt.pool import Pool

MAX_BODY_BYTES = 32 * 1024 * 1024
# The venue's own count of what this address used, and how often to believe it.
USED_HEADER = "X-MBX-USED-WEIGHT-1M"
BELIEVE_EVERY_S = 5.0


class NotSent(RuntimeError):
    """A request was given up before anything of it left."""


class NoAnswer(RuntimeError):
    """A request went out, wholly or in part, and no whole answer came."""


class Call(Struct, kw_only=True):
    """What is being asked, for all requests that ccxt makes of it. `wires` are those, in order.

    `sign_ms` is the time to sign with in place of the clock's; `valid_until_ms` is the venue's time after which nothing
    may be sent any more; `once` allows a single request that changes anything.
    """

    priority: Priority
    orders: int = 0
    sign_ms: int | None = None
    valid_until_ms: int | None = None
    once: bool = False
    wires: list[Wire] = field(default_factory=list)

    @property
    def wire(self) -> Wire | None:
        return self.wires[-1] if self.wires else None


CALL: ContextVar[Call | None] = ContextVar("venue_call", default=None)


class Wired:
    """Mixed in before ccxt's class. `wire_up` must be called before the first request."""

    if TYPE_CHECKING:
        id: str
        urls: dict[str, Any]
        headers: Any

        def __getattr__(self, name: str) -> Any: ...

    _pool: "Pool"
    _now_ms: Callable[[], int]
    _to_text: bool
    _cost_of_weight: float
    _believed_at_s = float("-inf")

    def wire_up(self, pool: "Pool", now_ms: Callable[[], int], *, numbers_as_text: bool, cost_of_weight: float) -> None:
        self._pool = pool
        self._now_ms = now_ms
        self._to_text = numbers_as_text
        self._cost_of_weight = cost_of_weight

    def nonce(self) -> int:
        """The time that requests are signed with: the order's own, else the venue's clock."""
        call = CALL.get()
        return call.sign_ms if call is not None and call.sign_ms is not None else self._now_ms()

    def parse_to_numeric(self, number: object) -> Any:
        """Floats turn 0.00001 into 1e-05, which venues refuse; digits stay digits where the request is a query."""
        if self._to_text:
            return self.number_to_string(number)
        return super().parse_to_numeric(number)  # type: ignore[misc]

    async def fetch2(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None, config: Any = None
    ) -> Any:
        """One request: allowed by the budget, then signed, then sent. Raises NotSent, NoAnswer, and ccxt's errors."""
        call = CALL.get() or Call(priority=Priority.QUESTION)
        wire = Wire(method=method, url=path)
        call.wires.append(wire)
        cost = float(self.calculate_rate_limiter_cost(api, method, path, params or {}, config or {}))
        is_public = "public" in str(api).lower()
        async with self._pool.turn(call.priority, is_public=is_public):
            wait_s = await self._pool.budget.take(cost, call.priority, orders=call.orders)
            if wait_s > 0:
                wire.retry_after_s = wait_s
                raise _given_up(wire, f"the rate budget of {self.id} is used up for {wait_s:.1f} s")
            if call.valid_until_ms is not None and self._now_ms() > call.valid_until_ms:
                raise _given_up(wire, "its time was over before it could be sent")
            if call.once and method != "GET" and any(one.sent and one.method != "GET" for one in call.wires):
                raise _given_up(wire, "a second request for one that may be sent once")
            request = self.sign(path, api, method, params or {})
            wire.url = request["url"]
            return await self._send(wire, request)

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Requests that ccxt makes around `fetch2`."""
        call = CALL.get() or Call(priority=Priority.QUESTION)
        wire = Wire(method=method, url=url)
        call.wires.append(wire)
        return await self._send(wire, {"url": url, "method": method, "headers": headers, "body": body})

    async def _send(self, wire: Wire, request: dict[str, Any]) -> Any:
        headers = self.prepare_request_headers(request["headers"])
        await send_once(self._pool, wire, request, headers)
        assert wire.status is not None
        wire.text = self.on_rest_response(
            wire.status, "", wire.url, wire.method, wire.headers, wire.text, headers, request["body"]
        )
        wire.body = self.parse_json(wire.text)
        await self._believe(wire)
        arguments = (wire.status, "", wire.url, wire.method, wire.headers, wire.text)
        self.handle_errors(*arguments, wire.body, headers, request["body"])
        self.handle_http_status_code(wire.status, "", wire.url, wire.method, wire.text)
        return wire.body if wire.body is not None else wire.text

    async def _believe(self, wire: Wire) -> None:
        counted = wire.headers.get(USED_HEADER, "")
        now_s = time.monotonic()
        if counted.isdigit() and now_s - self._believed_at_s > BELIEVE_EVERY_S:
            self._believed_at_s = now_s
            await self._pool.budget.raise_to("weight", int(counted) * self._cost_of_weight)


def _given_up(wire: Wire, reason: str) -> NotSent:
    wire.error = reason
    return NotSent(reason)


async def send_once(pool: "Pool", wire: Wire, request: dict[str, Any], headers: dict[str, str]) -> None:
    """Send and read one answer into `wire`. `sent` stays false only where no connection could be made."""
    body = request["body"]
    wire.sent = True
    try:
        async with pool.session.request(
            wire.method,
            yarl.URL(wire.url, encoded=True),
            data=body.encode() if isinstance(body, str) else body,
            headers=headers,
            # Following one would send a signed request a second time.
            allow_redirects=False,
        ) as response:
            wire.headers = dict(response.headers)
            raw = await _bounded(response)
            wire.text = raw.decode("utf-8", "replace")
            wire.status = response.status
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        wire.sent = False
        wire.error = f"no connection to the venue: {error}"
        raise NotSent(wire.error) from error
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        wire.error = redact(error)
        raise NoAnswer(wire.error) from error


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    parts = bytearray()
    async for part in response.content.iter_chunked(65_536):
        parts += part
        if len(parts) > MAX_BODY_BYTES:
            response.close()
            raise aiohttp.ClientPayloadError(f"an answer of more than {MAX_BODY_BYTES} bytes")
    return bytes(parts)


Sender = Callable[[], Awaitable[Any]]

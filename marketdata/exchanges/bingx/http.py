"""BingX's REST answers: `{"code": 0, "data": …}`, else a code that names the problem.

Source: https://bingx-api.github.io/docs-v3/#/en/Swap/Market%20Data. Market data needs no key; 500 requests in 10 s
and address.
"""

import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from marketdata.exchanges.adapter import (
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.http import Parameters, VenueHttp

_NS_PER_MS = 1_000_000
_DEFAULT_WAIT_S = 10.0
_LIMITED = frozenset({100410, 109429})
_NOT_ALLOWED = frozenset({100001, 100004, 100202, 100412, 100413, 100414, 100419})
_UNKNOWN_SYMBOL = frozenset({100490, 109418, 109425})
_UNAVAILABLE = frozenset({100500, 100503, 109500, 109701, 110500})
# "unblocked after 1710000000000"
_UNBLOCKED_MS = re.compile(r"\b(\d{13})\b")


class _Envelope(Struct):
    code: int
    msg: str | None = None


class BingxHttp:
    def __init__(self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]) -> None:
        self.exchange = exchange
        self._clock_ns = clock_ns
        self._http = VenueHttp(exchange=exchange, base_url=base_url, client=client)

    async def get(self, path: str, parameters: Parameters, kind: Any) -> Any:
        """Fetch `data` of an answer as `kind`. Raises VenueError's children."""
        answer = msgspec.defstruct("Answer", [("data", kind)])
        return self._http.decode(await self.get_body(path, parameters), answer).data

    async def get_body(self, path: str, parameters: Parameters) -> bytes:
        """Fetch a whole answer that succeeded. Raises VenueError's children."""
        response = await self._http.get(path, {**parameters, "timestamp": self._clock_ns() // _NS_PER_MS})
        answer: _Envelope = self._http.decode(response.content, _Envelope)
        if answer.code != 0:
            raise self._error(path, answer)
        return response.content

    def _error(self, path: str, answer: _Envelope) -> VenueError:
        said = (answer.msg or "")[:200]
        message = f"{self.exchange} refused {path}: {answer.code} {said}".rstrip()
        if answer.code in _LIMITED:
            until = _UNBLOCKED_MS.search(said)
            wait_s = max(0.0, int(until.group(1)) / 1e3 - self._clock_ns() / 1e9) if until else _DEFAULT_WAIT_S
            self._http.block(wait_s)
            return RateLimited(message, retry_after_s=wait_s)
        if answer.code in _NOT_ALLOWED:
            return NotAllowed(message)
        if answer.code in _UNAVAILABLE:
            return VenueUnavailable(message)
        if answer.code in _UNKNOWN_SYMBOL or "not exist" in said:
            return UnknownSymbol(message)
        return VenueRejected(message)

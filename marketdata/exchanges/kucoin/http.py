"""KuCoin's REST answers, of spot and of futures: `{"code": "200000", "data": …}`, else a code that names the problem.

Source: https://www.kucoin.com/docs-new/rate-limit, https://www.kucoin.com/docs-new/authentication. The pool of public
requests is 2,000 units in 30 s and address; headers tell what is left of it.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import httpx
import msgspec
from msgspec import Struct

from marketdata.exchanges.adapter import (
    Credentials,
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.http import Parameters, VenueHttp

_NS_PER_MS = 1_000_000
_GOOD = "200000"
# What is left to others of this address before we stop until the pool is full again.
_RESERVE = 50
_DEFAULT_WAIT_S = 30.0
_LIMITED = frozenset({"429000", "200002", "1015"})
# Key, passphrase, signature, address, permission, account and country.
_NOT_ALLOWED = frozenset(
    {"400001", "400002", "400003", "400004", "400005", "400006", "400007", "400302", "400500", "411100"}
)
_UNKNOWN_SYMBOL = ("not exist", "not provided", "not support", "not found", "invalid symbol")


class _Envelope(Struct):
    code: str
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Server(Struct):
    endpoint: str


class _Bullet(Struct):
    token: str
    servers: list[_Server] = msgspec.field(name="instanceServers")


class KucoinHttp:
    """`own_websocket_url` is where the venue's sockets are, as documented: another one given is somebody's own."""

    def __init__(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        own_websocket_url: str,
        credentials: Credentials | None = None,
    ) -> None:
        self.exchange = exchange
        self._clock_ns = clock_ns
        self._credentials = credentials
        self._own_websocket_url = own_websocket_url
        self._connections = 0
        self._http = VenueHttp(
            exchange=exchange, base_url=base_url, client=client, refusal=self._refusal, wait_s=_wait_s
        )

    @property
    def can_sign(self) -> bool:
        return self._credentials is not None and bool(self._credentials.api_key and self._credentials.api_secret)

    async def get(self, path: str, parameters: Parameters, kind: Any) -> Any:
        """Fetch `data` of an answer as `kind`. Raises VenueError's children."""
        return self._http.decode(await self.get_body(path, parameters), _answer(kind)).data

    async def get_body(self, path: str, parameters: Parameters, *, signed: bool = False) -> bytes:
        """Fetch a whole answer that succeeded. Raises VenueError's children."""
        query = urlencode(parameters)
        path = f"{path}?{query}" if query else path
        response = await self._http.get(path, headers=self._signature("GET", path) if signed else None)
        return self._checked(path, response)

    async def socket_url(self, websocket_url: str) -> str:
        """The address that the venue assigns, with a token of its own.

        A `websocket_url` other than the venue's takes the place of what is assigned, with the token: for a proxy or
        a venue of one's own.
        """
        body = self._checked("/api/v1/bullet-public", await self._http.post("/api/v1/bullet-public"))
        bullet: _Bullet = self._http.decode(body, _answer(_Bullet)).data
        if not bullet.servers:
            raise VenueUnavailable(f"{self.exchange} named no server to open a socket to. Try again later.")
        is_own = websocket_url.rstrip("/") == self._own_websocket_url.rstrip("/")
        parts = urlsplit(bullet.servers[0].endpoint if is_own or not websocket_url else websocket_url)
        self._connections += 1
        query = urlencode({"token": bullet.token, "connectId": f"{self._clock_ns()}{self._connections % 1000:03d}"})
        return urlunsplit(parts._replace(query=f"{parts.query}&{query}".lstrip("&"), fragment=""))

    def _checked(self, path: str, response: httpx.Response) -> bytes:
        answer: _Envelope = self._http.decode(response.content, _Envelope)
        if answer.code in _LIMITED:
            retry_after_s = _wait_s(response)
            self._http.block(retry_after_s)
            raise RateLimited(
                f"{self.exchange} limits our requests for {retry_after_s:.0f} s ({answer.code} {answer.msg})",
                retry_after_s=retry_after_s,
            )
        if answer.code != _GOOD:
            raise self._error(path, answer)
        left = response.headers.get("gw-ratelimit-remaining", "")
        if left.isdecimal() and int(left) < _RESERVE:
            self._http.block(_wait_s(response))
        return response.content

    def _refusal(self, path: str, response: httpx.Response) -> VenueError:
        try:
            answer = msgspec.json.decode(response.content, type=_Envelope, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = _Envelope(code=str(response.status_code), msg=response.text[:200])
        if response.status_code in (401, 403) and answer.code not in _NOT_ALLOWED:
            return NotAllowed(f"{self.exchange} does not allow {path}: {answer.code} {answer.msg}")
        return self._error(path, answer)

    def _error(self, path: str, answer: _Envelope) -> VenueError:
        message = f"{self.exchange} refused {path}: {answer.code} {answer.msg[:200]}"
        if answer.code in _NOT_ALLOWED:
            advice = "Check the API key, its passphrase, its permissions and the clock, or remove the key."
            return NotAllowed(f"{message}. {advice}" if self.can_sign else message)
        if answer.code.startswith("5"):
            return VenueUnavailable(message)
        said = answer.msg.lower()
        if any(words in said for words in _UNKNOWN_SYMBOL) and "url" not in said:
            return UnknownSymbol(message)
        return VenueRejected(message)

    def _signature(self, method: str, path: str) -> dict[str, str]:
        """Sign as version 2 of KuCoin's keys wants it; `path` with its query."""
        credentials = self._credentials
        if credentials is None:
            raise NotAllowed(f"{self.exchange} wants an API key for {path}: enter one, or do without.")
        timestamp = str(self._clock_ns() // _NS_PER_MS)
        secret = credentials.api_secret.encode()

        def sign(text: str) -> str:
            return base64.b64encode(hmac.digest(secret, text.encode(), hashlib.sha256)).decode()

        return {
            "KC-API-KEY": credentials.api_key,
            "KC-API-KEY-VERSION": "2",
            "KC-API-PASSPHRASE": sign(credentials.passphrase),
            "KC-API-SIGN": sign(f"{timestamp}{method}{path}"),
            "KC-API-TIMESTAMP": timestamp,
        }


def _answer(kind: Any) -> Any:
    return msgspec.defstruct("Answer", [("data", kind)])


def _wait_s(response: httpx.Response) -> float:
    """Until the pool of requests is full again."""
    reset_ms = response.headers.get("gw-ratelimit-reset", "")
    return int(reset_ms) / 1000 if reset_ms.isdecimal() else _DEFAULT_WAIT_S

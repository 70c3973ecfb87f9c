"""REST requests to a venue: one answer or one named error, and silence while the venue asks for it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from marketdata.exchanges.adapter import NotAllowed, RateLimited, VenueError, VenueRejected, VenueUnavailable
from marketdata.exchanges.words import venue_words

_DEFAULT_WAIT_S = 60.0
# Far above the longest true answer, the list of all instruments with their rules.
MAX_BYTES = 64 * 2**20
# Of the connection and not of the answer, whose body is unpacked here.
_HOP_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_LIMITED = frozenset({418, 429})
_NOT_ALLOWED = frozenset({401, 403})

Parameters = Mapping[str, str | int]


class VenueHttp:
    """`refusal(path, response)` turns an answer of 400 and above, other than limits, into the venue's own error.

    `wait_s(response)` reads how long to wait from a limiting answer, where the venue does not use Retry-After. An answer
    of more than `max_bytes`, unpacked, is read no further.
    """

    def __init__(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        refusal: Callable[[str, httpx.Response], VenueError] | None = None,
        wait_s: Callable[[httpx.Response], float] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.exchange = exchange
        self.base_url = base_url.rstrip("/")
        self._client = client
        self._refusal = refusal
        self._wait_s = wait_s or _retry_after
        self._max_bytes = max_bytes
        self._blocked_until_s = 0.0

    def block(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._blocked_until_s = max(self._blocked_until_s, time.monotonic() + seconds)

    async def get(
        self, path: str, parameters: Parameters | None = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Raises VenueError's children."""
        return await self._send("GET", path, params=parameters, headers=headers)

    async def post(
        self, path: str, content: bytes = b"", *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Raises VenueError's children."""
        return await self._send("POST", path, content=content, headers=headers)

    def decode(self, body: bytes, kind: Any) -> Any:
        """Read an answer leniently: numbers may come as strings. Raises VenueUnavailable."""
        try:
            return msgspec.json.decode(body, type=kind, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VenueUnavailable(
                f"{self.exchange} sent an answer that cannot be read ({error}): {body[:120]!r}"
            ) from error

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        wait_s = self._blocked_until_s - time.monotonic()
        if wait_s > 0:
            raise RateLimited(f"{self.exchange} asked to wait for {wait_s:.0f} s", retry_after_s=wait_s)
        try:
            response = await self._read(path, self._client.build_request(method, self.base_url + path, **request))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise VenueUnavailable(
                f"{self.exchange} did not answer {path} at {self.base_url}: {type(error).__name__} {error}".rstrip()
            ) from error
        if response.status_code in _LIMITED:
            retry_after_s = self._wait_s(response)
            self.block(retry_after_s)
            raise RateLimited(
                f"{self.exchange} limits our requests for {retry_after_s:.0f} s (HTTP {response.status_code})",
                retry_after_s=retry_after_s,
            )
        if response.status_code >= 500:
            words = venue_words(response.content)
            raise VenueUnavailable(f"{self.exchange} answered {path} with HTTP {response.status_code}{words}")
        if response.status_code >= 400:
            raise self._refused(path, response)
        return response

    async def _read(self, path: str, request: httpx.Request) -> httpx.Response:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > self._max_bytes:
                    raise VenueUnavailable(
                        f"{self.exchange} answered {path} with more than {self._max_bytes / 2**20:,.6g} MB: refused, no true "
                        f"answer is so long. Is {self.base_url} the venue's address?"
                    )
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _HOP_HEADERS]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)

    def _refused(self, path: str, response: httpx.Response) -> VenueError:
        if self._refusal is not None:
            return self._refusal(path, response)
        message = f"{self.exchange} refused {path}: HTTP {response.status_code} {response.text[:200]}"
        return NotAllowed(message) if response.status_code in _NOT_ALLOWED else VenueRejected(message)


def _retry_after(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("retry-after", "")))
    except ValueError:
        return _DEFAULT_WAIT_S

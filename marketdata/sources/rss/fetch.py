"""Fetching from an address that somebody typed: only public ones, small answers, no surprises on the way.

Names are resolved first and the connection goes to the address that was checked, so that a name which changes its
answer cannot lead inside. Every redirect is checked the same way.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from marketdata.exchanges.adapter import RateLimited, VenueRejected, VenueUnavailable
from marketdata.sources.answers import MalformedAnswer

MOST_BYTES = 2_000_000
TIMEOUT_S = 10.0
MOST_REDIRECTS = 3
LIMITED_WAIT_S = 600.0
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer. is_unchanged: nothing is new since the one that the request's headers name."""

    body: bytes
    headers: Mapping[str, str]
    is_unchanged: bool


class UnsafeAddress(VenueRejected):
    """An address that leads, or may lead, into this machine or its network."""


async def resolve_name(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def fetch(
    url: str,
    *,
    client: httpx.AsyncClient,
    trusted_origin: str = "",
    headers: Mapping[str, str] | None = None,
    resolve: Resolve = resolve_name,
) -> Fetched:
    """Ask for an address, following redirects.

    trusted_origin: the scheme, host and port of the simulated exchange, which is on this machine. Raises
    VenueError's children, and MalformedAnswer for a body that is too big or packed.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _follow(httpx.URL(url), client, trusted_origin, dict(headers or {}), resolve)
    except TimeoutError:
        raise VenueUnavailable(f"{url} did not answer within {TIMEOUT_S:.0f} s") from None
    except httpx.InvalidURL as error:
        raise VenueRejected(f"{url} is not an address: {error}") from None
    except (httpx.HTTPError, OSError) as error:
        raise VenueUnavailable(f"{url} cannot be fetched: {type(error).__name__} {error}".rstrip()) from error


async def _follow(
    url: httpx.URL, client: httpx.AsyncClient, trusted_origin: str, headers: dict[str, str], resolve: Resolve
) -> Fetched:
    for _ in range(MOST_REDIRECTS + 1):
        request = await _request(url, client, trusted_origin, headers, resolve)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if response.status_code not in _REDIRECTS:
                _judge(url, response)
                body = await _read(url, response)
                return Fetched(body=body, headers=response.headers, is_unchanged=response.status_code == 304)
            url = url.join(response.headers.get("location", ""))
        finally:
            await response.aclose()
    raise VenueRejected(f"more than {MOST_REDIRECTS} redirects, the last one to {url}")


async def _request(
    url: httpx.URL, client: httpx.AsyncClient, trusted_origin: str, headers: dict[str, str], resolve: Resolve
) -> httpx.Request:
    headers = headers | {"Accept-Encoding": "identity"}
    if trusted_origin and _origin(url) == _origin(httpx.URL(trusted_origin)):
        return client.build_request("GET", url, headers=headers)
    port = _PORTS.get(url.scheme)
    if port is None or url.port not in (None, port) or not url.host or url.userinfo:
        raise UnsafeAddress(f"{url} is not allowed: use http or https on its usual port, without a password")
    try:
        addresses = await resolve(url.host, port)
    except OSError as error:
        raise VenueUnavailable(f"the name {url.host} is not known: {error}") from error
    if not addresses or not all(is_public(address) for address in addresses):
        raise UnsafeAddress(f"{url.host} leads to {', '.join(addresses) or 'no address'}, which is not public")
    netloc = url.netloc.decode("ascii")
    return client.build_request(
        "GET",
        url.copy_with(host=addresses[0]),
        headers=headers | {"Host": netloc},
        extensions={"sni_hostname": url.host},
    )


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        # Addresses of IPv4 in disguise are judged as what they stand for.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def _judge(url: httpx.URL, response: httpx.Response) -> None:
    status = response.status_code
    if status == 429 or status == 503:
        text = response.headers.get("retry-after", "")
        wait_s = float(text) if text.isdecimal() else LIMITED_WAIT_S
        raise RateLimited(f"{url.host} asks to wait for {wait_s:.0f} s (HTTP {status})", retry_after_s=wait_s)
    if status >= 500:
        raise VenueUnavailable(f"{url} answered with HTTP {status}")
    if status not in (200, 304):
        raise VenueRejected(f"{url} answered with HTTP {status}")


async def _read(url: httpx.URL, response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise MalformedAnswer(f"{url} sent a packed answer, which was not asked for")
    parts, size = [], 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > MOST_BYTES:
            raise MalformedAnswer(f"{url} sent more than {MOST_BYTES:,} bytes")
        parts.append(part)
    return b"".join(parts)

"""Fetching from addresses that people typed, against real servers on loopback."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from aiohttp import web

from marketdata.exchanges.adapter import RateLimited, VenueRejected, VenueUnavailable
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.rss import fetch as fetching
from marketdata.sources.rss.fetch import UnsafeAddress, fetch, is_public


@asynccontextmanager
async def serving(handler) -> AsyncIterator[str]:
    application = web.Application()
    application.add_routes([web.get("/{path:.*}", handler)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def get(url: str, *, trusted: str = "", resolve=fetching.resolve_name, headers=None) -> fetching.Fetched:
    async with httpx.AsyncClient() as client:
        return await fetch(url, client=client, trusted_origin=trusted, resolve=resolve, headers=headers)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "not an address", ""],
)  # fmt: skip
def test_inner_addresses(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_outer_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/",
     "http://[::1]/", "http://[::ffff:7f00:1]/", "http://169.254.169.254/latest/meta-data/",
     "file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1/", "http://user:word@example.org/",
     "http://example.org:6379/", "https://example.org:80/"],
)  # fmt: skip
async def test_addresses_that_lead_inside_are_refused(url):
    with pytest.raises((VenueRejected, VenueUnavailable)) as refused:
        await get(url)
    # A name that cannot be resolved here was not connected to either.
    assert isinstance(refused.value, VenueRejected) or "is not known" in str(refused.value)


async def test_one_inner_address_among_outer_ones_is_enough():
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(UnsafeAddress, match=r"10\.0\.0\.1"):
        await get("https://news.example.org/rss", resolve=resolve)


async def test_the_connection_goes_to_the_address_that_was_checked():
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        # Public at first; were the name resolved a second time it would lead inside.
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"body"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        fetched = await fetch("https://news.example.org/rss", client=client, resolve=resolve)
    assert fetched.body == b"body"
    (request,) = requests
    assert (request.url.host, request.headers["host"]) == ("93.184.216.34", "news.example.org")
    assert request.extensions["sni_hostname"] == "news.example.org"
    assert asked == ["news.example.org"]


async def test_a_redirect_inside_is_refused():
    async def handler(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")

    async with serving(handler) as url:
        with pytest.raises(UnsafeAddress, match=r"169\.254"):
            await get(f"{url}/rss", trusted=url)


async def test_redirects_are_followed_but_not_for_ever():
    async def handler(request: web.Request) -> web.Response:
        number = int(request.match_info["path"])
        if number == 0:
            return web.Response(body=b"here")
        raise web.HTTPMovedPermanently(f"/{number - 1}")

    async with serving(handler) as url:
        assert (await get(f"{url}/3", trusted=url)).body == b"here"
        with pytest.raises(VenueRejected, match="more than 3 redirects"):
            await get(f"{url}/4", trusted=url)


async def test_a_long_answer_is_cut_off(monkeypatch):
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"x" * 1_000_000)
            sent += 1
        return response

    async with serving(handler) as url:
        with pytest.raises(MalformedAnswer, match="more than 2,000,000 bytes"):
            await get(url, trusted=url)
    assert sent < 100


async def test_a_packed_answer_is_not_unpacked():
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": "gzip"})

    async with serving(handler) as url:
        with pytest.raises(MalformedAnswer, match="packed"):
            await get(url, trusted=url)


async def test_a_slow_answer_ends_in_time(monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.3)

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.02)
        return response

    async with serving(handler) as url:
        with pytest.raises(VenueUnavailable, match="did not answer within"):
            await get(url, trusted=url)


@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimited), (503, RateLimited), (500, VenueUnavailable), (404, VenueRejected)]
)
async def test_refusals(status, error):
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": "42"})

    async with serving(handler) as url:
        with pytest.raises(error) as raised:
            await get(url, trusted=url)
    assert getattr(raised.value, "retry_after_s", 42) == 42


async def test_nothing_new():
    async def handler(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == "v1":
            return web.Response(status=304)
        return web.Response(body=b"first", headers={"ETag": "v1"})

    async with serving(handler) as url:
        first = await get(url, trusted=url)
        assert (first.body, first.is_unchanged, first.headers["etag"]) == (b"first", False, "v1")
        assert (await get(url, trusted=url, headers={"If-None-Match": "v1"})).is_unchanged


async def test_an_address_that_is_none():
    with pytest.raises(VenueRejected, match="is not an address"):
        await get("http://[::1/")

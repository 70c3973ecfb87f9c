"""Answers that are too long, packed or not."""

import gzip

import httpx
import pytest
from aiohttp import web

from marketdata.exchanges.adapter import VenueRejected, VenueUnavailable
from marketdata.exchanges.http import MAX_BYTES, VenueHttp
from tests.unit.marketdata.exchanges.web import serving

LONG = b"[" + b"0," * 100_000 + b"0]"


def packed(_: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(LONG), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("answer", [lambda _: web.Response(body=LONG), packed])
async def test_an_answer_that_is_too_long_is_refused_by_venue_and_path(answer):
    async with serving(answer) as (url, _), httpx.AsyncClient() as client:
        http = VenueHttp(exchange="binance", base_url=url, client=client, max_bytes=100_000)
        with pytest.raises(
            VenueUnavailable, match=r"binance answered /api/v3/exchangeInfo with more than 0\.0953\d* MB"
        ):
            await http.get("/api/v3/exchangeInfo")


@pytest.mark.parametrize("answer", [lambda _: web.Response(body=LONG), packed])
async def test_an_answer_of_usual_length_is_read_whole(answer):
    async with serving(answer) as (url, _), httpx.AsyncClient() as client:
        http = VenueHttp(exchange="binance", base_url=url, client=client)
        response = await http.get("/depth", {"limit": 1000})
        assert response.content == LONG
        assert http.decode(response.content, list[int]) == [0] * 100_001
        assert MAX_BYTES == 64 * 2**20


async def test_a_stream_without_end_is_cut_off():
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"0" * 65_536)

    async with serving(endless) as (url, _), httpx.AsyncClient() as client:
        http = VenueHttp(exchange="kraken", base_url=url, client=client, max_bytes=2**20)
        with pytest.raises(VenueUnavailable, match="kraken answered /0/public/Depth with more than 1 MB"):
            await http.get("/0/public/Depth")


async def test_a_long_page_with_an_error_keeps_its_words_and_headers():
    def refuse(_: web.Request) -> web.Response:
        return web.Response(status=404, text="no such thing", headers={"X-Used": "7"})

    seen: list[str] = []

    def refusal(path: str, response: httpx.Response) -> VenueRejected:
        seen.append(response.headers["x-used"])
        return VenueRejected(f"{path} {response.text}")

    async with serving(refuse) as (url, _), httpx.AsyncClient() as client:
        http = VenueHttp(exchange="binance", base_url=url, client=client, refusal=refusal)
        with pytest.raises(VenueRejected, match="/x no such thing"):
            await http.get("/x")
    assert seen == ["7"]

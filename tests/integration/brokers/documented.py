"""A venue that answers as its documentation does, on loopback: what we send is kept, what it answers is given to it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from bots.brokers.account import VenueAccount
from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt.connect import connect
from bots.brokers.ccxt.markets import forget_markets
from bots.brokers.venue import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: parameters of query and body together, as they were sent."""

    method: str
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answerer = Callable[[Asked], Any]


@dataclass(slots=True)
class DocumentedVenue:
    """Answers by method and path: a body, a `Said`, or a function of the request. What is not there is a 404."""

    answers: dict[tuple[str, str], Any]
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = (await request.read()).decode()
        body = msgspec.json.decode(text) if text.startswith("{") else dict(parse_qsl(text, keep_blank_values=True))
        asked = Asked(
            method=request.method,
            path=request.path,
            params=dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)) | body,
            headers=dict(request.headers),
        )
        self.asked.append(asked)
        found = self.answers.get((request.method, request.path), Said(body={"unknown": request.path}, status=404))
        if callable(found):
            found = found(asked)
        said = found if isinstance(found, Said) else Said(body=found)
        content = said.body.encode() if isinstance(said.body, str) else msgspec.json.encode(said.body)
        return web.Response(
            body=content, status=said.status, headers=dict(said.headers), content_type="application/json"
        )

    def requests(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]


@asynccontextmanager
async def connected(
    adapter: str, answers: Mapping[tuple[str, str], Any], **account: Any
) -> AsyncIterator[tuple[Venue, DocumentedVenue]]:
    """Our venue class, connected to such a server."""
    documented = DocumentedVenue(answers=dict(answers))
    # Another server may have had this one's port.
    forget_markets()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", documented.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    keys = {"api_key": "key", "secret": "c2VjcmV0", "password": "phrase"} | account
    try:
        venue = await connect(
            VenueAccount(
                account_id=7,
                exchange="documented",
                adapter=adapter,
                mode="live",
                rest_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
                timeout_s=5.0,
                **keys,
            ),
            budget=LocalBudget(()),
        )
        try:
            yield venue, documented
        finally:
            await venue.close()
    finally:
        await runner.cleanup()

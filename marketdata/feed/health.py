"""`runfeed --http`: /livez, /readyz and /metrics of one feed process."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from redis.exceptions import RedisError

from marketdata.feed.metrics import exposition, registry_of
from marketdata.feed.service import FeedService

_TIMEOUT_S = 3.0
# The loop looks around ten times a second.
_TICKING_S = 5.0
_FRESH = frozenset({"live", "fallback", "closed"})
_OK = "ok"


class BadAddress(ValueError):
    """Nothing can listen there; the message says why and what to do."""


class HealthDoor:
    """Serves from `open` to `close`. Call `tick` each time the process has looked after its work."""

    def __init__(self, address: str, services: Callable[[], Sequence[FeedService]], *, dry_run: bool) -> None:
        """`address` is HOST:PORT or :PORT; port 0 takes a free one. Raises BadAddress."""
        self._host, self._port = _parse(address)
        self._services = services
        self._dry_run = dry_run
        self._registry: CollectorRegistry = registry_of(services)
        self._ticked_s = time.monotonic()
        self._runner: web.AppRunner | None = None
        self.address = address

    def tick(self) -> None:
        self._ticked_s = time.monotonic()

    async def open(self) -> None:
        """Listen. Raises BadAddress."""
        app = web.Application(client_max_size=1024)
        app.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self.close()
            reason = error.strerror or str(error)
            raise BadAddress(
                f"--http {self.address}: nothing can listen there ({reason}). Choose another port, or :0 for a free one."
            ) from error
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, request: web.Request) -> web.Response:
        """The loop answers, so it turns; whether it still looks after its work is told by `tick`."""
        silent_s = time.monotonic() - self._ticked_s
        if silent_s > _TICKING_S:
            return web.Response(status=503, text=f"the feed's loop has done nothing for {silent_s:.0f} s")
        return web.Response(text=_OK)

    async def _readyz(self, request: web.Request) -> web.Response:
        checks = {f"feed {service.config.exchange}": fresh(service) for service in self._services()}
        if not checks:
            checks["feed"] = "no exchange is enabled"
        if not self._dry_run:
            checks["database"], checks["redis"] = await asyncio.gather(_database(), _redis())
        is_ready = all(result == _OK or result.startswith("standby") for result in checks.values())
        return web.json_response({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=exposition(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def fresh(service: FeedService) -> str:
    """ "ok" when prices of every symbol that the venue lists arrive, or nobody wants any; else what does not."""
    if service.is_standby:
        return "standby: another process leads"
    if service.feed is None:
        return "starting"
    if service.feed.denied:
        return f"not allowed: {service.feed.denied}"
    if service.feed.unknown and not service.feed.listed:
        return "the venue has not said what it lists"
    behind = [item for item in service.feed.followed.values() if item.stream.state not in _FRESH]
    if not behind:
        return _OK
    first = behind[0]
    return f"{len(behind)} of {len(service.feed.followed)} not fresh: {first.symbol} {first.stream.state}"


def _parse(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise BadAddress(f"--http {address!r}: allowed is HOST:PORT, e.g. 127.0.0.1:9101, or :9101 for this machine.")
    return host.strip("[]") or "127.0.0.1", int(port)


async def _database() -> str:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await database_sync_to_async(_select, thread_sensitive=False)()
    except (DatabaseError, InterfaceError, TimeoutError) as error:
        return f"unavailable ({type(error).__name__})"
    return _OK


def _select() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _redis() -> str:
    layer: Any = get_channel_layer()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await layer.group_send("ticks.hello", {"type": "ticks.hello"})
    except (RedisError, OSError, TimeoutError) as error:
        return f"unavailable ({type(error).__name__})"
    return _OK

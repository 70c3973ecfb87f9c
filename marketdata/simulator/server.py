"""Wires the venue to one loopback port and runs it until told to stop."""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from aiohttp import web

from marketdata.simulator.account_door import AccountDoor
from marketdata.simulator.capture import CaptureError
from marketdata.simulator.control import ControlDoor, count, guard
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.fault_switch import FaultSwitch
from marketdata.simulator.faults import FaultError, Faults
from marketdata.simulator.hub import Hub
from marketdata.simulator.ledger import Ledger, LedgerInUseError
from marketdata.simulator.options import Options
from marketdata.simulator.orders import Account
from marketdata.simulator.private_events import PrivateEvents
from marketdata.simulator.public_side import PublicSide
from marketdata.simulator.rest import PREFIX, RestDoor
from marketdata.simulator.setup import build, still
from marketdata.simulator.slow import SlowDoor
from marketdata.simulator.socket_api import SocketApiDoor
from marketdata.simulator.sockets import Socket, SocketRules
from marketdata.simulator.streams import MAX_STREAMS, StreamDoor
from marketdata.simulator.symbols import UnknownSymbolError
from marketdata.simulator.tampering import Tampering
from marketdata.simulator.upstox import UpstoxDoor
from marketdata.simulator.usage import Usage
from marketdata.simulator.usdm.side import UsdmSide

log = structlog.get_logger()

HOST = "127.0.0.1"


class StartError(Exception):
    """The venue cannot start; the text says why and what to do."""


class Server:
    """The venue and its doors on one port."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.faults = Faults(seed=options.seed)
        self.hub = Hub(Tampering(self.faults), PrivateEvents(self.faults))
        self.ledger = _open_ledger(options)
        try:
            self._setup = build(options, ledger=self.ledger, hub=self.hub, faults=self.faults)
        except (CaptureError, UnknownSymbolError) as error:
            self.ledger.close()
            raise StartError(str(error)) from None
        self.venue = self._setup.venue
        rules = SocketRules(
            ping_every_s=options.ping_every_s,
            pong_within_s=options.pong_within_s,
            cut_after_s=options.cut_after_s,
            messages_per_s=options.messages_per_s,
        )
        self.usage = Usage(options.connections_per_5min)
        self._streams = StreamDoor(
            self.hub,
            rules,
            faults=self.faults,
            usage=self.usage,
            listen=lambda key, subscriber: self.venue.listen_keys.join(
                key, subscriber, now_ms=self.venue.clock.now_ms()
            ),
        )
        self._socket_api = SocketApiDoor(self.venue, rules, usage=self.usage)
        self._usdm = self._futures(rules) if self._setup.player is None else None
        self._sides: list[PublicSide] = [self.venue, *([self._usdm.public] if self._usdm else [])]
        self._fault_switch = FaultSwitch(
            self.venue,
            sockets=self.sockets,
            market_sockets=self.market_sockets,
            close_listener=self.close_listener,
            sides=self._sides,
        )
        self._upstox = UpstoxDoor(
            seed=options.seed,
            bar_seconds=options.upstox_bar_seconds,
            now_ms=lambda: time.time_ns() // 1_000_000,
            is_frozen=lambda: self.faults.lasting(Fault.FREEZE_DATA, time.monotonic()) is not None,
        )
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.2)
        self._site: web.BaseSite | None = None
        self.port = options.port
        self._started_s = time.monotonic()

    def _futures(self, rules: SocketRules) -> UsdmSide:
        return UsdmSide(
            self.options,
            listed_ms=self._setup.listed_ms,
            clock=self.venue.clock,
            faults=self.faults,
            usage=self.usage,
            stands_still=still(self.faults),
            spot=self.venue,
            rules=replace(rules, messages_per_s=2 * rules.messages_per_s),
        )

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[count(self.usage), guard])
        rest = RestDoor(self.venue)
        control = ControlDoor(
            self.venue,
            state=self.state,
            limits=self.limits,
            forget_limits=self.forget_limits,
            fault_switch=self._fault_switch,
            player=self._setup.player,
        )
        application.add_routes(
            [
                web.route("*", PREFIX + "{name:.+}", rest.handle),
                web.get("/ws", self._streams.handle),
                web.get("/ws/{streams:.*}", self._streams.handle),
                web.get("/stream", self._streams.handle),
                web.get("/stream/{name:.*}", self._streams.handle),
                web.get("/ws-api/v3", self._socket_api.handle),
                *control.routes(),
                *AccountDoor(self.venue).routes(),
                web.get("/sapi/v1/{name:.+}", rest.handle),
                *(self._usdm.routes() if self._usdm else []),
                *self._upstox.routes(),
                *SlowDoor(self.options, now_ms=self.venue.clock.now_ms).routes(),
            ]
        )
        return application

    async def start(self) -> None:
        """Listen. Raises StartError when the port is taken."""
        listening = self._bind(self.options.port)
        self.port = listening.getsockname()[1]
        await self._runner.setup()
        await self._listen(listening)
        for fault in self.options.faults:
            try:
                self._fault_switch.switch(fault)
            except FaultError as error:
                raise StartError(f"--fault {fault.name.value}: {error}") from None

    async def run(self) -> None:
        """Drive the markets until cancelled."""
        async with asyncio.TaskGroup() as group:
            for runner in [*self._setup.runners, *(self._usdm.runners if self._usdm else [])]:
                group.create_task(_run(runner))
            # A replay ends, the venue stays.
            group.create_task(asyncio.Event().wait())

    async def stop(self) -> None:
        self.drop_sockets()
        await self._runner.cleanup()
        self.ledger.close()

    def _bind(self, port: int) -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise StartError(
                    f"port {port} on {HOST} cannot be used ({os.strerror(error.errno)}): stop what listens there, "
                    "or choose another port with --port (0 takes a free one)"
                ) from None
            raise
        return listening

    async def _listen(self, listening: socket.socket) -> None:
        self._site = web.SockSite(self._runner, listening)
        await self._site.start()

    def welcome(self, account: Account) -> None:
        """Give the demo account a futures wallet."""
        if self._usdm is not None:
            self._usdm.customers.welcome(account.id)

    # Operator's door

    def state(self) -> dict[str, object]:
        return {
            "mode": "synthetic" if self._setup.player is None else "replay",
            "seed": self.options.seed,
            "rate": self.options.rate,
            "symbols": list(self.venue.markets),
            "time_ms": self.venue.clock.now_ms(),
            "uptime_s": round(time.monotonic() - self._started_s, 3),
            "sockets": len(self.sockets()),
            "streams": sorted(self.hub.wanted()),
            "accounts": len(self.venue.engine.accounts),
            "open_orders": sum(len(account.open_orders) for account in self.venue.engine.accounts.values()),
        }

    def limits(self) -> dict[str, object]:
        """What the venue allows, and what its clients made of it."""
        return {
            "limits": {
                "messages_per_s": self.options.messages_per_s,
                "streams_on_a_socket": MAX_STREAMS,
                "connections_in_5min": self.options.connections_per_5min,
                "weight_per_minute": self.options.weight_per_minute,
            },
            "used": self.usage.state(),
        }

    def forget_limits(self) -> None:
        self.usage.forget()
        for side in self._sides:
            side.limits.forget()

    def sockets(self) -> list[Socket]:
        return [*self.market_sockets(), *self._socket_api.sockets]

    def market_sockets(self) -> list[Socket]:
        return [*self._streams.sockets, *(self._usdm.sockets() if self._usdm else [])]

    def drop_sockets(self) -> None:
        for open_socket in self.sockets():
            open_socket.abort()
        self._upstox.drop_sockets()

    async def close_listener(self, seconds: float) -> None:
        assert self._site is not None
        await self._site.stop()
        self.drop_sockets()
        server = self._runner.server
        for connection in list(server.connections) if server is not None else []:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(seconds)
        await self._listen(self._bind(self.port))


async def _run(runner: Callable[[], Awaitable[None]]) -> None:
    await runner()


def _open_ledger(options: Options) -> Ledger:
    try:
        return Ledger(options.ledger)
    except LedgerInUseError as error:
        raise StartError(str(error)) from None
    except OSError as error:
        raise StartError(f"the ledger folder {options.ledger} cannot be used: {error.strerror}; see --ledger") from None

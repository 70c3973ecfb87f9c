"""The sockets of one venue: as few as its limits allow, each carrying many symbols, and replaced before they end."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count

from marketdata.connection import ConnectBudget, ConnectionSettings, MessagePace
from marketdata.events import TradeTick
from marketdata.exchanges.adapter import Adapter, Gap, Parser, Stream
from marketdata.feed.overlap import Successor
from marketdata.feed.socket import Socket, SocketOwner
from marketdata.feed.source import Health, Hearer

# Of a socket's lifetime, spread so that not all end together, and always so long before that both can run beside.
_RENEW_AT = (0.90, 0.97)
_LEAD_S = 5.0


class SocketPool:
    """The Source of a native adapter.

    address(route) gives the URL of a new socket. `now_ns` stamps what the pool itself finds. Call `advance` ten times a
    second.
    """

    def __init__(
        self,
        *,
        adapter: Adapter,
        settings: ConnectionSettings,
        make_parser: Callable[[], Parser],
        address: Callable[[str], Awaitable[str]],
        hearer: Hearer,
        now_ns: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self._adapter = adapter
        self._settings = settings
        self._make_parser = make_parser
        self._address = address
        self._hearer = hearer
        self._now_ns = now_ns
        self._rng = rng
        self._budget = ConnectBudget(adapter.limits.connections_per_5min)
        self._message_pace = MessagePace(settings.messages_per_s) if adapter.limits.counts_by_address else None
        self.sockets: list[Socket] = []
        self._successors: dict[Socket, Successor] = {}
        self._renew_at_s: dict[Socket, float] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._names = count(1)
        self._owner = SocketOwner(
            frame=hearer.frame,
            opened=lambda socket: hearer.opened(socket.name, now_ns(), socket not in self.sockets),
            malformed=hearer.malformed,
            up=self._up,
            down=self._down,
            ending=self._replace,
            broken=self._broken,
            refused=hearer.refused,
            not_allowed=hearer.not_allowed,
            ended=self._ended,
            pace=hearer.pace,
        )

    def add(self, symbol: str, venue_symbol: str) -> None:
        """Subscribe a symbol on sockets with room, at once where these are up."""
        routes: defaultdict[str, list[Stream]] = defaultdict(list)
        for stream in self._adapter.streams(venue_symbol):
            routes[stream.route].append(stream)
        for route, streams in routes.items():
            self._socket_with_room(route, len(streams)).carry(symbol, tuple(streams))
        for successor in self._successors.values():
            successor.mirror()
        if self._is_up(symbol):
            self._hearer.up([symbol], self.health(symbol))

    def remove(self, symbol: str) -> None:
        """Unsubscribe a symbol; its sockets close with their last one."""
        for socket in self._carrying(symbol):
            socket.drop(symbol)
            successor = self._successors.get(socket)
            if successor is not None:
                successor.mirror()
            if not socket.carried:
                self._forget(socket)

    def resubscribe(self, symbol: str, *, group: str = "") -> None:
        for socket in self._carrying(symbol):
            socket.ask_again(symbol, group=group)

    def reconnect(self, symbols: Sequence[str]) -> None:
        for socket in {socket for symbol in symbols for socket in self._carrying(symbol)}:
            socket.connection.renew()

    def health(self, symbol: str) -> Health:
        connections = [socket.connection for socket in self._carrying(symbol)]
        return Health(
            connects=max((item.connects for item in connections), default=0),
            failures=max((item.failures for item in connections), default=0),
        )

    def unasked(self) -> set[str]:
        return {symbol for socket in self.sockets if socket.is_up for symbol in socket.unasked}

    def advance(self, now_s: float) -> None:
        """Replace sockets that are about to end, and let successors take over. `now_s` is monotonic."""
        for socket in [socket for socket, at_s in self._renew_at_s.items() if now_s >= at_s]:
            del self._renew_at_s[socket]
            self._replace(socket)
        for old, successor in list(self._successors.items()):
            if successor.is_ready(now_s):
                self._hand_over(old, successor)

    async def close(self) -> None:
        sockets = [*self.sockets, *(successor.socket for successor in self._successors.values())]
        tasks = {task for socket in sockets if (task := socket.close()) is not None} | self._closing
        await asyncio.gather(*tasks, return_exceptions=True)

    def _carrying(self, symbol: str) -> list[Socket]:
        return [socket for socket in self.sockets if symbol in socket.carried]

    def _is_up(self, symbol: str) -> bool:
        carrying = self._carrying(symbol)
        return bool(carrying) and all(socket.is_up for socket in carrying)

    def _socket_with_room(self, route: str, streams: int) -> Socket:
        room = self._adapter.limits.streams_per_connection - streams
        for socket in self.sockets:
            if socket.route == route and socket.streams <= room:
                return socket
        socket = self._make(route)
        self.sockets.append(socket)
        socket.open()
        return socket

    def _make(self, route: str) -> Socket:
        return Socket(
            name=f"{route or 'main'}-{next(self._names)}",
            route=route,
            adapter=self._adapter,
            make_parser=self._make_parser,
            address=partial(self._address, route),
            settings=self._settings,
            owner=self._owner,
            take=self._hearer.take,
            budget=self._budget,
            message_pace=self._message_pace,
            rng=self._rng,
        )

    def _up(self, socket: Socket) -> None:
        lifetime_s = self._adapter.limits.lifetime_s
        if lifetime_s:
            age_s = min(lifetime_s * self._rng.uniform(*_RENEW_AT), max(lifetime_s - _LEAD_S, lifetime_s / 2))
            self._renew_at_s[socket] = socket.connection.connected_s + age_s
        if socket not in self.sockets:
            for successor in self._successors.values():
                if successor.socket is socket:
                    successor.begin()
            return
        ready = [symbol for symbol in socket.carried if self._is_up(symbol)]
        if ready:
            self._hearer.up(ready, self.health(ready[0]))

    def _down(self, socket: Socket, reason: str) -> None:
        self._renew_at_s.pop(socket, None)
        if socket not in self.sockets or not socket.carried:
            return
        successor = self._successors.get(socket)
        if successor is not None and successor.has_settled(asyncio.get_running_loop().time()):
            self._hand_over(socket, successor)
            return
        symbols = list(socket.carried)
        self._hearer.down(symbols, reason, self.health(symbols[0]))
        if successor is not None and successor.socket.is_up:
            self._install(socket, successor)
            successor.socket.connection.connects += 1
            self._hearer.took_over(symbols, successor.socket.name)
            self._up(successor.socket)
            # Its prints were told by the old socket already, and their numbers begin anew.
            self._hearer.take([event for event in successor.held if not isinstance(event, TradeTick)])

    def _broken(self, socket: Socket, reason: str) -> None:
        """Nobody knows what was lost: everything on the socket begins anew."""
        ts_init = self._now_ns()
        socket.take([Gap(symbol=symbol, reason=reason, ts_init=ts_init) for symbol in socket.carried])
        socket.connection.renew()

    def _replace(self, socket: Socket) -> None:
        """Open another socket beside this one, which goes on until the other brings everything."""
        if socket in self._successors or socket not in self.sockets:
            return
        self._hearer.note("renewing", f"Socket {socket.name} is about to end: another one is opened beside it.")
        successor = Successor(old=socket, socket=self._make(socket.route), now_s=asyncio.get_running_loop().time)
        self._successors[socket] = successor
        successor.socket.open()

    def _hand_over(self, old: Socket, successor: Successor) -> None:
        new = successor.socket
        self._install(old, successor)
        self._hearer.took_over(list(new.carried), new.name)
        self._hearer.handover(list(new.carried))
        self._hearer.take(successor.held)
        self._hearer.note("renewed", f"Socket {new.name} has taken over from {old.name}.")

    def _install(self, old: Socket, successor: Successor) -> None:
        """From now on the successor is the socket; a planned one is no reconnect, and forgets none."""
        del self._successors[old]
        successor.socket.connection.connects += max(0, old.connection.connects - 1)
        self.sockets[self.sockets.index(old)] = successor.socket
        successor.socket.take = self._hearer.take
        self._close(old)

    def _forget(self, socket: Socket) -> None:
        self.sockets.remove(socket)
        successor = self._successors.pop(socket, None)
        if successor is not None:
            self._close(successor.socket)
        self._close(socket)

    def _close(self, socket: Socket) -> None:
        self._renew_at_s.pop(socket, None)
        task = socket.close()
        if task is not None:
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._hearer.fail(error)

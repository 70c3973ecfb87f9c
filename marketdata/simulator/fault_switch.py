"""Switching faults: those that strike at once are carried out, the others are noted for whoever asks for them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

from marketdata.simulator import public_messages
from marketdata.simulator.bursts import publish_burst
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Active, FaultError, Faults, Switch, activate
from marketdata.simulator.public_side import PublicSide
from marketdata.simulator.sockets import Socket
from marketdata.simulator.synthetic import SyntheticMarket
from marketdata.simulator.venue import Venue

_HUGE = (b'{"stream":"huge","data":"', b'"}')


class FaultSwitch:
    """Carries out what the operator wants. `market_sockets` are those of the streams, `sockets` all."""

    def __init__(
        self,
        venue: Venue,
        *,
        sockets: Callable[[], Iterable[Socket]],
        market_sockets: Callable[[], Iterable[Socket]],
        close_listener: Callable[[float], Awaitable[None]],
        sides: Sequence[PublicSide],
    ) -> None:
        self._venue = venue
        self._faults: Faults = venue.faults
        self._sockets = sockets
        self._market_sockets = market_sockets
        self._close_listener = close_listener
        self._sides = sides
        self._work: set[asyncio.Task[None]] = set()
        self._at_once: dict[Fault, Callable[[Active], None]] = {
            Fault.DROP_SOCKETS: lambda active: self._drop(),
            Fault.CLOSE_LISTENER: lambda active: self._start(self._closed(active)),
            Fault.HUGE_FRAME: self._huge_frame,
            Fault.BURST: self._burst,
            Fault.BAD_DEPTH: lambda active: self._start(self._bad_depth(active)),
            Fault.SERVER_SHUTDOWN: lambda active: self._start(self._shutdown(active)),
            Fault.PING_NOW: self._ping,
            Fault.EXPIRE_LISTEN_KEY: self._expire_listen_keys,
            Fault.REPLAY_EVENTS: self._replay_events,
            Fault.GAP_MARKET: self._gap,
        }
        # Noted, and something besides.
        self._and_noted: dict[Fault, Callable[[Active], None]] = {
            Fault.HALF_OPEN: self._half_open,
            Fault.LIFETIME: lambda active: self._start(self._lifetime(active)),
            Fault.MAINTENANCE: lambda active: self._drop(),
            Fault.KEY_CHANGE: self._end_accounts,
        }

    def switch(self, wanted: Switch) -> None:
        """Raises FaultError for a setting that the fault does not take, and a symbol that is not listed."""
        if not wanted.on:
            self._faults.clear(wanted.name)
            return
        active = activate(wanted, now_s=time.monotonic() + wanted.after)
        if active.symbol and active.symbol not in self._venue.markets:
            raise FaultError(f"{active.symbol} is not listed here: {', '.join(self._venue.markets)} are")
        if wanted.name in (Fault.BURST, Fault.GAP_MARKET):
            self._synthetic(active.symbol)
        if wanted.after > 0:
            self._start(self._later(active, wanted.after))
        else:
            self._carry_out(active)

    async def _later(self, active: Active, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._carry_out(active)

    def _carry_out(self, active: Active) -> None:
        act = self._at_once.get(active.fault)
        if act is not None:
            act(active)
            return
        self._faults.switch_on(active)
        besides = self._and_noted.get(active.fault)
        if besides is not None:
            besides(active)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    # Streams

    def _synthetic(self, symbol: str) -> list[SyntheticMarket]:
        chosen = [market for name, market in self._venue.markets.items() if symbol in ("", name)]
        markets = [market for market in chosen if isinstance(market, SyntheticMarket)]
        if not markets:
            raise FaultError("a recording has no bursts: start the venue without --replay")
        return markets

    def _burst(self, active: Active) -> None:
        for market in self._synthetic(active.symbol):
            self._start(publish_burst(market, self._venue.hub, active))

    def _gap(self, active: Active) -> None:
        for side in self._sides:
            for symbol, market in side.markets.items():
                if active.symbol in ("", symbol) and isinstance(market, SyntheticMarket):
                    market.gap(active.factor, seconds=active.seconds)

    async def _bad_depth(self, active: Active) -> None:
        total = active.count or 0
        symbols = [active.symbol] if active.symbol else list(self._venue.markets)
        for number in range(total):
            for symbol in symbols:
                old_id = self._venue.markets[symbol].update_id - 1_000_000 + 10 * number
                text = public_messages.depth_update(symbol, self._venue.clock.now_ms(), old_id, old_id + 5, [], [])
                self._venue.hub.publish(f"{symbol.lower()}@depth@100ms", text)
            await asyncio.sleep(active.seconds / total)

    def _huge_frame(self, active: Active) -> None:
        head, tail = _HUGE
        frame = head + b"x" * max(0, active.bytes - len(head) - len(tail)) + tail
        for socket in self._market_sockets():
            socket.subscriber.send(frame)

    # Sockets

    def _drop(self) -> None:
        for socket in list(self._sockets()):
            socket.abort()

    async def _closed(self, active: Active) -> None:
        # The answer to the request that switched this on leaves first.
        await asyncio.sleep(0.05)
        await self._close_listener(active.seconds)

    def _half_open(self, active: Active) -> None:
        for socket in self._sockets():
            socket.is_dead = True

    async def _shutdown(self, active: Active) -> None:
        sockets = list(self._market_sockets())
        frame = b'{"e":"serverShutdown","E":%d}' % self._venue.clock.now_ms()
        for socket in sockets:
            socket.subscriber.send(frame)
        await asyncio.sleep(active.milliseconds / 1000)
        for socket in sockets:
            socket.end("server shutdown")

    async def _lifetime(self, active: Active) -> None:
        while self._faults.lasting(Fault.LIFETIME, time.monotonic()) is active:
            for socket in list(self._sockets()):
                if socket.age_s >= active.milliseconds / 1000:
                    socket.end("its time is over")
            await asyncio.sleep(0.02)

    def _ping(self, active: Active) -> None:
        for socket in self._sockets():
            socket.ping_or_cut(active.milliseconds / 1000)

    def _expire_listen_keys(self, active: Active) -> None:
        for side in self._sides:
            side.listen_keys.expire_all(now_ms=self._venue.clock.now_ms(), as_text=active.kind == "string")

    # Accounts

    def _replay_events(self, active: Active) -> None:
        for side in self._sides:
            side.hub.replay_private(active.count or 0)

    def _end_accounts(self, active: Active) -> None:
        if active.kind == "revoked":
            for side in self._sides:
                side.listen_keys.expire_all(now_ms=self._venue.clock.now_ms(), as_text=False)
                side.hub.end_private(self._venue.clock.now_ms())

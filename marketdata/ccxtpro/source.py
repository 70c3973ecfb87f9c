"""A venue's records from the child process with CCXT Pro, as the feed hears those of a socket."""

from collections.abc import Iterable, Sequence

from marketdata.ccxtpro.process import ChildProcess
from marketdata.ccxtpro.wire import (
    Answer,
    Denied,
    Down,
    Failed,
    GapSeen,
    Heartbeat,
    Image,
    Note,
    Reconnect,
    Refused,
    Report,
    Rewatch,
    Unwatch,
    Up,
    Watch,
)
from marketdata.exchanges.adapter import BookImage, Gap, VenueEvent
from marketdata.feed.source import Health, Hearer

SOCKET = "ccxt"


def market_events(reports: Iterable[Report]) -> list[VenueEvent]:
    """The reports that are about the market, as records."""
    events: list[VenueEvent] = []
    for report in reports:
        if isinstance(report, Image):
            events.append(
                BookImage(
                    exchange=report.exchange,
                    symbol=report.symbol,
                    bids=report.bids,
                    asks=report.asks,
                    update_id=report.update_id,
                    ts_event=report.ts_event,
                    ts_init=report.ts_init,
                    from_stream=True,
                )
            )
        elif isinstance(report, GapSeen):
            events.append(Gap(symbol=report.symbol, reason=report.reason, ts_init=report.ts_init))
        elif not isinstance(report, Heartbeat | Up | Down | Refused | Denied | Note | Answer | Failed):
            events.append(report)
    return events


class CcxtSource:
    """Follows symbols through a child process. Closing it ends the child."""

    def __init__(self, *, child: ChildProcess, hearer: Hearer) -> None:
        self._child = child
        self._hearer = hearer
        self._health: dict[str, Health] = {}
        self._is_new = True
        child.listen(self)

    def add(self, symbol: str, venue_symbol: str) -> None:
        """Begin to stream a symbol. ccxt knows it by its unified spelling."""
        self._health.setdefault(symbol, Health())
        self._child.require()
        self._child.send(Watch(symbol=symbol))

    def remove(self, symbol: str) -> None:
        if self._health.pop(symbol, None) is not None:
            self._child.send(Unwatch(symbol=symbol))

    def resubscribe(self, symbol: str, *, group: str = "") -> None:
        self._child.send(Rewatch(symbol=symbol))

    def reconnect(self, symbols: Sequence[str]) -> None:
        """ccxt shares its sockets among all symbols, so all get new ones."""
        self._child.send(Reconnect())

    def unasked(self) -> frozenset[str]:
        """The child asks at once; what it waits for, it does not say."""
        return frozenset()

    def advance(self, now_s: float) -> None:
        """The child minds the time itself."""

    def health(self, symbol: str) -> Health:
        return self._health.get(symbol, Health())

    async def close(self) -> None:
        self._child.listen(None)
        await self._child.close()

    def began(self) -> None:
        self._is_new = True
        for symbol in self._health:
            self._child.send(Watch(symbol=symbol))

    def heard(self, reports: Sequence[Report], payload: bytes) -> None:
        """Pass on what the child reports, in order."""
        hearer = self._hearer
        waiting: list[Report] = []
        recorded = False
        for report in reports:
            if not isinstance(report, Heartbeat | Up | Down | Refused | Denied | Note | Answer | Failed):
                if not recorded:
                    recorded = True
                    self._record(payload, getattr(report, "ts_init", 0))
                waiting.append(report)
                continue
            self._take(waiting)
            waiting = []
            if isinstance(report, Up):
                self._up(report.symbol)
            elif isinstance(report, Down):
                self._down([report.symbol] if report.symbol else list(self._health), report.reason)
            elif isinstance(report, Refused):
                hearer.refused(report.symbol, report.error)
            elif isinstance(report, Denied):
                hearer.not_allowed(report.message)
            elif isinstance(report, Note):
                hearer.note(report.kind, report.message)
        self._take(waiting)

    def ended(self, reason: str) -> None:
        self._down(list(self._health), reason)

    def failed(self, error: BaseException) -> None:
        self._hearer.fail(error)

    async def pace(self) -> None:
        await self._hearer.pace()

    def _record(self, payload: bytes, ts_init: int) -> None:
        if self._is_new:
            self._is_new = False
            self._hearer.opened(SOCKET, ts_init, False)
        self._hearer.frame(payload, ts_init, SOCKET)

    def _take(self, reports: Sequence[Report]) -> None:
        events = market_events(reports)
        if not events:
            return
        self._child.data_flows()
        for symbol in {getattr(event, "symbol", "") for event in events}:
            health = self._health.get(symbol)
            if health is not None and health.failures and health.connects:
                self._health[symbol] = Health(connects=health.connects)
        self._hearer.take(events)

    def _up(self, symbol: str) -> None:
        health = self._health.get(symbol)
        if health is None:
            return
        now = self._health[symbol] = Health(connects=health.connects + 1, failures=health.failures)
        self._hearer.up([symbol], now)

    def _down(self, symbols: Sequence[str], reason: str) -> None:
        for symbol in symbols:
            health = self._health.get(symbol)
            if health is not None:
                now = self._health[symbol] = Health(connects=health.connects, failures=health.failures + 1)
                self._hearer.down([symbol], reason, now)

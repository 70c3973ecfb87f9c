"""What waits to be sent to the feed: trades and news in order, of quotes, books and tickers only the newest."""

import asyncio

from marketdata.ccxtpro.wire import Image, Report
from marketdata.events import QuoteTick, Ticker

_MAX_WAITING = 500_000


class ReaderTooSlow(RuntimeError):
    """The feed does not read: what may not be dropped has no place any more."""


class Outbox:
    """Filled by the watchers, emptied by the writer as fast as the pipe takes it."""

    def __init__(self) -> None:
        self.conflated = 0
        self._reports: list[Report] = []
        self._newest: dict[tuple[type, str], Report] = {}
        self._filled = asyncio.Event()

    def add(self, report: Report) -> None:
        """Keep `report` and its place in the order. Raises ReaderTooSlow."""
        if len(self._reports) >= _MAX_WAITING:
            raise ReaderTooSlow(f"{_MAX_WAITING} reports wait: the feed does not read them.")
        self._reports.append(report)
        self._filled.set()

    def replace(self, report: QuoteTick | Image | Ticker) -> None:
        """Keep `report` instead of the one of its kind and symbol that still waits."""
        key = (type(report), report.symbol)
        if key in self._newest:
            self.conflated += 1
        self._newest[key] = report
        self._filled.set()

    def interrupt(self, symbol: str, report: Report) -> None:
        """Keep `report`, after which nothing of before may be believed: what waits of the symbol's book is dropped."""
        for kind in (Image, QuoteTick):
            self._newest.pop((kind, symbol), None)
        self.add(report)

    async def take(self) -> list[Report]:
        """Wait until there is something, and give all of it."""
        await self._filled.wait()
        self._filled.clear()
        taken = [*self._reports, *self._newest.values()]
        self._reports = []
        self._newest = {}
        return taken

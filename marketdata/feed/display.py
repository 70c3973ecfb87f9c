"""What `runfeed` prints: a live table for people, JSON lines for programs, or nothing beside the log."""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.live import Live

from marketdata.feed.price import price_of
from marketdata.feed.rates import Rates
from marketdata.feed.service import FeedService
from marketdata.feed.status import final_account
from marketdata.feed.table import header, render, rows_of, venues_of

_HEARTBEAT_S = 60.0
_REFRESH_S = 0.5
_PRICE_EVERY_S = 1.0


class Style(StrEnum):
    TABLE = "table"
    JSON = "json"
    LOG = "log"


def choose_style(*, as_json: bool) -> Style:
    """JSON when asked for or piped, the log alone under the supervisor (which sets PROCESS_NAME)."""
    if as_json:
        return Style.JSON
    if os.environ.get("PROCESS_NAME"):
        return Style.LOG
    return Style.TABLE if sys.stdout.isatty() else Style.JSON


class Display:
    """`health` is the address of /livez, /readyz and /metrics, where they are served; `is_unread`: nobody reads on."""

    def __init__(self, style: Style, *, version: str, prices: bool = False) -> None:
        self.health = ""
        self.is_unread = False
        self.followers: Mapping[tuple[str, str], int] | None = None
        self._style = style
        self._version = version
        self._prices = prices
        # When a symbol's price was printed last, and of how many messages.
        self._priced: dict[tuple[str, str], tuple[float, int]] = {}
        self._live: Live | None = None
        self._moved: list[logging.StreamHandler[Any]] = []
        self._rates = Rates()
        self._shown_s = 0.0
        self._beat_s = 0.0

    def note(self, exchange: str, kind: str, message: str, symbol: str) -> None:
        """Something happened."""
        if self._style is Style.JSON:
            self._line({"event": kind, "exchange": exchange, "symbol": symbol, "message": message})

    def show(self, services: Sequence[FeedService]) -> None:
        now_s = time.monotonic()
        if self._style is Style.TABLE and now_s - self._shown_s >= _REFRESH_S:
            self._shown_s = now_s
            self._draw(services, now_s)
        elif self._style is Style.JSON:
            self._beat(services, now_s)
            if self._prices:
                self._print_prices(services, now_s)

    def _print_prices(self, services: Sequence[FeedService], now_s: float) -> None:
        """Each symbol's price at its first tick, and once a second while it moves."""
        for service in services:
            feed, exchange = service.feed, service.config.exchange
            if feed is None:
                continue
            for item in feed.followed.values():
                printed_s, messages = self._priced.get((exchange, item.symbol), (0.0, 0))
                if item.stream.quote is None or item.messages == messages or now_s - printed_s < _PRICE_EVERY_S:
                    continue
                self._priced[exchange, item.symbol] = now_s, item.messages
                price = asdict(price_of(item, feed.now_ns()))
                self._line({"event": "price", "exchange": exchange, "symbol": item.symbol, **price})

    def _beat(self, services: Sequence[FeedService], now_s: float) -> None:
        if not self._beat_s or now_s - self._beat_s >= _HEARTBEAT_S:
            self._beat_s = now_s
            state = "standby" if all(service.is_standby for service in services) else "running"
            self._line(
                {
                    "event": "heartbeat",
                    "pid": os.getpid(),
                    "version": self._version,
                    "state": state if services else "waiting for an exchange",
                    "environments": {service.config.exchange: service.config.environment for service in services},
                    "symbols": sum(len(service.feed.followed) for service in services if service.feed is not None),
                }
            )

    def close(self, services: Sequence[FeedService]) -> None:
        """The end: programs get an account of every frame; people keep the last table as it was."""
        if self._live is not None:
            for handler in self._moved:
                handler.setStream(sys.__stderr__)
            self._live.stop()
            self._live = None
        if self._style is Style.JSON:
            for service in services:
                if service.feed is not None:
                    account = final_account(service.feed, service.publisher)
                    self._line({"event": "stopped", "pid": os.getpid(), **account})

    def _line(self, record: dict[str, Any]) -> None:
        if self.is_unread:
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            sys.stdout.write(json.dumps({"at": stamp, **record}) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read, e.g. `head`, has enough. Python would fail once more when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.is_unread = True

    def _draw(self, services: Sequence[FeedService], now_s: float) -> None:
        live = self._live or self._start()
        venues = venues_of(services)
        rows = rows_of(services, rates=self._rates, followers=self.followers, now_s=now_s)
        title = header(self._version, venues, symbols=len(rows), pid=os.getpid(), health=self.health)
        size = live.console.size
        live.update(render(title, venues, rows, width=size.width, height=size.height), refresh=True)

    def _start(self) -> Live:
        live = self._live = Live(console=Console(highlight=False), auto_refresh=False)
        live.start()
        # Log lines on the same terminal go above the table; in a file they stay as they are.
        if sys.__stderr__ is not None and sys.__stderr__.isatty():
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__:
                    handler.setStream(sys.stderr)
                    self._moved.append(handler)
        return live

"""What `runfeed` prints: a live table for people, JSON lines for programs, or nothing beside the log."""

import json
import os
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from rich.live import Live
from rich.table import Table

from marketdata.feed.service import FeedService
from marketdata.feed.status import final_account

_HEARTBEAT_S = 60.0
_REFRESH_S = 0.5


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
    def __init__(self, style: Style, *, version: str) -> None:
        self._style = style
        self._version = version
        self._live: Live | None = None
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
            if self._live is None:
                self._live = Live(auto_refresh=False)
                self._live.start()
            self._live.update(self._table(services), refresh=True)
        elif self._style is Style.JSON and (not self._beat_s or now_s - self._beat_s >= _HEARTBEAT_S):
            self._beat_s = now_s
            state = "standby" if all(service.is_standby for service in services) else "running"
            self._line(
                {
                    "event": "heartbeat",
                    "pid": os.getpid(),
                    "version": self._version,
                    "state": state if services else "waiting for an exchange",
                    "environments": {service.config.exchange: service.config.environment for service in services},
                }
            )

    def close(self, services: Sequence[FeedService]) -> None:
        """The end: programs get an account of every frame."""
        if self._live is not None:
            self._live.stop()
        if self._style is Style.JSON:
            for service in services:
                if service.feed is not None:
                    account = final_account(service.feed, service.publisher)
                    self._line({"event": "stopped", "pid": os.getpid(), **account})

    def _line(self, record: dict[str, Any]) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"at": stamp, **record}) + "\n")
        sys.stdout.flush()

    def _table(self, services: Sequence[FeedService]) -> Table:
        names = " · ".join(
            f"{service.config.exchange} ({service.config.environment}{', standby' if service.is_standby else ''})"
            for service in services
        )
        table = Table(title=f"runfeed {self._version} · {names} · pid {os.getpid()}", title_justify="left")
        for column in ("SYMBOL", "STATE", "LAST", "AGE", "MESSAGES", "LAG p95", "GAPS", "RECONN", "REJECTED"):
            table.add_column(column, justify="left" if column in ("SYMBOL", "STATE") else "right")
        now_ns = time.time_ns()
        for service in services:
            if service.feed is None:
                continue
            for item in service.feed.followed.values():
                stream, lag_ms = item.stream, item.lag_ms(0.95)
                newest_ns = stream.quote.ts_init if stream.quote is not None else 0
                table.add_row(
                    item.symbol,
                    stream.state,
                    f"{stream.last_price:,.8g}" if stream.last_price is not None else "-",
                    f"{(now_ns - newest_ns) / 1e9:.1f}s" if newest_ns else "-",
                    f"{item.messages:,}",
                    f"{lag_ms:.0f} ms" if lag_ms is not None else "-",
                    str(stream.gaps),
                    str(item.reconnects),
                    str(item.rejected),
                )
            for symbol, reason in service.feed.unknown.items():
                table.add_row(symbol, "unknown", reason)
        return table

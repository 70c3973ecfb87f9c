"""What runs and what it has done so far: `manage.py status`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import Error as DatabaseError

from bots.models import Bot, BotLease, Fill, Order, Position, Signal
from marketdata.models import Environment, Exchange, FeedLease
from marketdata.queries import FeedRow, SourceRow, feed_rows, source_rows
from tradingsite.absence import START_IT, no_servers
from tradingsite.local.state import read_processes


class NothingRuns(Exception):
    """No installation runs here; the message says how that was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    bots: list[dict[str, Any]]
    feeds: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    positions_open: int
    signals: int
    orders: int
    fills: int
    # Of the simulated exchange, where one is enabled; else "".
    simulator_url: str = ""


def read_status(*, now: datetime) -> Status:
    """Bots, feeds and slow sources with their states and ages in seconds, and counts. Raises NothingRuns."""
    if settings.DATABASE_URL == settings.NO_DATABASE_URL:
        raise NothingRuns(f"{no_servers(settings.LOCAL_DIR)} {START_IT}")
    try:
        if not supervisor_is_alive(settings.LOCAL_DIR) and not any_lease_is_live(now):
            raise NothingRuns(f"Nothing runs here: no supervisor, and no feed or engine holds a lease. {START_IT}")
        return Status(
            bots=list(Bot.objects.order_by("id").values("id", "name", "state")),
            feeds=[feed_fields(row) for row in feed_rows(now=now)],
            sources=[source_fields(row) for row in source_rows(now=now)],
            positions_open=Position.objects.filter(closed_at=None).count(),
            signals=Signal.objects.count(),
            orders=Order.objects.count(),
            fills=Fill.objects.count(),
            simulator_url=settings.SIMULATOR_URL if is_simulated() else "",
        )
    except DatabaseError as error:
        raise NothingRuns(f"The database does not answer ({str(error).strip().splitlines()[0]}). {START_IT}") from error


def is_simulated() -> bool:
    return Exchange.objects.filter(enabled=True, environment=Environment.SIMULATED).exists()


def feed_fields(row: FeedRow) -> dict[str, Any]:
    """`reason` is why it is not live, `advice` what to do; both "" where all is well."""
    return {
        "exchange": row.exchange,
        "symbol": row.symbol,
        "state": row.state if row.is_running else "not_running",
        "reason": row.reason if row.is_running else "",
        "advice": row.advice,
        "tick_age_s": row.tick_age_s,
        "source": row.source,
    }


def source_fields(row: SourceRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": row.state.replace(" ", "_"),
        "reason": row.reason,
        "advice": row.advice,
        "answer_age_s": row.answer_age_s,
    }


def supervisor_is_alive(local_dir: Path) -> bool:
    """Whether processes.json names a living runlocal; a pid taken over by another program does not count."""
    pid = read_processes(local_dir).get("supervisor")
    try:
        return isinstance(pid, int) and "runlocal" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def any_lease_is_live(now: datetime) -> bool:
    return FeedLease.objects.filter(expires_at__gt=now).exists() or BotLease.objects.filter(expires_at__gt=now).exists()

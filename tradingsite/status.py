"""What runs and what it has done so far: `manage.py status`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import Error as DatabaseError

from bots.models import Bot, BotLease, Fill, Order, Position, Signal
from marketdata.models import FeedLease, FeedStatus
from tradingsite.absence import START_IT, no_servers
from tradingsite.local.state import read_processes


class NothingRuns(Exception):
    """No installation runs here; the message says how that was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    bots: list[dict[str, Any]]
    feeds: list[dict[str, Any]]
    positions_open: int
    signals: int
    orders: int
    fills: int


def read_status(*, now: datetime) -> Status:
    """Bots, feeds with the age of their last tick in seconds, and counts. Raises NothingRuns."""
    if settings.DATABASE_URL == settings.NO_DATABASE_URL:
        raise NothingRuns(f"{no_servers(settings.LOCAL_DIR)} {START_IT}")
    try:
        if not supervisor_is_alive(settings.LOCAL_DIR) and not any_lease_is_live(now):
            raise NothingRuns(f"Nothing runs here: no supervisor, and no feed or engine holds a lease. {START_IT}")
        return Status(
            bots=list(Bot.objects.order_by("id").values("id", "name", "state")),
            feeds=[feed_row(feed, now) for feed in FeedStatus.objects.select_related("exchange")],
            positions_open=Position.objects.filter(closed_at=None).count(),
            signals=Signal.objects.count(),
            orders=Order.objects.count(),
            fills=Fill.objects.count(),
        )
    except DatabaseError as error:
        raise NothingRuns(f"The database does not answer ({str(error).strip().splitlines()[0]}). {START_IT}") from error


def feed_row(feed: FeedStatus, now: datetime) -> dict[str, Any]:
    age_s = round((now - feed.last_tick_at).total_seconds(), 3) if feed.last_tick_at else None
    return {"exchange": feed.exchange.code, "symbol": feed.symbol, "tick_age_s": age_s, "source": feed.source}


def supervisor_is_alive(local_dir: Path) -> bool:
    """Whether processes.json names a living runlocal; a pid taken over by another program does not count."""
    pid = read_processes(local_dir).get("supervisor")
    try:
        return isinstance(pid, int) and "runlocal" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def any_lease_is_live(now: datetime) -> bool:
    return FeedLease.objects.filter(expires_at__gt=now).exists() or BotLease.objects.filter(expires_at__gt=now).exists()

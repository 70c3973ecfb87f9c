"""Who asks a slow source: one process at a time, by the database's clock.

The row count decides races: an update that finds its condition gone changes nothing.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from marketdata.models import SlowSource
from marketdata.sources.health import State

LEASE_TTL = timedelta(seconds=15)


def take_lease(*, source_id: int, holder: str, ttl: timedelta = LEASE_TTL) -> bool:
    """Become the one who asks, if nobody else is."""
    free = Q(holder="") | Q(holder=holder) | Q(lease_expires_at=None) | Q(lease_expires_at__lt=Now())
    rows = SlowSource.objects.filter(free, pk=source_id)
    return rows.update(holder=holder, lease_expires_at=Now() + ttl) == 1


def renew_lease(
    *,
    source_id: int,
    holder: str,
    state: str,
    reason: str,
    last_success_at: datetime | None,
    ttl: timedelta = LEASE_TTL,
) -> bool:
    """Go on, and tell how the source is. False when another process asks now."""
    values: dict[str, Any] = {"state": state, "reason": reason, "updated_at": Now(), "lease_expires_at": Now() + ttl}
    if last_success_at is not None:
        values["last_success_at"] = last_success_at
    return SlowSource.objects.filter(pk=source_id, holder=holder).update(**values) == 1


def give_lease_back(*, source_id: int, holder: str) -> None:
    """Stop asking, and say so."""
    SlowSource.objects.filter(pk=source_id, holder=holder).update(
        holder="", lease_expires_at=None, state=State.WAITING, reason="not asked now", updated_at=Now()
    )

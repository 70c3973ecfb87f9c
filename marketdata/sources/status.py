"""How the slow sources are, for pages, REST and the terminal."""

from dataclasses import dataclass
from datetime import datetime

from marketdata.models import SlowSource
from marketdata.sources.health import State


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One slow source. `is_asked` is false while no process asks it, and its state is then "waiting"."""

    name: str
    kind: str
    environment: str
    is_enabled: bool
    is_asked: bool
    state: str
    reason: str
    last_success_at: datetime | None


def source_rows(*, now: datetime) -> list[SourceRow]:
    """All sources by name, in one query."""
    return [_row(row, now) for row in SlowSource.objects.all()]


def _row(row: SlowSource, now: datetime) -> SourceRow:
    is_asked = bool(row.holder) and row.lease_expires_at is not None and row.lease_expires_at > now
    if not row.enabled:
        state, reason = str(State.WAITING), "disabled"
    elif not is_asked and row.state != State.FAILED:
        state, reason = str(State.WAITING), "no process asks it: start `manage.py runfeed`"
    else:
        state, reason = row.state, row.reason
    return SourceRow(
        name=row.name,
        kind=row.kind,
        environment=row.environment,
        is_enabled=row.enabled,
        is_asked=is_asked,
        state=state,
        reason=reason,
        last_success_at=row.last_success_at,
    )

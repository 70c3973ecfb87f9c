"""Slow observations as rows and back: what was stored of funding, open interest, options, sentiment and headlines.

The observations of a source that is simulated, on a testnet or live are stored under different names, and only those
of the environment that the source is in now are read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog
from channels.db import database_sync_to_async
from django.db.models import Max, QuerySet

from marketdata import cache
from marketdata.bulk import upsert
from marketdata.events import Headline
from marketdata.models import Observation
from marketdata.sources.config import foreign_names
from marketdata.sources.keys import observation_key
from marketdata.sources.kinds import KINDS, OBSERVED, SlowEvent, kind_of

log = structlog.get_logger(__name__)

_DELETED_AT_ONCE = 10_000
_NS_PER_DAY = 86_400 * 10**9
# These have columns of their own.
_COLUMNS = frozenset({"exchange", "symbol", "ts_event", "ts_init"})
_FIELDS = ("source", "symbol", "kind", "ts_event", "ts_init", "data")
_STORED = ("source", "symbol", "kind", "key", "ts_event", "ts_init", "data")


def store_observations(events: Iterable[SlowEvent], *, key: str = "") -> None:
    """Insert; what is stored already stays as it was first seen. `key` as in keys.observation_key."""
    rows = [
        (
            event.exchange,
            event.symbol,
            kind_of(event),
            observation_key(event, key),
            event.ts_event,
            event.ts_init,
            {name: getattr(event, name) for name in event.__struct_fields__ if name not in _COLUMNS},
        )
        for event in events
    ]
    upsert(Observation, rows, fields=_STORED)


def load_observations(symbol: str, kinds: Collection[str], start_ns: int, end_ns: int) -> list[SlowEvent]:
    """All with start <= ts_event < end, oldest first. `symbol` is an asset's code, or "CRYPTO" for the market.

    Open interest comes from two series of a source, one of which is in steps of five minutes, both in contracts.
    """
    rows = _rows(symbol, kinds).filter(ts_event__gte=start_ns, ts_event__lt=end_ns)
    return [_event(*values) for values in rows.order_by("ts_event", "pk").values_list(*_FIELDS)]


def latest(symbol: str, kind: str, *, key: str | None = None) -> SlowEvent | None:
    """The newest of a kind, from the cache where it is there. `key`: of this series only (a scope of long_short)."""
    foreign = foreign_names()
    cached = cache.latest_observation(symbol, kind, key or "")
    if isinstance(cached, SlowEvent) and cached.exchange not in foreign:
        return cached
    rows = _rows(symbol, [kind])
    rows = (rows if key is None else rows.filter(key=key)).order_by("-ts_event", "-pk")
    values = rows.values_list(*_FIELDS).first()
    return _event(*values) if values is not None else None


def newest_by_series(source: str) -> dict[tuple[str, str, str], int]:
    """Time of the newest observation of each (symbol, kind, key) of a source, headlines left out."""
    rows = Observation.objects.filter(source=source).exclude(kind=kind_of(Headline))
    found = rows.values_list("symbol", "kind", "key").annotate(newest=Max("ts_event"))
    return {(symbol, kind, key): newest for symbol, kind, key, newest in found}


def headlines_seen(headlines: Sequence[Headline], since_ns: int) -> list[tuple[str, int, int]]:
    """Of the given titles those that are stored and were published since: (key, latest ts_event, latest ts_init)."""
    rows = Observation.objects.filter(
        symbol__in={headline.symbol for headline in headlines},
        kind=kind_of(Headline),
        ts_event__gte=since_ns,
        key__in={observation_key(headline) for headline in headlines},
    )
    return list(
        rows.exclude(source__in=foreign_names()).values_list("key").annotate(at=Max("ts_event"), seen=Max("ts_init"))
    )


def delete_observations(*, now_ns: int, keep_days: int, batch: int = _DELETED_AT_ONCE) -> int:
    """Forget what is older than `keep_days`, 0 for ever, in transactions of `batch` rows. Gives how many went."""
    if keep_days == 0:
        return 0
    before_ns = now_ns - keep_days * _NS_PER_DAY
    total = 0
    while True:
        old = Observation.objects.filter(ts_event__lt=before_ns).order_by().values("pk")[:batch]
        gone = Observation.objects.filter(pk__in=old).delete()[0]
        total += gone
        if gone < batch:
            log.info("retention.pruned", what="observations", rows=total)
            return total


def _rows(symbol: str, kinds: Collection[str]) -> QuerySet[Observation]:
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(
            f"there are no observations of kind {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}"
        )
    return Observation.objects.filter(symbol=symbol, kind__in=list(kinds)).exclude(source__in=foreign_names())


def _event(source: str, symbol: str, kind: str, ts_event: int, ts_init: int, data: Mapping[str, Any]) -> SlowEvent:
    made = OBSERVED[kind]
    known = {name: value for name, value in data.items() if name in made.__struct_fields__}
    return made(exchange=source, symbol=symbol, ts_event=ts_event, ts_init=ts_init, **known)


aload_observations = database_sync_to_async(load_observations, thread_sensitive=False)
alatest = database_sync_to_async(latest, thread_sensitive=False)

"""Keeps what was published for backtests, as Parquet, in the kinds that the settings name."""

import time
from collections.abc import Sequence
from typing import Protocol

import structlog
from django.conf import settings

from marketdata.events import Event

log = structlog.get_logger(__name__)


class Archive(Protocol):
    def append(self, events: Sequence[Event]) -> None:
        """Note what is of a stored kind. Neither blocks nor raises."""

    def close(self) -> None:
        """Write what waits. Blocks for as long as the disk takes."""


class NoArchive:
    """Nothing is kept."""

    def append(self, events: Sequence[Event]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class ParquetArchive:
    """Keeps the kinds of EVENT_STORE_KINDS below EVENT_STORE_DIR."""

    def __init__(self, *, exchange: str) -> None:
        # Parquet's library costs 40 MB: only who stores pays.
        from marketdata.store.layout import KINDS
        from marketdata.store.writer import EventStore

        self._kinds = frozenset(KINDS[kind] for kind in settings.EVENT_STORE_KINDS)
        self._store = EventStore(
            settings.EVENT_STORE_DIR,
            clock_ns=time.time_ns,
            on_problem=lambda text: log.error("[WS] event store", exchange=exchange, message=text),
        )

    def append(self, events: Sequence[Event]) -> None:
        kept = [event for event in events if type(event) in self._kinds]
        if kept:
            self._store.append(kept)

    def close(self) -> None:
        self._store.close()


def open_archive(*, exchange: str, enabled: bool) -> Archive:
    return ParquetArchive(exchange=exchange) if enabled and settings.EVENT_STORE_KINDS else NoArchive()

"""From a log to its stream: what is committed, in order, each row once, from wherever the stream ends."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from bots.integration_streams.fields import Kind, order_fields, signal_fields
from bots.integration_streams.horizon import Horizon
from bots.integration_streams.logs import Log
from bots.integration_streams.stream import NumberedStream

log = structlog.get_logger(__name__)

BATCH = 500
FIELDS: dict[Kind, Callable[[Mapping[str, Any]], dict[str, str]]] = {
    Kind.ORDER: order_fields,
    Kind.SIGNAL: signal_fields,
}


class Publisher:
    """Any number may publish the same log at once: whoever comes second finds that the stream has moved on."""

    def __init__(self, source: Log, stream: NumberedStream) -> None:
        self._log = source
        self._stream = stream
        self._horizon = Horizon()
        self.published = 0

    def step(self) -> int:
        """Publish what comes next, at most a batch; gives how much that was.

        A stream that is gone, or ends beyond what the database has ever held, begins anew with the newest `cap` rows.
        Raises RedisError, OSError, and Django's DatabaseError: then nothing is lost, and the next step goes on.
        """
        last = self._stream.last()
        after = last or self._log.before_newest(self._stream.cap)
        if self._horizon.is_waiting:
            self._horizon.before_reading(self._log.writers())
        rows = self._log.rows(after=after, limit=BATCH)
        if not rows:
            if last > self._log.last_drawn():
                self._begin_anew(last)
            return 0
        if len(rows) == BATCH and (floor := self._log.before_newest(self._stream.cap)) > after:
            # Everything up to there would be trimmed again at once.
            after, rows = floor, self._log.rows(after=floor, limit=BATCH)
        return self._publish(rows, after=after, last=last)

    def _publish(self, rows: list[dict[str, Any]], *, after: int, last: int) -> int:
        ids = [row["id"] for row in rows]
        complete = self._horizon.complete(ids, after=after)
        if complete < len(rows):
            self._horizon.after_reading(ids, self._log.writers())
        entries = [(row["id"], FIELDS[self._log.kind](row)) for row in rows[:complete]]
        if not entries or not self._stream.add(entries, after=last):
            return 0
        if not last and self.published:
            log.warning("integration_streams.refilled", stream=self._stream.name, first=ids[0])
        self.published += len(entries)
        return len(entries)

    def _begin_anew(self, last: int) -> None:
        if self._stream.drop(after=last):
            log.warning(
                "integration_streams.foreign", stream=self._stream.name, last=last,
                why="the stream ends beyond what the database has held: it was another database's, and begins anew",
            )  # fmt: skip

"""One Redis stream whose entries have the ids of rows: read its end, add after it, or not at all."""

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError, WatchError

Entry = tuple[int, Mapping[Any, str]]


class NumberedStream:
    """Holds at least `cap` entries once there are so many, and trims what is older."""

    def __init__(self, connection: Redis, name: str, *, cap: int) -> None:
        self._connection = connection
        self.name = name
        self.cap = cap

    def last(self) -> int:
        """The id of the last entry ever added; 0 for a stream that is empty or gone."""
        return _last(self._connection, self.name)

    def add(self, entries: Sequence[Entry], *, after: int) -> bool:
        """Add all, provided that the stream still ends at `after`; false where somebody added, or Redis lost it."""
        with self._connection.pipeline(transaction=True) as pipeline:
            pipeline.watch(self.name)  # type: ignore[no-untyped-call]
            if _last(pipeline, self.name) != after:
                return False
            pipeline.multi()
            for number, fields in entries:
                pipeline.xadd(self.name, {**fields}, id=f"{number}-0", maxlen=self.cap, approximate=True)
            return _executed(pipeline)

    def drop(self, *, after: int) -> bool:
        """Delete the stream, provided that it still ends at `after`."""
        with self._connection.pipeline(transaction=True) as pipeline:
            pipeline.watch(self.name)  # type: ignore[no-untyped-call]
            if _last(pipeline, self.name) != after:
                return False
            pipeline.multi()
            pipeline.delete(self.name)
            return _executed(pipeline)


def _executed(pipeline: Pipeline) -> bool:
    try:
        pipeline.execute()
    except WatchError:
        return False
    return True


def _last(connection: Any, name: str) -> int:
    try:
        info = connection.xinfo_stream(name)
    except ResponseError as error:
        if "no such key" in str(error).lower():
            return 0
        raise
    last = info["last-generated-id"]
    return int((last.decode() if isinstance(last, bytes) else last).partition("-")[0])

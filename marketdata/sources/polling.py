"""The contract between a source and what runs it: jobs that ask now and then, and what they find."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx

from marketdata.events import Headline
from marketdata.sources.kinds import SlowEvent


class NothingToDo(Exception):
    """There is nothing to ask, or nothing in the answer, and that is nobody's fault; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one request found. `key` names the series where the events do not (see keys.observation_key).

    is_history: of the past, to be stored and not told.
    """

    events: Sequence[SlowEvent]
    key: str = ""
    is_history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to ask every so often, `offset_s` after the full interval, when the venue has its new number.

    `work` raises VenueError's children, MalformedAnswer and NothingToDo. Found events are stored before it goes on.
    fresh_within_s: what it finds should never be older; None where news is rare.
    """

    name: str
    every_s: float
    work: Callable[[], AsyncIterator[Found]]
    offset_s: float = 0.0
    fresh_within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A title that is stored already: when it was published at the latest, and when it was seen at the latest."""

    ts_event: int
    ts_init: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a source works with.

    source: the name that events and stored observations carry. newest: the time of the newest stored observation of
    (symbol, kind, key), 0 when there is none. assets: the base assets that somebody follows. seen: by title, those of
    the given headlines that any source stored, of those that were published since a time.
    """

    source: str
    url: str
    trusted_origin: str
    client: httpx.AsyncClient
    now_ns: Callable[[], int]
    newest: Callable[[str, str, str], int]
    assets: Callable[[], Awaitable[list[str]]]
    seen: Callable[[Sequence[Headline], int], Awaitable[dict[str, Seen]]]

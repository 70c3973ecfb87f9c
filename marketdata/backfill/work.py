"""Fills what is missing, page by page: what is stored stays, whatever ends the work."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from asgiref.sync import sync_to_async

from marketdata.aggregate import aggregate, shorter_timeframes
from marketdata.backfill.check import Refused, check_bars
from marketdata.backfill.rows import store_bars, stored_bars, stored_opens
from marketdata.backfill.spans import Span, find_gaps, joined, length_ns_of
from marketdata.events import Bar, Timeframe
from marketdata.exchanges.adapter import RateLimited, Rest, UnsupportedTimeframe, VenueUnavailable

_PAGE = 1_000
# Bars of the shorter timeframe that are in memory at once.
_BUILT_AT_ONCE = 50_000
_TRIES = 6
_LONGEST_WAIT_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Bars of one timeframe of one symbol. `span` is on the grid of the timeframe."""

    exchange: str
    symbol: str
    venue_symbol: str
    instrument_id: int
    timeframe: Timeframe
    span: Span

    @property
    def length_ns(self) -> int:
        return length_ns_of(self.timeframe)

    def of(self, timeframe: Timeframe, span: Span) -> "Job":
        return Job(
            exchange=self.exchange,
            symbol=self.symbol,
            venue_symbol=self.venue_symbol,
            instrument_id=self.instrument_id,
            timeframe=timeframe,
            span=span,
        )


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a job. `holes`: the venue has no bars there, or not all that a longer one is built from."""

    stored: int = 0
    holes: list[Span] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    built_from: str = ""
    until_ns: int = 0


class Teller(Protocol):
    """Hears how it goes. None of the functions may block."""

    def progress(self, job: Job, *, bars: int, until_ns: int) -> None:
        """So many more bars of the job are settled: stored, or not to be had."""

    def refused(self, job: Job, refused: Sequence[Refused]) -> None: ...

    def holes(self, job: Job, holes: Sequence[Span]) -> None: ...

    def building(self, job: Job, shorter: Timeframe) -> None: ...

    def waiting(self, *, seconds: float, reason: str) -> None: ...


class Patience:
    """Asks a venue until it answers: after its own limit for as long as it wants, after failures a few times more.

    `first_wait_s` is doubled with every failure in a row.
    """

    def __init__(self, teller: Teller, *, first_wait_s: float = 1.0) -> None:
        self._teller = teller
        self._first_wait_s = first_wait_s

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Raises VenueError, VenueUnavailable after the last try."""
        wait_s, tries = self._first_wait_s, 0
        while True:
            try:
                return await question()
            except RateLimited as error:
                self._teller.waiting(seconds=error.retry_after_s, reason=str(error))
                await asyncio.sleep(error.retry_after_s)
            except VenueUnavailable as error:
                tries += 1
                if tries == _TRIES:
                    raise
                self._teller.waiting(seconds=wait_s, reason=str(error))
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


class Backfill:
    """Works off jobs of one venue."""

    def __init__(self, rest: Rest, *, teller: Teller, patience: Patience) -> None:
        self._rest = rest
        self._teller = teller
        self._patience = patience
        # Timeframes that the venue lacks.
        self._lacking: set[Timeframe] = set()

    async def fill(self, job: Job, outcome: Outcome) -> None:
        """Fetch and store what the database lacks of a job; `outcome` is kept up to date.

        Raises VenueError (after several tries where one may help) and Django's database errors; what was stored before
        stays.
        """
        gaps = await self._gaps(job)
        if job.timeframe not in self._lacking:
            try:
                for gap in gaps:
                    await self._fetch(job, gap, outcome)
            except UnsupportedTimeframe:
                self._lacking.add(job.timeframe)
        if gaps and job.timeframe in self._lacking:
            await self._build(job, gaps, outcome)
        outcome.holes = joined(outcome.holes)
        if outcome.holes:
            self._teller.holes(job, outcome.holes)

    async def _gaps(self, job: Job) -> list[Span]:
        opens = await _in_thread(stored_opens, job.instrument_id, job.timeframe, job.span)
        return find_gaps(opens, job.span, job.length_ns)

    async def _fetch(self, job: Job, gap: Span, outcome: Outcome) -> None:
        cursor_ns = gap.start_ns
        while cursor_ns < gap.end_ns:
            rest = Span(start_ns=cursor_ns, end_ns=gap.end_ns)
            wanted = min(_PAGE, rest.bars(job.length_ns))
            bars = await self._ask(job, cursor_ns, wanted)
            checked = check_bars(bars, rest, job.timeframe)
            if checked.good:
                await _whole(_store(job, checked.good, outcome))
                until_ns = checked.good[-1].ts_close
            else:
                until_ns = _after_nothing(bars, cursor_ns + wanted * job.length_ns, gap)
            self._settle(job, Span(start_ns=cursor_ns, end_ns=until_ns), checked.good, checked.forming, outcome)
            if checked.refused:
                outcome.refused += checked.refused
                self._teller.refused(job, checked.refused)
                self._forget_refused(outcome, job, checked.refused)
            cursor_ns = until_ns

    def _settle(self, job: Job, page: Span, good: Sequence[Bar], forming: frozenset[int], outcome: Outcome) -> None:
        """Note what the page left out, and say how far it is."""
        missing = find_gaps([*(bar.ts_open for bar in good), *forming], page, job.length_ns)
        outcome.holes += missing
        outcome.until_ns = page.end_ns
        self._teller.progress(job, bars=page.bars(job.length_ns), until_ns=page.end_ns)

    def _forget_refused(self, outcome: Outcome, job: Job, refused: Sequence[Refused]) -> None:
        """What was sent and refused is not what the venue has not."""
        opens = [item.ts_open for item in refused]
        outcome.holes = [gap for hole in outcome.holes for gap in find_gaps(opens, hole, job.length_ns)]

    async def _build(self, job: Job, gaps: Sequence[Span], outcome: Outcome) -> None:
        for shorter in shorter_timeframes(job.timeframe):
            if shorter in self._lacking:
                continue
            self._teller.building(job, shorter)
            try:
                for gap in gaps:
                    await self._build_from(job, gap, shorter, outcome)
            except UnsupportedTimeframe:
                self._lacking.add(shorter)
                continue
            outcome.built_from = shorter
            return
        raise UnsupportedTimeframe(
            f"{job.exchange} has no bars of {job.timeframe}, nor shorter ones to build them from."
        )

    async def _build_from(self, job: Job, gap: Span, shorter: Timeframe, outcome: Outcome) -> None:
        at_once = max(1, _BUILT_AT_ONCE * length_ns_of(shorter) // job.length_ns) * job.length_ns
        for start_ns in range(gap.start_ns, gap.end_ns, at_once):
            span = Span(start_ns=start_ns, end_ns=min(gap.end_ns, start_ns + at_once))
            parts_job = job.of(shorter, span)
            parts = Outcome()
            for missing in await self._gaps(parts_job):
                await self._fetch(parts_job, missing, parts)
            outcome.refused += parts.refused
            found = await _in_thread(
                stored_bars, job.instrument_id, shorter, span, exchange=job.exchange, symbol=job.symbol
            )
            built = aggregate(found, job.timeframe)
            await _whole(_store(job, built, outcome))
            self._settle(job, span, built, frozenset(), outcome)

    async def _ask(self, job: Job, start_ns: int, limit: int) -> list[Bar]:
        return await self._patience.ask(
            partial(
                self._rest.bars,
                job.venue_symbol,
                symbol=job.symbol,
                timeframe=job.timeframe,
                limit=limit,
                start_ns=start_ns,
            )
        )


def _after_nothing(bars: Sequence[Bar], window_ns: int, gap: Span) -> int:
    """Where to go on when a page had nothing of use: a venue that answers by window may have more after it.

    One that answers with later bars has nothing before them.
    """
    later = [bar.ts_open for bar in bars if bar.ts_open >= window_ns]
    return min([gap.end_ns, min(later, default=window_ns)])


async def _store(job: Job, bars: Sequence[Bar], outcome: Outcome) -> None:
    await _in_thread(store_bars, job.instrument_id, bars)
    outcome.stored += len(bars)


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Do it to its end even when we are stopped meanwhile: what is stored is counted."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error from None
        raise


async def _in_thread(function: Callable[..., T], *args: object, **kwargs: object) -> T:
    return await sync_to_async(function)(*args, **kwargs)

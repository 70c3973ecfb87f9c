"""What `backfill` prints: a progress bar for people, JSON lines for programs."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from marketdata.backfill.check import Refused
from marketdata.backfill.spans import Span, say_span, say_time, total_bars
from marketdata.backfill.work import Job, Outcome
from marketdata.events import Timeframe

_NAMED = 20


class Display:
    """A Teller. Nothing that a venue sent is read as markup."""

    def __init__(self, *, as_json: bool, clock_ns: Callable[[], int]) -> None:
        self._as_json = as_json or not sys.stdout.isatty()
        self._clock_ns = clock_ns
        self._console = Console(markup=False, highlight=False)
        self._progress: Progress | None = None
        self._tasks: dict[tuple[str, Timeframe], TaskID] = {}

    def plan(self, job: Job, gaps: Sequence[Span]) -> None:
        """What of a job is missing, before anything is fetched."""
        missing, wanted = total_bars(gaps, job.length_ns), job.span.bars(job.length_ns)
        if self._as_json:
            self._line("plan", job, **_span(job.span), bars=wanted, missing=missing, gaps=len(gaps))
            return
        state = f"{missing:,} bars missing in {len(gaps)} gap{'s' if len(gaps) > 1 else ''}" if missing else "complete"
        self._console.print(f"{_name(job)}  {say_span(job.span)}: {state} ({wanted:,} bars)")
        if missing:
            if self._progress is None:
                self._progress = Progress(
                    TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                    TextColumn("{task.fields[until]}", markup=False), TimeRemainingColumn(), console=self._console,
                )  # fmt: skip
            self._tasks[_key(job)] = self._progress.add_task(
                _name(job), total=missing, until="", start=False, visible=False
            )

    def gap(self, job: Job, gap: Span) -> None:
        """A gap, where only these were asked for."""
        if self._as_json:
            self._line("gap", job, **_span(gap), bars=gap.bars(job.length_ns))
        else:
            self._console.print(f"    {say_span(gap)} ({gap.bars(job.length_ns):,})")

    def begin(self, job: Job) -> None:
        task = self._tasks.get(_key(job))
        if self._progress is not None and task is not None:
            self._progress.start()
            self._progress.update(task, visible=True)
            self._progress.start_task(task)

    def progress(self, job: Job, *, bars: int, until_ns: int) -> None:
        if self._as_json:
            self._line("progress", job, bars=bars, until=say_time(until_ns))
        elif self._progress is not None and (task := self._tasks.get(_key(job))) is not None:
            self._progress.update(task, advance=bars, until=say_time(until_ns))

    def refused(self, job: Job, refused: Sequence[Refused]) -> None:
        for item in refused[: None if self._as_json else _NAMED]:
            message = f"refused the bar of {say_time(item.ts_open)}: {item.reason}"
            self._say("refused", job, message, ts_open=item.ts_open, reason=item.reason)
        if not self._as_json and len(refused) > _NAMED:
            self._say("refused", job, f"refused {len(refused) - _NAMED} more bars")

    def holes(self, job: Job, holes: Sequence[Span]) -> None:
        for hole in holes:
            bars = hole.bars(job.length_ns)
            self._say("hole", job, f"the venue has no bars {say_span(hole)} ({bars})", **_span(hole), bars=bars)

    def building(self, job: Job, shorter: Timeframe) -> None:
        message = f"the venue has no bars of this length: they are built from complete sets of {shorter}"
        self._say("building", job, message, shorter=shorter)

    def waiting(self, *, seconds: float, reason: str) -> None:
        self._say("waiting", None, f"waiting {seconds:.0f} s: {reason}", seconds=round(seconds, 3))

    def finished(self, job: Job, outcome: Outcome) -> None:
        missing = total_bars(outcome.holes, job.length_ns)
        if not self._as_json and _key(job) not in self._tasks:
            # It was complete, and said so.
            return
        message = f"{outcome.stored:,} bars stored, {missing:,} not to be had, {len(outcome.refused):,} refused"
        self._say(
            "finished", job, message, stored=outcome.stored, missing=missing, refused=len(outcome.refused),
            built_from=outcome.built_from,
        )  # fmt: skip

    def exported(self, job: Job, bars: int, folder: str) -> None:
        self._say("exported", job, f"{bars:,} bars written to {folder}", bars=bars, folder=folder)

    def ended(self, kind: str, message: str) -> None:
        """The last line: done, stopped or failed."""
        self.close()
        if self._as_json:
            self._line(kind, None, message=message)
        else:
            self._console.print(message)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _say(self, event: str, job: Job | None, message: str, **fields: Any) -> None:
        if self._as_json:
            self._line(event, job, message=message, **fields)
        else:
            self._console.print(f"{_name(job)}  {message}" if job else message)

    def _line(self, event: str, job: Job | None, **fields: Any) -> None:
        about = {"exchange": job.exchange, "symbol": job.symbol, "timeframe": job.timeframe} if job else {}
        at = datetime.fromtimestamp(self._clock_ns() // 1_000_000_000, tz=UTC)
        sys.stdout.write(json.dumps({"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "event": event, **about, **fields}) + "\n")
        sys.stdout.flush()


def _name(job: Job) -> str:
    return f"{job.exchange} {job.symbol} {job.timeframe}"


def _key(job: Job) -> tuple[str, Timeframe]:
    return job.symbol, job.timeframe


def _span(span: Span) -> dict[str, str]:
    return {"from": say_time(span.start_ns), "to": say_time(span.end_ns)}

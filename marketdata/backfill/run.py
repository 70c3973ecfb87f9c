"""The backfill command's work, with exit codes that scripts can rely on."""

import asyncio
import difflib
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path

import httpx
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connections

from marketdata.backfill.display import Display
from marketdata.backfill.export import export_bars
from marketdata.backfill.rows import listed_symbols, stored_opens
from marketdata.backfill.spans import Span, find_gaps, length_ns_of, on_grid, say_time
from marketdata.backfill.work import Backfill, Job, Outcome, Patience
from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from marketdata.exchanges.adapter import NotAllowed, Rest, UnknownSymbol, UnsupportedTimeframe, VenueError
from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.config import FeedConfig, FeedConfigError, load_config
from marketdata.feed.rows import write_listings
from marketdata.schema import schema_problem
from marketdata.store.parts import DamagedPart

_TIMEOUT_S = 20.0
_AGAIN = "What was stored stays: run the command again and it goes on from there."


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    BAD_ARGUMENTS = 2
    NOT_ALLOWED = 4
    DATABASE = 5


class BadRequest(ValueError):
    """The arguments make no sense together, or name what there is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to fill. `end_ns` None is now; `parquet` a store to export to. `first_wait_s` before a second try."""

    exchange: str
    symbols: tuple[str, ...]
    timeframes: tuple[Timeframe, ...]
    start_ns: int
    end_ns: int | None = None
    parquet: Path | None = None
    gaps_only: bool = False
    first_wait_s: float = 1.0


@dataclass(slots=True, kw_only=True)
class _Account:
    """What has been done, whatever ends it."""

    work: list[tuple[Job, Outcome]] = field(default_factory=list)
    jobs: int = 0
    finished: int = 0
    stopped_by: int = 0

    def say(self) -> str:
        stored = sum(outcome.stored for _, outcome in self.work)
        missing = sum(hole.bars(job.length_ns) for job, outcome in self.work for hole in outcome.holes)
        refused = sum(len(outcome.refused) for _, outcome in self.work)
        text = f"{stored:,} bars stored, {missing:,} not to be had, {refused:,} refused"
        if self.finished == self.jobs or not self.work:
            return f"{text}."
        job, outcome = self.work[-1]
        until = f", {job.symbol} {job.timeframe} until {say_time(outcome.until_ns)}" if outcome.until_ns else ""
        return f"{text}; {self.finished} of {self.jobs} finished{until}."


def run_backfill(request: Request, *, display: Display, clock_ns: Callable[[], int]) -> int:
    """Do it, and give the exit code: Exit, or 128 + the number of the signal that stopped it."""
    try:
        problem = schema_problem()
        if problem:
            return _refuse(problem, Exit.DATABASE)
        config = load_config(request.exchange)
        return asyncio.run(_run(config, request, display, clock_ns))
    except (FeedConfigError, UnknownAdapter, BadRequest) as error:
        return _refuse(str(error), Exit.BAD_ARGUMENTS)
    except NotAllowed as error:
        return _refuse(f"{error} {_AGAIN}", Exit.NOT_ALLOWED)
    except (UnknownSymbol, UnsupportedTimeframe) as error:
        return _refuse(f"{error}. {_AGAIN}", Exit.BAD_ARGUMENTS)
    except (VenueError, DamagedPart, OSError) as error:
        return _refuse(f"{error}. {_AGAIN}", Exit.FAILED)
    except (DatabaseError, InterfaceError) as error:
        text = str(error).strip().splitlines()
        return _refuse(
            f"The database cannot be used: {text[0] if text else type(error).__name__}. Check DATABASE_URL. {_AGAIN}",
            Exit.DATABASE,
        )
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        display.close()
        connections.close_all()


def _refuse(message: str, code: Exit) -> Exit:
    print(f"backfill: {message}", file=sys.stderr)  # noqa: T201
    return code


async def _run(config: FeedConfig, request: Request, display: Display, clock_ns: Callable[[], int]) -> int:
    account = _Account()
    work = asyncio.ensure_future(_work(config, request, display, account, clock_ns))
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        account.stopped_by = number
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        return await work
    except asyncio.CancelledError:
        if not account.stopped_by:
            raise
        display.ended("stopped", f"Stopped: {account.say()} {_AGAIN}")
        return 128 + account.stopped_by
    finally:
        # The thread in which the ORM is called has a connection of its own.
        await sync_to_async(connections.close_all)()


async def _work(
    config: FeedConfig, request: Request, display: Display, account: _Account, clock_ns: Callable[[], int]
) -> int:
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        rest = config.adapter.rest(
            exchange=config.exchange,
            base_url=config.endpoints.rest_url,
            client=client,
            clock_ns=clock_ns,
            credentials=config.credentials,
        )
        now_ns = clock_ns()
        patience = Patience(display, first_wait_s=request.first_wait_s)
        instruments = await _instruments(config, request.symbols, rest, patience, now_ns)
        jobs = make_jobs(request, instruments, now_ns=now_ns)
        account.jobs = len(jobs)
        for job in jobs:
            await _plan(job, request, display)
        if request.gaps_only:
            return Exit.DONE
        backfill = Backfill(rest, teller=display, patience=patience)
        try:
            await _fill(jobs, backfill, request, display, account, clock_ns)
        except (VenueError, OSError, DatabaseError, InterfaceError, DamagedPart):
            display.ended("failed", f"Not finished: {account.say()}")
            raise
        display.ended("done", f"Done: {account.say()}")
        return Exit.DONE


async def _fill(
    jobs: Sequence[Job],
    backfill: Backfill,
    request: Request,
    display: Display,
    account: _Account,
    clock_ns: Callable[[], int],
) -> None:
    for job in jobs:
        display.begin(job)
        outcome = Outcome()
        account.work.append((job, outcome))
        await backfill.fill(job, outcome)
        account.finished += 1
        display.finished(job, outcome)
        if request.parquet is not None:
            written = await sync_to_async(export_bars)(request.parquet, job, clock_ns=clock_ns)
            display.exported(job, written, str(request.parquet))


async def _plan(job: Job, request: Request, display: Display) -> None:
    opens = await sync_to_async(stored_opens)(job.instrument_id, job.timeframe, job.span)
    gaps = find_gaps(opens, job.span, job.length_ns)
    display.plan(job, gaps)
    if request.gaps_only:
        for gap in gaps:
            display.gap(job, gap)


async def _instruments(
    config: FeedConfig, symbols: Sequence[str], rest: Rest, patience: Patience, now_ns: int
) -> dict[str, tuple[int, str]]:
    """Symbol → (row id, the venue's spelling). Asks the venue only where a symbol is unknown. Raises BadRequest."""
    known = await sync_to_async(listed_symbols)(config.exchange_id)
    if not known.keys() >= set(symbols):
        now = datetime.fromtimestamp(now_ns / 1e9, tz=UTC)
        await sync_to_async(write_listings)(config.exchange_id, await patience.ask(rest.listings), now)
        known = await sync_to_async(listed_symbols)(config.exchange_id)
    unknown = [symbol for symbol in symbols if symbol not in known]
    if unknown:
        raise BadRequest(" ".join(_explain(symbol, config.exchange, list(known)) for symbol in unknown))
    return {symbol: known[symbol] for symbol in symbols}


def _explain(symbol: str, exchange: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(symbol.upper(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"it lists {len(known)}, e.g. {', '.join(known[:3])}."
    return f"{exchange} does not list {symbol}: {hint}"


def make_jobs(request: Request, instruments: dict[str, tuple[int, str]], *, now_ns: int) -> list[Job]:
    """A job for each symbol and timeframe, shorter ones first, of bars that are over by now. Raises BadRequest."""
    end_ns = min(request.end_ns, now_ns) if request.end_ns is not None else now_ns
    if request.start_ns >= end_ns:
        raise BadRequest("--from has to be before --to, and before now.")
    jobs: list[Job] = []
    for symbol in dict.fromkeys(request.symbols):
        instrument_id, venue_symbol = instruments[symbol]
        for timeframe in sorted(set(request.timeframes), key=TIMEFRAME_SECONDS.__getitem__):
            span = on_grid(Span(start_ns=request.start_ns, end_ns=end_ns), length_ns_of(timeframe))
            jobs.append(
                Job(
                    exchange=request.exchange,
                    symbol=symbol,
                    venue_symbol=venue_symbol,
                    instrument_id=instrument_id,
                    timeframe=timeframe,
                    span=span,
                )
            )
    return jobs

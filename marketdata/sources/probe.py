"""Asking a source once, to see whether it answers."""

import asyncio
import time
from collections.abc import Callable, Sequence

import httpx
from asgiref.sync import async_to_sync

from marketdata.events import Headline
from marketdata.exchanges.adapter import VenueError
from marketdata.models import SlowSource
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.catalog import KINDS
from marketdata.sources.config import SourceConfig, source_config
from marketdata.sources.memory import followed_assets
from marketdata.sources.polling import Job, NothingToDo, Seen, Surroundings

_TIMEOUT_S = 10.0
# As if everything until now were stored: no pages of the past.
_RECENT_NS = 600_000_000_000


def probe_source(
    row: SlowSource,
    *,
    now_ns: Callable[[], int] = time.time_ns,  # noqa: TID251 - called by doors
) -> list[tuple[str, int, str]]:
    """Do each job of a source once, nothing is stored. Gives (job, observations found, what went wrong or "")."""
    return async_to_sync(_probe)(source_config(row), now_ns)


async def _probe(config: SourceConfig, now_ns: Callable[[], int]) -> list[tuple[str, int, str]]:
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        around = Surroundings(
            source=config.stored_name,
            url=config.url,
            trusted_origin=config.trusted_origin,
            client=client,
            now_ns=now_ns,
            newest=lambda symbol, kind, key: now_ns() - _RECENT_NS,
            assets=_assets,
            seen=_nothing_seen,
        )
        jobs = KINDS[config.kind].make(around).jobs()
        return list(await asyncio.gather(*(_try(job) for job in jobs)))


async def _try(job: Job) -> tuple[str, int, str]:
    found = 0
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async for answer in job.work():
                found += len(answer.events)
                if answer.is_history:
                    break
    except (VenueError, MalformedAnswer, NothingToDo, TimeoutError) as error:
        return job.name, found, str(error) or f"no answer within {_TIMEOUT_S:.0f} s"
    return job.name, found, ""


async def _assets() -> list[str]:
    return await followed_assets() or ["BTC"]


async def _nothing_seen(headlines: Sequence[Headline], since_ns: int) -> dict[str, Seen]:
    return {}

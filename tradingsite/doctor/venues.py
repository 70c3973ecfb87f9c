"""Checks of the venues: does each enabled one answer, is its clock ours, does it let us in with the keys there are."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from asgiref.sync import async_to_sync
from django.db import Error as DatabaseError

from marketdata.credentials import credential_names
from marketdata.exchanges.adapter import NotAllowed, Rest, VenueError
from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.advice import SOURCE_NOT_ASKED
from marketdata.feed.config import FeedConfig, FeedConfigError, load_config
from marketdata.models import Environment, Exchange
from marketdata.queries import SourceRow, source_rows
from tradingsite.doctor.finding import Finding, failed, fine, warning
from tradingsite.doctor.services import unanswered

TIMEOUT_S = 5.0
CLOCK_GOOD_MS, CLOCK_BAD_MS = 250.0, 500.0
# Asked so often; the quickest answer tells the time best.
ASKS = 2
SOURCE_ADVICE = "Check the network and their addresses in the admin; signals go without them meanwhile."
SOURCE_TROUBLES = ("unreachable", "unreadable", "refused", "stale", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a venue said. `offset_ms`: its clock less ours, told in steps of `step_ms`."""

    offset_ms: float = 0.0
    round_trip_ms: float = 0.0
    step_ms: float = 1.0
    error: str = ""
    denied: str = ""


def check_venues() -> list[Finding]:
    """Each enabled exchange: its answer, its clock, its keys."""
    try:
        codes = list(Exchange.objects.filter(enabled=True).values_list("code", flat=True))
        configs, findings = _load(codes)
    except DatabaseError as error:
        return [unanswered("exchanges", error)]
    if not codes:
        return [warning("exchanges", "none is enabled", "Enable or add one in the admin: nothing is streamed.")]
    answers = async_to_sync(_ask_all)(configs)
    for config, answer in zip(configs, answers, strict=True):
        findings += [venue_finding(config, answer), keys_finding(config, answer)]
        if not answer.error:
            findings.append(clock_finding(config.exchange, answer))
    return findings


def _load(codes: Sequence[str]) -> tuple[list[FeedConfig], list[Finding]]:
    configs, findings = [], []
    for code in codes:
        try:
            configs.append(load_config(code))
        except (FeedConfigError, UnknownAdapter) as error:
            findings.append(failed(f"exchange {code}", str(error), "Correct it in the admin."))
    return configs, findings


def venue_finding(config: FeedConfig, answer: Answer) -> Finding:
    check = f"exchange {config.exchange}"
    where = f"{config.environment}, {_origin(config.endpoints.rest_url)}"
    if not answer.error:
        return fine(check, f"{where} answers in {answer.round_trip_ms:.0f} ms")
    if config.environment == Environment.SIMULATED:
        return failed(check, f"{where}: {answer.error}", "Run `make run` or `manage.py runexchange`, or disable it.")
    return failed(
        check,
        f"{where}: {answer.error}",
        "Check the network, the addresses in the admin and the venue's status page; disable it if it is not needed.",
    )


def clock_finding(exchange: str, answer: Answer) -> Finding:
    """Orders and ages compare the two clocks: beyond half a second venues refuse orders."""
    check = f"clock {exchange}"
    # A slow or coarse answer tells little: what may be due to that is not held against the clock.
    doubt_ms = (answer.round_trip_ms + answer.step_ms) / 2
    text = f"{answer.offset_ms:+.0f} ms from ours, give or take {doubt_ms:.0f} ms"
    certain_ms = max(0.0, abs(answer.offset_ms) - doubt_ms)
    if certain_ms > CLOCK_BAD_MS:
        return failed(check, text, "Set this machine's clock by NTP (`timedatectl set-ntp true`).")
    if certain_ms > CLOCK_GOOD_MS:
        return warning(check, text, "Set this machine's clock by NTP before it is off by half a second.")
    return fine(check, text)


def keys_finding(config: FeedConfig, answer: Answer) -> Finding:
    """Which are set, by name; their values are shown nowhere."""
    check = f"keys {config.exchange}"
    names = credential_names(config.exchange, config.adapter.name)
    text = f"set: {', '.join(names)}" if names else "none set; public data needs none"
    if answer.denied:
        prefix = re.sub(r"[^A-Z0-9]+", "_", config.adapter.name.upper())
        return failed(
            check,
            f"{text}; the venue does not let us in: {answer.denied}",
            f"Set or renew {prefix}_API_KEY, _API_SECRET or {prefix}_ACCESS_TOKEN where the feed runs.",
        )
    return fine(check, text)


def check_slow_sources() -> list[Finding]:
    """In what trouble they are, and which nobody asks now, with the age of their last answer."""
    try:
        rows = source_rows(now=datetime.now(UTC))
    except DatabaseError as error:
        return [unanswered("slow sources", error)]
    if not rows:
        return [fine("slow sources", "none is enabled")]
    findings = [
        warning(f"source {row.name}", f"{row.state}: {row.reason}", SOURCE_ADVICE)
        for row in rows
        if row.is_asked and row.state in SOURCE_TROUBLES
    ]
    idle = [f"{row.name} ({_last_answer(row)})" for row in rows if not row.is_asked]
    if idle:
        findings.append(warning("slow sources", f"not asked: {', '.join(idle)}", SOURCE_NOT_ASKED))
    return findings or [fine("slow sources", f"{len(rows)} enabled, none in trouble")]


def _last_answer(row: SourceRow) -> str:
    return "never answered" if row.answer_age_s is None else f"last answer {_span(row.answer_age_s)} ago"


def _span(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 129_600 else f"{seconds / 86_400:.0f} days"


async def _ask_all(configs: Sequence[FeedConfig]) -> list[Answer]:
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        return list(await asyncio.gather(*(_ask(config, client) for config in configs)))


async def _ask(config: FeedConfig, client: httpx.AsyncClient) -> Answer:
    rest = config.adapter.rest(
        exchange=config.exchange,
        base_url=config.endpoints.rest_url,
        client=client,
        clock_ns=time.time_ns,
        credentials=config.credentials,
    )
    try:
        async with asyncio.timeout(2 * TIMEOUT_S):
            measured = [await _measure(rest) for _ in range(ASKS)]
    except NotAllowed as error:
        return Answer(error="it answers, but refuses us", denied=str(error))
    except (VenueError, TimeoutError) as error:
        return Answer(error=str(error) or f"no answer within {2 * TIMEOUT_S:.0f} s")
    offset_ms, round_trip_ms = min(measured, key=lambda pair: pair[1])
    return Answer(
        offset_ms=offset_ms,
        round_trip_ms=round_trip_ms,
        step_ms=config.adapter.server_time_step_ms,
        denied=await _refusal(config, rest),
    )


async def _measure(rest: Rest) -> tuple[float, float]:
    """The venue's clock less ours (0 where it tells no time), and how long the answer took, in ms."""
    before_ns = time.time_ns()
    theirs_ns = await rest.server_time_ns()
    after_ns = time.time_ns()
    middle_ns = (before_ns + after_ns) / 2
    return ((theirs_ns or middle_ns) - middle_ns) / 1e6, (after_ns - before_ns) / 1e6


async def _refusal(config: FeedConfig, rest: Rest) -> str:
    """Why no socket is to be had, as far as asking for its address tells."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await rest.socket_url(config.endpoints.websocket_url, route="")
    except NotAllowed as error:
        return str(error)
    except (VenueError, TimeoutError):
        return ""
    return ""


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])

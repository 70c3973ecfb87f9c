"""Look at everything about a bot before it trades, and keep what was seen."""

import time
from datetime import datetime, timedelta

import msgspec
import structlog

from bots.credentials.ask import ask_about, note_answers
from bots.models import Bot, PreflightRun, User
from bots.preflight.checks import examine
from bots.preflight.gather import gather, is_at_venue
from bots.preflight.prices import prices_streamed
from bots.preflight.result import Level

log = structlog.get_logger(__name__)

PATIENCE_S = 15.0


def run_preflight(*, bot: Bot, actor: User | None, now: datetime, patience_s: float = PATIENCE_S) -> PreflightRun:
    """Examine a bot and store the run. Speaks to the venue: seconds, so never inside a transaction that holds locks.

    patience_s: how long a running feed is given to bring prices of a watchlist that nobody watched until now.
    """
    began_s = time.monotonic()
    at_venue = is_at_venue(bot)
    answers = ask_about(bot.account) if at_venue else None
    if answers is not None:
        note_answers(bot.account, answers, now=now)
    with prices_streamed(bot, patience_s=patience_s if at_venue else 0.0):
        seen_at = now + timedelta(seconds=time.monotonic() - began_s)
        results = examine(gather(bot, answers, now=seen_at))
    run: PreflightRun = PreflightRun.objects.create(
        bot=bot,
        account=bot.account,
        mode=bot.account.mode,
        bot_version=bot.version,
        passed=all(result.level is not Level.FAILED for result in results),
        results=msgspec.to_builtins(results),
        asked_by=actor,
        at=now,
    )
    log.info(
        "preflight.run", bot_id=bot.pk, mode=run.mode, passed=run.passed, failed=[row["name"] for row in run.failures]
    )
    return run

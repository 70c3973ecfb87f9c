"""The replay command's work: find the bots, play, and say what went wrong in a sentence."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from bots.replay.cast import CannotReplay, find_bots
from bots.replay.session import ReplayReport, replay_session
from marketdata.models import Instrument
from marketdata.replay import CaptureCut, MalformedCapture


def run_replay(
    path: Path, *, symbol: str, names: Sequence[str], clock: Callable[[], datetime]
) -> tuple[ReplayReport | None, int, str]:
    """(report, exit code, problem)."""
    try:
        bots = find_bots(names)
        if len({bot.account.exchange_id for bot in bots}) > 1:
            raise CannotReplay("The bots are on different exchanges; replay them one exchange at a time.")
        instrument = Instrument.objects.filter(exchange=bots[0].account.exchange, symbol=symbol).first()
        if instrument is None:
            raise CannotReplay(f"{symbol} is not an instrument of {bots[0].account.exchange}: add it in the admin.")
        report = asyncio.run(
            replay_session(path, bots=bots, symbol=symbol, venue_symbol=instrument.venue_symbol, clock=clock)
        )
    except (CannotReplay, FileNotFoundError) as error:
        return None, 2, str(error)
    except (CaptureCut, MalformedCapture) as error:
        return None, 6, str(error)
    return report, 0, ""

"""Running one drill: on the simulated exchange only, and never where real money is."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
from django.conf import settings

from bots.drills.catalog import DRILLS
from bots.drills.records import CannotDrill, Drill, Moment, NotSeen, Stage, Told
from bots.models import Account, Bot, BotState, Mode

PROCESSES_FILE = "processes.json"
EVERY_S = 0.2
TIMEOUT_S = 10.0


def run_drill(name: str, *, told: Callable[[str], None]) -> Told:
    """Break something and tell what happened, as it happens. Raises CannotDrill, KeyError for an unknown name."""
    drill = DRILLS[name]
    refuse_real_money()
    began_s = time.monotonic()
    moments: list[Moment] = []

    def say(text: str) -> None:
        moments.append(Moment(at_s=round(time.monotonic() - began_s, 1), text=text))
        told(f"{moments[-1].at_s:6.1f} s  {text}")

    problems = _act(drill, Stage(say=say, wait=wait, fault=switch_fault, engine_pid=engine_pid))
    return Told(drill=name, expected=drill.expected, moments=tuple(moments), problems=problems)


def _act(drill: Drill, stage: Stage) -> tuple[str, ...]:
    try:
        drill.act(stage)
    except NotSeen as missing:
        return (str(missing),)
    return ()


def refuse_real_money() -> None:
    """Raises CannotDrill where a live account has a bot that trades, or could."""
    live = Account.objects.filter(mode=Mode.LIVE, bots__in=Bot.objects.exclude(state=BotState.STOPPED)).first()
    if live is not None:
        raise CannotDrill(f"{live.name} is a live account with bots that trade: drills are for installations without.")


def wait(happened: Callable[[], bool], what: str, limit_s: float) -> float:
    """Seconds until it was true. Raises NotSeen."""
    began_s = time.monotonic()
    while not happened():
        if time.monotonic() - began_s > limit_s:
            raise NotSeen(f"not within {limit_s:.0f} s: {what}")
        time.sleep(EVERY_S)
    return time.monotonic() - began_s


def switch_fault(name: str, **fields: Any) -> None:
    """Raises CannotDrill where the simulated exchange does not answer or does not know the fault."""
    url = f"{settings.SIMULATOR_URL.rstrip('/')}/sim/faults"
    try:
        answer = httpx.post(url, json={"name": name, **fields}, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        raise CannotDrill(f"the simulated exchange does not answer at {settings.SIMULATOR_URL}: {error}") from None
    if answer.status_code != httpx.codes.OK:
        raise CannotDrill(f"the simulated exchange refuses the fault {name}: {answer.text}")


def engine_pid() -> int:
    """The engine that `make run` started. Raises CannotDrill."""
    path = Path(settings.LOCAL_DIR) / PROCESSES_FILE
    try:
        pid = int(json.loads(path.read_text())["children"]["engine"])
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise CannotDrill(f"no engine was started here by `make run` ({path}: {type(error).__name__}).") from None
    if not psutil.pid_exists(pid) or "runbots" not in " ".join(psutil.Process(pid).cmdline()):
        raise CannotDrill(f"process {pid} is no engine any more: look at `manage.py status`.")
    return pid

"""Run scenarios with ever new seeds for so many minutes, on servers of their own; remember them in .local/chaos.json.

The exit code is 1 when something was wrong: what, and how to repeat it, is printed.
"""

import argparse
import asyncio
import importlib
import os
import signal
import sys
import tempfile
import time
import traceback
from itertools import chain, cycle
from pathlib import Path

from tests.chaos.ledger import Ledger
from tests.chaos.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / ".local" / "chaos.json"
# In turn, with their seconds; the soak comes first and takes half of the time.
ROUND = {"crashes": 120, "engine_kills": 180, "fault_pairs": 120, "leaders": 60, "redis_away": 120, "storm": 60}
SOAK = "soak"
_SHORTEST_SOAK_S = 45


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long, about (10)")
    parser.add_argument("--seed", default="", metavar="SCENARIO:SEED:SECONDS", help="repeat this one only")
    parser.add_argument("--only", choices=[SOAK, *ROUND], action="append", help="of these scenarios; may be repeated")
    arguments = parser.parse_args()
    # A stopped run ends its servers and processes too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    from tradingsite.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="tradingsite-chaos-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), durable=False)
        servers.start()
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "LOCAL_DIR": folder,
                "SECRET_KEY": "chaos-only-" * 6,
                "STATIC_HASHED": "false",
                "LOG_FILES": "false",
                "DEBUG": "false",
                "SITE_URL": "http://localhost:8000",
            }
            return run_all(arguments)
        finally:
            servers.stop()


def run_all(arguments: argparse.Namespace) -> int:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if arguments.seed:
        scenario, seed, seconds = arguments.seed.split(":")
        return 0 if run_one(scenario, int(seed), float(seconds)).is_ok else 1
    ledger = Ledger.load(LEDGER)
    ends_s = time.monotonic() + arguments.minutes * 60
    wanted = arguments.only or [SOAK, *ROUND]
    soak_s = max(_SHORTEST_SOAK_S, arguments.minutes * 60 / (2 if len(wanted) > 1 else 1))
    once = [(SOAK, soak_s)] if SOAK in wanted else []
    again = [(name, seconds) for name, seconds in ROUND.items() if name in wanted]
    runs = failed = 0
    for name, seconds in chain(once, cycle(again)):
        if runs and time.monotonic() > ends_s:
            break
        outcome = run_one(name, seed := ledger.take_seed(), seconds)
        ledger.add(outcome, seconds=seconds, repeat=repeat(name, seed, seconds))
        runs += 1
        failed += not outcome.is_ok
    say(f"{runs} runs, {failed} failed; the next seed is {ledger.next_seed}; all so far: {ledger.totals}")
    return 1 if failed else 0


def repeat(scenario: str, seed: int, seconds: float) -> str:
    return f"make chaos SEED={scenario}:{seed}:{seconds:g}"


def run_one(scenario: str, seed: int, seconds: float) -> Outcome:
    """A scenario on an empty database and an empty Redis; what it raises is a problem like others."""
    import redis
    from django.core.management import call_command

    call_command("flush", interactive=False, verbosity=0)
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as connection:
        connection.flushdb()
    say(f"{scenario}, seed {seed}, {seconds:g} s …")
    module = importlib.import_module(f"tests.chaos.{scenario}")
    try:
        outcome: Outcome = asyncio.run(module.run(seed, seconds))
    except Exception:  # noqa: BLE001 - whatever it is, it is what chaos looks for
        outcome = Outcome(scenario=scenario, seed=seed, problems=[traceback.format_exc()])
    say(f"  counts {dict(outcome.counts)}")
    say(f"  figures {outcome.figures}")
    for problem in outcome.problems:
        say(f"  WRONG: {problem}")
    if not outcome.is_ok:
        say(f"  to repeat it: {repeat(scenario, seed, seconds)}")
    return outcome


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

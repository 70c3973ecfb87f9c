"""Which processes make up an installation on one machine."""

import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

MANAGE = "manage.py"
# Migrations and long jobs may take what they need.
NO_STATEMENT_TIMEOUT = {"DATABASE_STATEMENT_TIMEOUT_S": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to keep running."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def exchange(*, port: int, local_dir: Path) -> Child:
    """The simulated exchange. The others connect to it, so it starts before them and stops after them."""
    ledger = str(local_dir / "exchange")
    return Child(name="exchange", command=python(MANAGE, "runexchange", "--port", str(port), "--ledger", ledger))


def plan(*, host: str, port: int) -> tuple[Child, ...]:
    """Everything but the exchange."""
    # A name of this run alone: the supervisor starts the next engine only when it has seen the last one end.
    engine = f"local-{secrets.token_hex(4)}"
    return (
        Child(
            name="web",
            command=python(
                "-m",
                "daphne",
                "-v",
                "0",
                "-b",
                host,
                "-p",
                str(port),
                "--no-server-name",
                "tradingsite.asgi:application",
            ),
            env={"DATABASE_POOL_MAX": "10"},
        ),
        Child(name="feed", command=python(MANAGE, "runfeed")),
        Child(name="engine", command=python(MANAGE, "runbots", "--engine-id", engine, "--inherit")),
        Child(name="streams", command=python(MANAGE, "runstreams")),
        Child(name="monitor", command=worker("monitor")),
        Child(name="jobs", command=worker("jobs"), env=NO_STATEMENT_TIMEOUT),
        Child(name="beat", command=celery("beat", "--pidfile=")),
    )


def worker(queue: str) -> tuple[str, ...]:
    """One process a queue: long jobs never stand before the monitor."""
    # No gossip, mingle or heartbeat: nobody listens to them, and each costs messages.
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    pool = ("--pool", "solo") if queue == "monitor" else ("--pool", "prefork", "--concurrency", "1")
    return celery("worker", "-Q", queue, "-n", f"{queue}@%h", "--prefetch-multiplier", "1", *pool, *quiet)


def celery(*arguments: str) -> tuple[str, ...]:
    return python("-m", "celery", "--quiet", "-A", "tradingsite", *arguments)

"""Logs: lines a person can read on the console, the same events as JSON in rotated files beside them."""

import os
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

FILE_BYTES_MAX = 10_000_000
FILES_KEPT = 5
SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]

# Libraries put addresses and answers of venues into their errors, signatures and keys among them.
# Between name and value: quotes, escaped ones of JSON in JSON, and the console's colours.
_BETWEEN = r"""(?:\x1b\[[\d;]*m|\\?["'])*"""
SECRETS = re.compile(
    rf"""(?P<name>(?:api[-_]?(?:key|secret|sign)|secret|passphrase|password|signature|access[-_](?:token|sign)|private[-_]?key
    |authorization)\b{_BETWEEN}\s*[:=]\s*{_BETWEEN})(?:(?:bearer|token|basic)\s+)?[^\s"'&,;)}}\]\\\x1b]+""",
    re.IGNORECASE | re.VERBOSE,
)


def logging_config(*, level: str, folder: Path | None) -> dict[str, Any]:
    """Set structlog up and give Django's LOGGING. folder: where the JSON files go; None writes none."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handlers: dict[str, Any] = {"console": {"class": "logging.StreamHandler", "formatter": "readable"}}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        handlers["file"] = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": str(folder / f"{process_name()}.jsonl"),
            "maxBytes": FILE_BYTES_MAX,
            "backupCount": FILES_KEPT,
            "delay": True,
            "formatter": "json",
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "readable": formatter(
                for_people,
                structlog.dev.ConsoleRenderer(
                    colors=colours(),
                    pad_event_to=0,
                    pad_level=False,
                    # With the values of variables a traceback is hundreds of lines, passwords and tokens among them.
                    exception_formatter=structlog.dev.plain_traceback,
                ),
            ),
            "json": formatter(structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)),
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        # Libraries that tell every request or connection at INFO; django.server's own handler would print twice.
        "loggers": {name: {"level": "WARNING"} for name in QUIET}
        # While Redis is away this one prints a traceback a second; feed, engine and hub say it in a line.
        | {"channels_redis.pubsub": {"level": "CRITICAL"}}
        | {"django.server": {"handlers": [], "propagate": True}},
    }


QUIET = (
    "httpx", "httpcore", "websockets", "daphne", "twisted", "asyncio", "ccxt", "axes",
    "celery.beat", "celery.worker.strategy", "celery.app.trace",
)  # fmt: skip


def formatter(*renderers: Any) -> dict[str, Any]:
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED_PROCESSORS,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers, without_secrets],
    }


def without_secrets(_: Any, __: str, line: str) -> str:
    """A finished line, its traceback included, with what follows the name of a secret left out."""
    return SECRETS.sub(r"\g<name>…", line)


def for_people(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """On the console the time of day in UTC is enough; date and logger stand in the JSON beside it."""
    event["timestamp"] = event["timestamp"][11:23]
    event.pop("logger", None)
    return event


def process_name() -> str:
    """PROCESS_NAME, which the supervisor sets, else the program or management command.

    One file has one writer: rotation by two processes loses lines.
    """
    if name := os.environ.get("PROCESS_NAME", "").strip():
        return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    program = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else "python"
    if program == "manage" and len(sys.argv) > 1 and sys.argv[1].isalnum():
        return sys.argv[1]
    return program


def colours() -> bool:
    return "NO_COLOR" not in os.environ and ("FORCE_COLOR" in os.environ or sys.stderr.isatty())

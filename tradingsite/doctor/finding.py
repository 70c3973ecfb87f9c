from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check saw, and what to do about it."""

    check: str
    level: Level
    message: str
    advice: str = ""


def fine(check: str, message: str) -> Finding:
    return Finding(check=check, level=Level.OK, message=message)


def warning(check: str, message: str, advice: str) -> Finding:
    return Finding(check=check, level=Level.WARNING, message=message, advice=advice)


def failed(check: str, message: str, advice: str) -> Finding:
    return Finding(check=check, level=Level.FAILED, message=message, advice=advice)

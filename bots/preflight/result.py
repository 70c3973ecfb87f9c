"""What a check says."""

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Result(Struct, frozen=True, kw_only=True):
    """One check: what was seen, and what to do about it where it is not well."""

    name: str
    level: Level
    seen: str
    advice: str = ""


def ok(name: str, seen: str) -> Result:
    return Result(name=name, level=Level.OK, seen=seen)


def warning(name: str, seen: str, advice: str) -> Result:
    return Result(name=name, level=Level.WARNING, seen=seen, advice=advice)


def failed(name: str, seen: str, advice: str) -> Result:
    return Result(name=name, level=Level.FAILED, seen=seen, advice=advice)

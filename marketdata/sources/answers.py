"""Reading answers of sources: whatever is wrong with one is a MalformedAnswer, and no number is invented."""

import math
from typing import Any

import msgspec

_EXCERPT_BYTES = 80


class MalformedAnswer(ValueError):
    """An answer that is not what the source documents."""


def decode(body: bytes, kind: Any) -> Any:
    """Read JSON, in which numbers may come as strings. Raises MalformedAnswer."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        excerpt = body[:_EXCERPT_BYTES].decode("utf-8", "replace")
        raise MalformedAnswer(f"{error}, in {len(body)} bytes that begin {excerpt!r}") from None


def positive(name: str, value: float) -> float:
    """The value, when it is a finite number above zero. Raises MalformedAnswer."""
    if not (math.isfinite(value) and value > 0):
        raise MalformedAnswer(f"{name} is {value!r}")
    return value


def not_negative(name: str, value: float) -> float:
    """The value, when it is a finite number, zero or above. Raises MalformedAnswer."""
    if not (math.isfinite(value) and value >= 0):
        raise MalformedAnswer(f"{name} is {value!r}")
    return value


def finite(name: str, value: float) -> float:
    """The value, when it is a finite number. Raises MalformedAnswer."""
    if not math.isfinite(value):
        raise MalformedAnswer(f"{name} is {value!r}")
    return value


def time_ns(name: str, value_ms: int) -> int:
    """Nanoseconds of a time in milliseconds between 2010 and 2100. Raises MalformedAnswer."""
    if not 1_262_304_000_000 <= value_ms <= 4_102_444_800_000:
        raise MalformedAnswer(f"{name} is {value_ms!r}, which is no time in milliseconds")
    return value_ms * 1_000_000

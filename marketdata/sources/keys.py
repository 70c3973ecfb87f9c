"""What tells observations of one kind, asset and time apart, and how headlines are told to be the same."""

import hashlib
import re

from marketdata.events import Headline, Liquidation, LongShort, Premium
from marketdata.sources.kinds import SlowEvent

# Beside the perpetual's premium: that of the future of this quarter.
DATED = "dated"

_NO_WORD = re.compile(r"[\W_]+")


def title_key(title: str) -> str:
    """The same for titles that differ in case, spaces or punctuation only."""
    words = _NO_WORD.sub(" ", title.casefold()).strip()
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def observation_key(event: SlowEvent, default: str = "") -> str:
    """`default` is for kinds of which a source has several series that look the same."""
    match event:
        case LongShort():
            return event.scope
        case Premium():
            return DATED if event.expiry else ""
        case Headline():
            return title_key(event.title)
        case Liquidation():
            # Many in a millisecond of a crash; the same order is told once.
            return f"{event.side} {event.size:g} at {event.price:g}"
        case _:
            return default

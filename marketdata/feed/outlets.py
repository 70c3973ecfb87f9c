"""Where the results of a feed go."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from marketdata.events import Bar, Event, Liquidation, Timeframe
from marketdata.feed.tape import NoTape, Tape


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """publish(symbol, events); note(kind, message, symbol); keep_bar(symbol, bar); keep_liquidation(event);
    history_kept(symbol, timeframe) when all fetched bars of a timeframe were given to keep_bar; fail(error) ends the
    feed; pace() waits while there is more to publish than may be kept; tape hears what a recorder needs.
    """

    publish: Callable[[str, Sequence[Event]], None]
    note: Callable[[str, str, str], None]
    keep_bar: Callable[[str, Bar], None]
    keep_liquidation: Callable[[Liquidation], None]
    history_kept: Callable[[str, Timeframe], None]
    fail: Callable[[BaseException], None]
    pace: Callable[[], Awaitable[None]]
    tape: Tape = field(default_factory=NoTape)

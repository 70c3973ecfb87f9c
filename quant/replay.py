"""Signals over a history: the very code that runs live, event by event, so that both give the same bits."""

from collections.abc import Iterable, Iterator

from marketdata.events import Bar, Event, Timeframe
from quant.features.microprice import MicropriceTable
from quant.symbol_signals import SymbolSignals
from quant.vector import SignalVector


def known_at(event: Event) -> int:
    """When an event was known: a closed bar at its end, everything else on receipt."""
    if isinstance(event, Bar):
        return event.ts_close if event.closed else event.ts_open
    return event.ts_init


def replay_events(
    events: Iterable[Event],
    *,
    exchange: str,
    symbol: str,
    timeframes: tuple[Timeframe, ...] = ("1m",),
    start: Iterable[Event] = (),
    microprice: MicropriceTable | None = None,
) -> Iterator[SignalVector]:
    """All signals after each event, at the moment it was known.

    `start` is what was there before, as a live engine begins with it: closed bars, and slow observations. `events`
    come in the order in which they were received.
    """
    signals = SymbolSignals(exchange=exchange, symbol=symbol, timeframes=timeframes)
    signals.set_microprice(microprice)
    before = tuple(start)
    signals.load_observations(before)
    signals.warm_up(event for event in before if isinstance(event, Bar))
    for event in events:
        signals.update(event)
        yield signals.read(now_ns=known_at(event))

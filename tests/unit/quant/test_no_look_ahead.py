"""What comes later changes nothing of what was said before: for every signal there is, also those yet to be written."""

import math
import pkgutil
from dataclasses import fields
from typing import ClassVar

import numpy as np
import pytest
from msgspec import structs

import quant.signals
from marketdata.events import Bar, Event, QuoteTick, Timeframe
from quant.features.microprice import BINS, MicropriceTable
from quant.reading import BUILT_IN, Component
from quant.replay import known_at, replay_events
from quant.signals.speed import Speed
from quant.symbol_signals import SymbolSignals
from quant.vector import SignalVector
from tests.unit.quant.market import IDS, SECOND, START, bar, session, walk
from tests.unit.quant.slow_market import everything

TIMEFRAMES: tuple[Timeframe, ...] = ("1m", "5m")
# Votes of learned models come from outside, after all others.
COLUMNS = [c for c in SymbolSignals(**IDS, timeframes=TIMEFRAMES).columns if c.component in BUILT_IN]
BARS = 318
NOW = START + BARS * 60 * SECOND
FIRST = 100


def scene() -> tuple[list[Event], list[Event]]:
    """What was there before, and then minutes of ticks, bars that close, and every kind of slow observation."""
    bars = scaled(walk(BARS + 3, seed=4), price=100.0)
    fives = [bar(i, 100.0 + math.sin(i / 5), open_=100.0 + math.sin((i - 1) / 5), timeframe="5m") for i in range(80)]
    slow = everything(35, end=NOW + 200 * SECOND)
    before = [*bars[:BARS], *(b for b in fives if b.ts_close <= NOW), *(e for e in slow if e.ts_init < NOW)]
    ticks = session(150, start=NOW, price=100.0)
    after = [*ticks, *bars[BARS:], *(b for b in fives if b.ts_close > NOW), *(e for e in slow if e.ts_init >= NOW)]
    return before, sorted((e for e in after if known_at(e) <= NOW + 150 * SECOND), key=known_at)


def scaled(bars: list[Bar], *, price: float) -> list[Bar]:
    """So that they end at `price`."""
    scale = price / bars[-1].close
    return [
        structs.replace(b, open=b.open * scale, high=b.high * scale, low=b.low * scale, close=b.close * scale)
        for b in bars
    ]


@pytest.fixture(scope="module")
def table():
    return MicropriceTable(
        tick=0.01, bins=BINS, adjustments=(tuple(np.linspace(-0.45, 0.45, BINS).tolist()),) * 2, n_quotes=1000
    )


@pytest.fixture(scope="module")
def replayed(table) -> tuple[list[Event], list[Event], list[SignalVector]]:
    before, events = scene()
    return before, events, list(replay_events(events, **IDS, timeframes=TIMEFRAMES, start=before, microprice=table))


@pytest.mark.parametrize("place", range(len(COLUMNS)), ids=[column.name for column in COLUMNS])
def test_every_signal_speaks_in_the_scene(replayed, place):
    values = [vector.values[place] for vector in replayed[2]]
    assert not math.isnan(values[-1])
    assert len(set(values)) > 1


@pytest.mark.parametrize("place", range(len(COLUMNS)), ids=[column.name for column in COLUMNS])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_without_the_future_every_signal_says_the_same(replayed, table, place, share):
    before, events, whole = replayed
    cut = int(len(events) * share)
    short = list(replay_events(events[:cut], **IDS, timeframes=TIMEFRAMES, start=before, microprice=table))
    assert said(short, place) == said(whole[:cut], place)


def said(vectors: list[SignalVector], place: int) -> list[object]:
    return [(vector.readings[place], vector.quality[place]) for vector in vectors]


def surroundings(vector: SignalVector) -> dict[str, object]:
    """All that a vector says besides signals: the regime, prices, volatility, what blocks and sizes."""
    arrays = {"columns", "readings", "exists", "values", "quality"}
    return {field.name: getattr(vector, field.name) for field in fields(vector) if field.name not in arrays}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_without_the_future_everything_else_is_the_same(replayed, table, share):
    before, events, whole = replayed
    cut = int(len(events) * share)
    short = list(replay_events(events[:cut], **IDS, timeframes=TIMEFRAMES, start=before, microprice=table))
    assert [surroundings(v) for v in short] == [surroundings(v) for v in whole[:cut]]
    assert {state.phase for state in whole[-1].regimes.values()}


class Prophet(Speed):
    """A signal that knows the price after the next one, as one that uses a swing before it is confirmed does."""

    future: ClassVar[list[float]] = []

    def __init__(self, **options: bool) -> None:
        super().__init__(**options)
        self._calls = 0

    def on_mid(self, ts_ns: int, mid: float) -> bool:
        self._calls += 1
        return super().on_mid(ts_ns, self.future[min(self._calls, len(self.future) - 1)])


def test_a_signal_that_looks_ahead_is_found_out(monkeypatch, replayed, table):
    before, events, _ = replayed
    monkeypatch.setattr("quant.symbol_signals.Speed", Prophet)
    place = [column.component for column in COLUMNS].index(Component.SPEED)

    def replay(some: list[Event]) -> list[SignalVector]:
        Prophet.future = [(e.bid + e.ask) / 2 for e in some if isinstance(e, QuoteTick)]
        return list(replay_events(some, **IDS, timeframes=TIMEFRAMES, start=before, microprice=table))

    cut = len(events) // 2
    assert said(replay(events[:cut]), place) != said(replay(events)[:cut], place)


def test_no_reading_is_newer_than_its_moment(replayed):
    for vector in replayed[2]:
        assert all(reading.as_of <= vector.now_ns for reading in vector.readings)


def test_replay_equals_live_bit_for_bit(replayed, table):
    """Live reads only now and then; what is said then is what a replay says after the same event."""
    before, events, whole = replayed
    live = SymbolSignals(**IDS, timeframes=TIMEFRAMES)
    live.set_microprice(table)
    live.load_observations(before)
    live.warm_up(e for e in before if not hasattr(e, "ts_init"))
    for i, event in enumerate(events):
        live.update(event)
        if i % 37 == 0:
            vector = live.read(now_ns=known_at(event))
            assert vector.readings == whole[i].readings
            assert vector.values.tobytes() == whole[i].values.tobytes()
            assert vector.quality.tobytes() == whole[i].quality.tobytes()


def test_every_file_of_a_signal_is_a_component():
    files = {module.name for module in pkgutil.iter_modules(quant.signals.__path__)}
    assert files == {component.value for component in BUILT_IN} == {column.component.value for column in COLUMNS}


def test_walks_too_have_no_future():
    bars = walk(400)
    whole = list(replay_events(bars, **IDS))
    for n in (60, 222, 333):
        assert list(replay_events(bars[:n], **IDS))[-1].readings == whole[n - 1].readings

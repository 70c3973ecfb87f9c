"""On every recording of ticks, through parser and checks: what a replay says is what was said live, bit for bit."""

from collections import Counter
from itertools import islice

import pytest
from msgspec import structs

from marketdata.clock import venue_clock
from marketdata.events import Event
from marketdata.exchanges.adapter import Acknowledgement
from marketdata.exchanges.catalog import get_adapter
from marketdata.stream import SymbolStream
from quant.reading import Component
from quant.replay import known_at, replay_events
from quant.symbol_signals import SymbolSignals
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.test_stream_recordings import RECORDINGS
from tests.unit.quant.market import START, bars_of
from tests.unit.quant.slow_market import everything

EVENTS = 5000
MINUTE = 60_000_000_000


def told(name: str) -> tuple[str, list[Event]]:
    """What the checks let through of the busiest symbol of a recording."""
    adapter = get_adapter(name if name in ("binance-usdm", "kucoin-futures") else name.partition("-")[0])
    received = [
        event
        for event in islice(RECORDINGS[name](), 4 * EVENTS)
        if getattr(event, "symbol", "") and not isinstance(event, Acknowledgement)
    ]
    ((symbol, _),) = Counter(event.symbol for event in received).most_common(1)
    stream = SymbolStream(
        exchange=name, symbol=symbol, clock=venue_clock("replay"), quotes_from_book=adapter.quotes_from_book,
        quotes_prove_book=adapter.quotes_prove_book,
    )  # fmt: skip
    stream.connected(received[0].ts_init)
    return symbol, [out for event in received if event.symbol == symbol for out in stream.receive(event)][:EVENTS]


@needs_captures
@pytest.mark.parametrize("name", RECORDINGS)
def test_replay_equals_live_bit_for_bit(name):
    symbol, events = told(name)
    begin = known_at(events[0])
    shift = begin - begin % MINUTE - START - 600 * MINUTE
    bars = [
        structs.replace(one, exchange=name, symbol=symbol, ts_open=one.ts_open + shift, ts_close=one.ts_close + shift)
        for one in bars_of("bars/bitfinex_btcusd_1m_2018_first100k.csv.gz", 600)
    ]
    start = [*bars, *everything(35, end=begin)]
    whole = list(replay_events(events, exchange=name, symbol=symbol, start=start))

    live = SymbolSignals(exchange=name, symbol=symbol)
    live.load_observations(start)
    live.warm_up(bars)
    for i, event in enumerate(events):
        live.update(event)
        if i % 29 and i != len(events) - 1:
            continue
        said = live.read(now_ns=known_at(event))
        assert said.readings == whole[i].readings
        assert said.values.tobytes() == whole[i].values.tobytes()
        assert said.quality.tobytes() == whole[i].quality.tobytes()
        assert said.regimes == whole[i].regimes
    assert max(vector.regimes["1m"].n_obs for vector in whole) >= 600
    spoke = {
        column.component
        for column, one in zip(whole[0].columns, whole[0].readings, strict=True)
        if one.value is not None
    }
    assert Component.TECHNICAL in spoke

import math

import numpy as np
import pytest
from msgspec import structs

from marketdata.events import FeedState, Ticker
from quant.reading import Component, Phase
from quant.signals.technical import Technical
from quant.symbol_signals import SymbolSignals
from quant.vector import Column, SignalVector, freshness
from tests.unit.quant.market import (
    IDS,
    SECOND,
    START,
    bar,
    quote,
    recorded_bars,
    recorded_session,
    session,
    trade,
    walk,
)
from tests.unit.quant.slow_market import derivatives, everything

MINUTE = 60 * SECOND
BARS = 300
NOW = START + BARS * MINUTE


def signals(n=BARS, **changed):
    made = SymbolSignals(**{**IDS, **changed})
    made.warm_up(walk(n))
    return made


def alive(seconds=58):
    """Warm bars and a live session right after them; with the moment of its last event."""
    made = signals()
    events = session(seconds, start=NOW, price=walk(BARS)[-1].close)
    for event in events:
        made.update(event)
    return made, events[-1].ts_init


def same(one: SignalVector, other: SignalVector) -> bool:
    return (
        one.readings == other.readings
        and one.values.tobytes() == other.values.tobytes()
        and one.quality.tobytes() == other.quality.tobytes()
    )


def test_columns_of_one_timeframe():
    names = [column.name for column in signals().columns]
    assert names == [
        "technical 1m",
        "technical 1m forming",
        "speed",
        "microstructure",
        "open_interest",
        "options_flow",
        "sentiment",
        "volatility",
        "model",
        "policy",
    ]


def test_a_timeframe_can_be_added_while_it_runs():
    made = signals()
    made.add_timeframe("5m", walk(60) + [bar(i, 100 + i % 7, timeframe="5m") for i in range(80)])
    vector = made.read(now_ns=NOW)
    assert vector.reading(Component.TECHNICAL, "5m").n_obs == 80
    assert vector.reading(Component.TECHNICAL, "1m").n_obs == BARS
    assert vector.columns[2] == Column(component=Component.TECHNICAL, timeframe="5m")
    assert len(vector.values) == len(vector.columns) == 12
    with pytest.raises(KeyError, match="15m is not among"):
        vector.reading(Component.TECHNICAL, "15m")


def test_volatility_is_that_of_the_shortest_timeframe():
    made = signals()
    made.add_timeframe("5m", [])
    before = made.read(now_ns=NOW)
    made.update(bar(80, 300.0, open_=100.0, timeframe="5m"))
    after = made.read(now_ns=NOW)
    assert after.reading(Component.TECHNICAL, "5m").n_obs == 1
    assert after.sigma_annual == before.sigma_annual
    assert after.jump_ns is None


def test_a_shorter_timeframe_takes_volatility_over():
    made = SymbolSignals(**IDS, timeframes=("5m",))
    made.add_timeframe("1m", walk(100))
    vector = made.read(now_ns=NOW)
    assert vector.reading(Component.VOLATILITY).n_obs == 100


def test_no_timeframe_is_refused():
    with pytest.raises(ValueError, match="at least one timeframe"):
        SymbolSignals(**IDS, timeframes=())


def test_history_alone_lets_technical_and_volatility_speak():
    vector = signals().read(now_ns=NOW)
    speaking = {c.name for c, q in zip(vector.columns, vector.quality, strict=True) if q > 0}
    assert speaking == {"technical 1m", "technical 1m forming", "volatility"}
    assert math.isnan(vector.values[2])
    assert vector.sigma_annual > 0
    assert vector.last_price == walk(BARS)[-1].close


def test_a_live_session_lets_four_components_speak():
    made, now = alive()
    vector = made.read(now_ns=now)
    speaking = {c.component for c, q in zip(vector.columns, vector.quality, strict=True) if q > 0}
    assert speaking == {
        Component.TECHNICAL,
        Component.SPEED,
        Component.MICROSTRUCTURE,
        Component.VOLATILITY,
    }
    assert all(-1 <= value <= 1 for value in vector.values[vector.quality > 0])
    assert vector.mid == pytest.approx(vector.last_price, rel=1e-3)
    assert vector.depth > 0
    assert vector.spread_median_bps > 0


def test_what_cannot_exist_is_told_from_what_is_missing():
    spot = SymbolSignals(exchange="binance", symbol="DOGE/USDT").read(now_ns=START)
    assert dict(zip([c.name for c in spot.columns], spot.exists.tolist(), strict=True)) == {
        "technical 1m": True,
        "technical 1m forming": True,
        "speed": True,
        "microstructure": True,
        "open_interest": False,
        "options_flow": False,
        "sentiment": True,
        "volatility": True,
        "model": False,
        "policy": False,
    }
    assert spot.reading(Component.OPEN_INTEREST).reason == "no open interest of DOGE heard of so far; it may have none"
    assert (spot.quality == 0).all()


def test_the_same_events_give_the_same_bits():
    first, now = alive()
    second, _ = alive()
    assert same(first.read(now_ns=now), second.read(now_ns=now))


def test_reading_after_every_event_changes_nothing():
    often = signals()
    for event in session(58, start=NOW, price=walk(BARS)[-1].close):
        often.update(event)
        often.read(now_ns=event.ts_init)
    rarely, now = alive()
    assert same(often.read(now_ns=now), rarely.read(now_ns=now))


def test_warming_up_twice_or_in_pieces_changes_nothing():
    whole, pieces = signals(), SymbolSignals(**IDS)
    bars = walk(BARS)
    pieces.warm_up(bars[:100])
    pieces.warm_up(bars[50:200])
    for b in bars[200:]:
        pieces.update(b)
    pieces.warm_up(bars)
    assert same(whole.read(now_ns=NOW), pieces.read(now_ns=NOW))


def test_readings_fade_and_then_do_not_count():
    made, now = alive()
    fresh = made.read(now_ns=now)
    aged = made.read(now_ns=now + SECOND)
    old = made.read(now_ns=now + 6 * SECOND)
    micro = 3
    assert fresh.quality[micro] > aged.quality[micro] > 0
    assert aged.values[micro] == fresh.values[micro]
    assert old.quality[micro] == old.quality[2] == 0
    assert aged.quality[0] == fresh.quality[0]
    assert made.read(now_ns=NOW + 3 * MINUTE).quality[0] == 0


def test_freshness_halves_every_third_of_the_longest_age():
    assert freshness(0.1, 2.0, 0.1) == 1.0
    assert freshness(0.1 + 2 / 3, 2.0, 0.1) == pytest.approx(0.5)
    assert freshness(2.01, 2.0, 0.1) == 0.0
    assert freshness(-1.0, 2.0, 0.1) == 1.0


def test_the_forming_bar_follows_the_prints():
    made = signals()
    before = made.read(now_ns=NOW)
    assert before.values[1] == before.values[0]
    made.update(trade(NOW + SECOND, before.last_price + 2.0))
    after = made.read(now_ns=NOW + SECOND)
    assert after.values[0] == before.values[0]
    assert after.values[1] != before.values[1]


def test_a_forming_bar_from_the_venue_is_taken():
    made = signals()
    price = walk(BARS)[-1].close
    made.update(bar(BARS, price + 1.0, open_=price, closed=False))
    vector = made.read(now_ns=NOW + SECOND)
    assert vector.values[1] != vector.values[0]
    assert vector.reading(Component.TECHNICAL, "1m").n_obs == BARS


def poison(now: int) -> list:
    nan, inf = math.nan, math.inf
    return [
        quote(now, nan, 101.0),
        quote(now, 99.0, inf),
        quote(now, 101.0, 99.0),
        quote(now, bid_size=nan),
        trade(now, nan),
        trade(now, 0.0),
        trade(now, 100.0, size=inf),
        bar(BARS, nan),
        bar(BARS, 100.0, high=inf),
        bar(BARS, nan, closed=False),
        Ticker(**IDS, last=nan, change=0.0, high=0.0, low=0.0, volume=0.0, quote_volume=0.0, ts_event=now, ts_init=now),
    ]


def test_what_is_not_finite_or_crossed_leaves_no_trace():
    clean, poisoned = signals(), signals()
    now = NOW
    for event in session(90, start=NOW, price=100.0):
        now = event.ts_init
        clean.update(event)
        poisoned.update(event)
        for bad in poison(now):
            poisoned.update(bad)
    assert same(clean.read(now_ns=now), poisoned.read(now_ns=now))


def test_repeated_and_older_events_leave_no_trace():
    events = session(90, start=NOW, price=100.0)
    clean, repeated = signals(), signals()
    for i, event in enumerate(events):
        clean.update(event)
        repeated.update(event)
        repeated.update(event)
        if i >= 40:
            repeated.update(events[i - 40])
    now = events[-1].ts_init
    assert same(clean.read(now_ns=now), repeated.read(now_ns=now))


def test_a_gap_silences_the_book_until_a_snapshot():
    made, now = alive()
    made.invalidate_book()
    vector = made.read(now_ns=now)
    assert vector.reading(Component.MICROSTRUCTURE).value is None
    assert not vector.book_valid
    assert vector.mid is None
    for event in session(20, start=now + SECOND):
        made.update(event)
    assert made.read(now_ns=now + 21 * SECOND).reading(Component.MICROSTRUCTURE).value is not None


def test_a_stale_feed_silences_the_book():
    made, now = alive()
    made.update(FeedState(**IDS, state="stale", source="websocket", reason="silence", ts_event=now, ts_init=now))
    vector = made.read(now_ns=now)
    assert vector.feed_state == "stale"
    assert not vector.book_valid


def test_a_jump_within_a_minute_is_remembered():
    made, now = alive(70)
    assert made.read(now_ns=now).jump_ns is None
    mid = made.read(now_ns=now).mid
    made.update(quote(now + SECOND, mid * 1.05, mid * 1.0501))
    assert made.read(now_ns=now + SECOND).jump_ns == now + SECOND


def test_a_bar_that_jumps_is_remembered():
    made = signals()
    price = walk(BARS)[-1].close
    made.update(bar(BARS, price * 1.05, open_=price))
    assert made.read(now_ns=NOW + MINUTE).jump_ns == NOW + MINUTE


def test_a_recorded_session_reads_the_same_twice_and_stays_in_range():
    events = list(recorded_session(8_500))
    now = events[-1].ts_init
    vectors = []
    for _ in range(2):
        made = signals(0)
        opening = events[0].ts_init // MINUTE * MINUTE
        for i, b in enumerate(recorded_bars(400, price=events[0].mid)):
            made.warm_up(
                [structs.replace(b, ts_open=opening - (400 - i) * MINUTE, ts_close=opening - (399 - i) * MINUTE)]
            )
        for event in events:
            made.update(event)
        vectors.append(made.read(now_ns=now))
    assert same(*vectors)
    live = vectors[0]
    assert (live.quality[[0, 1, 2, 3, 7]] > 0).all()
    assert (abs(live.values[live.quality > 0]) <= 1).all()
    assert live.spread_bps < 0.01


def with_month(symbol="BTC/USDT", end=NOW):
    made = SymbolSignals(exchange="binance", symbol=symbol)
    made.load_observations(everything(35, end=end))
    return made


def speaking(vector: SignalVector) -> set[Component]:
    return {c.component for c, q in zip(vector.columns, vector.quality, strict=True) if q > 0}


SLOW_ONES = {Component.OPEN_INTEREST, Component.OPTIONS_FLOW, Component.SENTIMENT}


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT", "BTC/EUR"])
def test_observations_of_the_asset_reach_every_instrument_of_it(symbol):
    vector = with_month(symbol).read(now_ns=NOW)
    assert speaking(vector) == SLOW_ONES
    assert vector.exists[:-2].all()
    assert vector.reading(Component.OPEN_INTEREST).parts["quadrant"] is not None


def test_another_asset_hears_of_the_market_only():
    vector = with_month("DOGE/USDT").read(now_ns=NOW)
    assert speaking(vector) == {Component.SENTIMENT}
    assert vector.reading(Component.SENTIMENT).parts["headlines_baseline"] is None
    assert vector.reading(Component.OPTIONS_FLOW).reason == "no options flow of DOGE heard of so far; it may have none"


def test_the_perpetual_itself_may_be_observed():
    own = {"exchange": "binance_usdm", "symbol": "BTC/USDT:USDT"}
    made = SymbolSignals(exchange="binance", symbol="BTC/USDT")
    for event in derivatives(9, end=NOW):
        made.update(structs.replace(event, **own))
    assert made.read(now_ns=NOW).reading(Component.OPEN_INTEREST).value is not None


def test_open_interest_counts_for_spot_once_it_has_spoken():
    made = SymbolSignals(exchange="binance", symbol="BTC/USDT")
    for event in derivatives(3, end=NOW - 6 * 24 * 60 * MINUTE):
        made.update(event)
    place = [c.component for c in made.columns].index(Component.OPEN_INTEREST)
    assert not made.read(now_ns=NOW).exists[place]
    for event in derivatives(6, end=NOW):
        made.update(event)
    assert made.read(now_ns=NOW).exists[place]
    assert made.read(now_ns=NOW + 60 * MINUTE).exists[place]


def test_loading_in_any_order_and_twice_changes_nothing():
    events = everything(20, end=NOW)
    once, shuffled = SymbolSignals(**IDS), SymbolSignals(**IDS)
    once.load_observations(events)
    shuffled.load_observations(sorted(events, key=lambda e: type(e).__name__))
    shuffled.load_observations(events)
    ours, theirs = once.read(now_ns=NOW), shuffled.read(now_ns=NOW)
    for component in SLOW_ONES:
        assert theirs.reading(component) == ours.reading(component)


def test_a_history_that_comes_late_is_taken_in_whole():
    events = everything(20, end=NOW)
    early, late = SymbolSignals(**IDS), SymbolSignals(**IDS)
    early.load_observations(events)
    for event in events[-200:]:
        late.update(event)
    assert late.read(now_ns=NOW).reading(Component.OPEN_INTEREST).value is None
    late.load_observations(events)
    for component in SLOW_ONES:
        assert late.read(now_ns=NOW).reading(component) == early.read(now_ns=NOW).reading(component)


def test_observations_from_the_future_are_left_out():
    made = with_month()
    before = made.read(now_ns=NOW)
    made.update(structs.replace(derivatives(1, end=NOW)[-2], ts_event=NOW + 120 * SECOND, ts_init=NOW))
    assert same(made.read(now_ns=NOW), before)


def test_slow_readings_outlive_a_timeframe_that_begins_anew():
    made = with_month()
    before = made.read(now_ns=NOW)
    made.add_timeframe("1m", walk(BARS))
    after = made.read(now_ns=NOW)
    for component in SLOW_ONES:
        assert after.reading(component) == before.reading(component)
    parts = after.reading(Component.VOLATILITY).parts
    assert parts["implied"] == 0.5
    assert parts["variance_premium"] is not None


def trending(n=BARS):
    """A walk that ends in a clean rise."""
    quiet = walk(n - 60)
    level = quiet[-1].close
    return [*quiet, *(bar(n - 60 + i, level * 1.002 ** (i + 1), open_=level * 1.002**i) for i in range(60))]


def test_technical_hears_what_kind_of_market_it_is():
    made = SymbolSignals(**IDS)
    made.warm_up(trending())
    state = made.regimes["1m"]
    assert (state.phase, state.direction) == (Phase.TREND, 1.0)
    alone = Technical("1m")
    for closed in trending():
        alone.update(closed)
    told = made.read(now_ns=NOW).reading(Component.TECHNICAL, "1m").parts["volume"]
    assert told != alone.reading.parts["volume"]


def test_the_regime_of_a_timeframe_that_begins_anew_is_that_of_its_bars():
    made = SymbolSignals(**IDS)
    made.warm_up(walk(BARS))
    made.add_timeframe("1m", trending())
    fresh = SymbolSignals(**IDS)
    fresh.warm_up(trending())
    assert made.regimes == fresh.regimes
    assert made.read(now_ns=NOW).readings[0] == fresh.read(now_ns=NOW).readings[0]


def test_a_regime_may_be_followed_without_its_technical():
    made = signals()
    fives = [bar(i, 100.0 + 0.1 * i, open_=99.9 + 0.1 * i, timeframe="5m") for i in range(150)]
    made.follow_regime("5m", fives[:-1])
    before = made.read(now_ns=NOW).regimes
    assert before["5m"].n_obs == 149
    made.update(fives[-1])
    assert made.read(now_ns=NOW).regimes["5m"].n_obs == 150
    assert before["5m"].n_obs == 149
    assert made.timeframes == ("1m",)


def test_a_leader_reaches_speed():
    made = SymbolSignals(**IDS, lead_lag=True)
    rng, mid, ts = np.random.default_rng(1), 100.0, NOW
    for i in range(400):
        ts = NOW + i * SECOND
        made.on_leader(ts, mid)
        made.on_leader(ts, math.nan)
        mid *= math.exp(float(rng.normal(0, 2e-5)))
        made.update(quote(ts, mid - 0.01, mid + 0.01))
    assert made.read(now_ns=ts).reading(Component.SPEED).parts["lead_lag"] is not None


def test_stamps_ahead_of_the_clock_mute_neither_quotes_nor_prints():
    signals = SymbolSignals(**IDS)
    for event in session(60):
        signals.update(event)
    end = START + 60 * SECOND
    signals.update(structs.replace(trade(end, 50.0), ts_event=end + 59 * SECOND))
    signals.update(structs.replace(quote(end, 49.0, 51.0), ts_event=end + 59 * SECOND))
    vector = signals.read(now_ns=end)
    assert vector.mid != 50.0
    assert vector.last_price != 50.0
    assert vector.reading(Component.MICROSTRUCTURE).reason == "left out: a quote stamped 59.0 s ahead of the clock"
    signals.update(quote(end + SECOND, 101.0, 103.0))
    signals.update(trade(end + SECOND, 102.0))
    vector = signals.read(now_ns=end + SECOND)
    assert (vector.mid, vector.last_price) == (102.0, 102.0)
    assert vector.reading(Component.MICROSTRUCTURE).reason == ""

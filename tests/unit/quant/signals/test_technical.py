import pytest
from msgspec import structs

from marketdata.events import Bar
from quant.features.bars import FormingBar
from quant.reading import Phase
from quant.signals.technical import Technical
from quant.strategies import STRATEGY_WEIGHTS
from tests.unit.quant.market import SECOND, START, bar, recorded_bars, trade, walk


def after(bars):
    technical = Technical("1m")
    for b in bars:
        technical.update(b)
    return technical


def reflected(b: Bar, around: float) -> Bar:
    mirror = 2 * around
    return structs.replace(b, open=mirror - b.open, high=mirror - b.low, low=mirror - b.high, close=mirror - b.close)


def scaled(b: Bar, factor: float) -> Bar:
    return structs.replace(b, open=b.open * factor, high=b.high * factor, low=b.low * factor, close=b.close * factor)


def test_too_few_bars_are_counted_out():
    reading = after(walk(37)).reading
    assert reading.value is None
    assert reading.quality == 0
    assert reading.reason == "Insufficient live data: 37 of 50 bars"


def test_quality_grows_from_half_at_50_bars_to_full_at_500():
    assert after(walk(50)).reading.quality == 0.5
    assert after(walk(275)).reading.quality == 0.75
    assert after(walk(600)).reading.quality == 1.0


def test_a_rise_is_bought_and_a_fall_is_sold():
    up = after(walk(300, drift=0.05)).reading
    down = after(walk(300, drift=-0.05)).reading
    assert up.value > 0.3
    assert down.value < -0.3
    assert up.parts["adx"] > 20


def test_a_directed_market_silences_mean_reversion():
    parts = after(walk(300, drift=0.2)).reading.parts
    assert parts["adx"] > 30
    assert parts["mean_reversion"] == 0
    assert parts["band_distance"] > 1


@pytest.mark.parametrize("drift", [0.0, 0.02, 0.1])
def test_the_switch_follows_adx(drift):
    parts = after(walk(300, drift=drift)).reading.parts
    directed = min(1.0, max(0.0, (parts["adx"] - 20) / 10))
    trend = (parts["ewmac"] + parts["breakout"]) / 2
    assert parts["trend"] == pytest.approx(trend * (0.5 + 0.5 * directed), rel=1e-12)


def test_value_is_the_weighted_mean_of_its_parts():
    reading = after(walk(200)).reading
    expected = sum(STRATEGY_WEIGHTS[name] * reading.parts[name] for name in STRATEGY_WEIGHTS) / sum(
        STRATEGY_WEIGHTS.values()
    )
    assert reading.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_reflected_prices_reflect_the_signal(seed):
    # Long enough for the scales to be learned ones.
    bars = walk(700, seed=seed, price=100.0, step=0.05)
    ours = after(bars).reading.value
    theirs = after([reflected(b, 100.0) for b in bars]).reading.value
    assert theirs == pytest.approx(-ours, abs=1e-8)


@pytest.mark.parametrize("factor", [1e-8, 0.37, 1e5])
def test_the_unit_of_price_does_not_matter(factor):
    bars = walk(300)
    assert after([scaled(b, factor) for b in bars]).reading.value == pytest.approx(after(bars).reading.value, abs=1e-8)


def test_a_power_of_two_does_not_change_a_bit():
    bars = walk(300)
    assert after([scaled(b, 2.0**-30) for b in bars]).reading == after(bars).reading


def test_the_future_changes_nothing():
    bars = recorded_bars(700)
    technical = Technical("1m")
    seen = []
    for b in bars:
        technical.update(b)
        seen.append(technical.reading)
    for n in (60, 200, 333, 650):
        assert after(bars[:n]).reading == seen[n - 1]


def test_signals_stay_in_range_on_recorded_bars():
    technical = Technical("1m")
    values = []
    for b in recorded_bars(3000):
        technical.update(b)
        if technical.reading.value is not None:
            values.append(technical.reading.value)
    assert len(values) > 2900
    assert all(-1 <= value <= 1 for value in values)
    assert min(values) < -0.3 < 0.3 < max(values)


def test_a_repeated_or_older_bar_changes_nothing():
    bars = walk(100)
    technical = after(bars)
    before = technical.reading
    assert not technical.update(bars[-1])
    assert not technical.update(bars[40])
    assert technical.reading == before


@pytest.mark.parametrize(
    "broken",
    [{"close": float("nan")}, {"high": float("inf")}, {"low": 0.0}, {"low": 200.0}, {"volume": -1.0}],
)
def test_an_unsound_bar_changes_nothing(broken):
    bars = walk(100)
    technical = after(bars)
    before = technical.reading
    assert not technical.update(structs.replace(bar(100, 100.0), **broken))
    assert technical.reading == before
    follower = walk(101)[100]
    assert technical.update(follower)
    assert technical.reading == after([*bars, follower]).reading


def test_three_missing_bars_are_bridged_and_four_begin_anew():
    bars = walk(100)
    assert after([*bars, bar(103, 100.0)]).n_bars == 101
    begun = after([*bars, bar(104, 100.0)])
    assert begun.n_bars == 1
    assert begun.reading.reason == "Insufficient live data: 1 of 50 bars"


def test_bars_without_volume_are_bars():
    bars = [structs.replace(b, volume=0.0) for b in walk(100)]
    assert after(bars).reading.value is not None


def test_prices_that_stand_still_have_no_signal():
    reading = after([bar(i, 100.0) for i in range(100)]).reading
    assert reading.value is None
    assert reading.reason == "prices stand still"


def test_the_forming_bar_reads_as_if_it_closed_now():
    bars = [
        structs.replace(b, volume=4.0, taker_buy_volume=3.0 if i == 300 else float(i % 5))
        for i, b in enumerate(walk(301))
    ]
    technical = after(bars[:300])
    closed = bars[300]
    forming = FormingBar("1m")
    for price in (closed.open, closed.high, closed.low, closed.close):
        forming.print(trade(closed.ts_open + SECOND, price, seller=price == closed.low))
    assert (forming.volume, forming.taker_buy) == (closed.volume, closed.taker_buy_volume)
    peeked = technical.peek(forming)
    assert technical.reading == after(bars[:300]).reading
    technical.update(closed)
    assert peeked.value == technical.reading.value
    assert {name: peeked.parts[name] for name in peeked.parts} == technical.reading.parts


def test_a_print_at_the_same_price_adds_its_volume():
    technical = after([structs.replace(b, taker_buy_volume=b.volume / 2) for b in walk(100)])
    forming = FormingBar("1m")
    ts = START + 100 * 60 * SECOND
    forming.print(trade(ts, 100.0))
    before = technical.peek(forming)
    forming.print(trade(ts + SECOND, 100.0, size=50.0))
    after_buying = technical.peek(forming)
    assert after_buying.parts["flow"] > before.parts["flow"]
    assert after_buying.parts["trend"] == before.parts["trend"]


def test_a_forming_bar_without_takers_leaves_the_flow_of_the_closed_ones():
    technical = after([structs.replace(b, taker_buy_volume=b.volume / 4) for b in walk(100)])
    forming = FormingBar("1m")
    forming.replace(bar(100, 101.0, open_=100.0, volume=50.0, closed=False))
    assert technical.peek(forming).parts["flow"] == technical.reading.parts["flow"] == pytest.approx(-0.5)


def test_from_fifty_bars_on_every_sub_signal_speaks():
    parts = after(walk(50)).reading.parts
    assert all(parts[name] is not None for name in STRATEGY_WEIGHTS)


@pytest.mark.parametrize("phase", list(Phase))
def test_the_phase_moves_the_volume_part_only(phase):
    technical = after(walk(100))
    technical.phase = phase
    other = after(walk(100))
    for b in walk(160)[100:]:
        technical.update(b)
        other.update(b)
    ours, neutral = technical.reading.parts, other.reading.parts
    assert {name for name in ours if ours[name] != neutral[name]} == (set() if phase is Phase.NEUTRAL else {"volume"})


def test_the_phase_of_the_moment_counts_for_the_forming_bar():
    technical = after(walk(100))
    forming = FormingBar("1m")
    forming.print(trade(START + 100 * 60 * SECOND, 103.0))
    values = []
    for phase in Phase:
        technical.phase = phase
        values.append(technical.peek(forming).parts["volume"])
    assert len(set(values)) == 3


def test_without_a_forming_bar_the_closed_ones_speak():
    technical = after(walk(100))
    assert technical.peek(FormingBar("1m")) == technical.reading


def test_the_same_price_again_is_fresher_but_not_calculated_anew():
    technical = after(walk(100))
    forming = FormingBar("1m")
    ts = START + 100 * 60 * SECOND
    forming.print(trade(ts, 100.0))
    first = technical.peek(forming)
    forming.print(trade(ts + SECOND, 100.0, size=0.0))
    second = technical.peek(forming)
    assert (first.as_of, second.as_of) == (ts, ts + SECOND)
    assert second.value == first.value
    assert second.parts is first.parts


def test_a_forming_bar_behind_a_gap_is_missing():
    technical = after(walk(100))
    forming = FormingBar("1m")
    forming.print(trade(START + 104 * 60 * SECOND, 100.0))
    assert technical.peek(forming).reason == "more than 3 bars are missing"

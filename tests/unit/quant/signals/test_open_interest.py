import math

import numpy as np
import pytest
from msgspec import structs

from marketdata.events import Funding, LongShort, OpenInterest, Premium
from quant.features.slow import contrarian
from quant.signals.open_interest import PART_WEIGHTS, OpenInterestSignal
from tests.unit.quant.market import START
from tests.unit.quant.slow_market import DAY, HOUR, MINUTE, at, derivatives


def after(events):
    signal = OpenInterestSignal()
    for event in events:
        signal.update(event)
    return signal


@pytest.fixture(scope="module")
def month():
    return derivatives(31)


def test_it_names_what_it_lacks():
    signal = OpenInterestSignal()
    assert signal.read(START).reason == "no data: open interest and funding and index price"
    signal.update(OpenInterest(contracts=5.0, **at(START)))
    assert signal.read(START).reason == "no data: funding and index price"
    signal.update(Funding(rate=1e-4, interval_h=8.0, **at(START)))
    signal.update(Premium(mark=100.0, index=100.0, **at(START)))
    reading = signal.read(START)
    assert (reading.value, reading.quality, reading.as_of, reading.n_obs) == (None, 0.0, START, 1)
    assert reading.reason == "no data: a history of 7 days to compare with, up to now"


def test_all_parts_speak_after_a_month(month):
    reading = after(month).read(START)
    assert reading.reason == ""
    assert all(reading.parts[name] is not None for name in PART_WEIGHTS)
    expected = sum(PART_WEIGHTS[name] * reading.parts[name] for name in PART_WEIGHTS)
    assert reading.value == pytest.approx(expected, rel=1e-12)
    assert reading.as_of == START


def test_quality_is_half_after_seven_days_and_grows():
    assert after(derivatives(6)).read(START).value is None
    eight = after(derivatives(8)).read(START).quality
    assert 0.5 <= eight < after(derivatives(20)).read(START).quality < after(derivatives(60)).read(START).quality


def test_quality_and_moment_are_of_the_parts_that_speak(month):
    """Funding alone is three tenths of the signal, as old as its last rate, however new what says nothing is."""
    signal = after(month)
    whole = signal.read(START)
    funded = max(e.ts_event for e in month if isinstance(e, Funding))
    ts = START + 2 * HOUR
    signal.update(OpenInterest(contracts=5.0, **at(ts)))
    reading = signal.read(ts)
    assert [name for name in PART_WEIGHTS if reading.parts[name] is not None] == ["funding"]
    assert reading.as_of == funded < ts
    assert reading.quality == pytest.approx(0.3 * signal._funding.quality)
    assert reading.quality < 0.31 < whole.quality


def test_what_is_older_than_twelve_minutes_does_not_speak(month):
    signal = after(month)
    parts = signal.read(START + 13 * MINUTE).parts
    assert (parts["quadrant"], parts["basis"]) == (None, None)
    # Ratios come in buckets that are told later.
    assert parts["long_short"] is not None
    assert signal.read(START + 21 * MINUTE).parts["long_short"] is None
    assert parts["funding"] is not None
    assert signal.read(START + 21 * HOUR).value is None


def quadrant(interest_step, price_step):
    """A quiet month in which the last hour moved both by many deviations."""
    events = derivatives(10)
    last = [e for e in events if isinstance(e, OpenInterest | Premium)][-2:]
    premium, interest = last
    ts = START + 5 * MINUTE
    price = premium.index * math.exp(price_step)
    events += [
        Premium(mark=price, index=price, **at(ts)),
        OpenInterest(contracts=interest.contracts * math.exp(interest_step), **at(ts)),
    ]
    return after(events).read(ts).parts["quadrant"]


def test_the_four_quadrants():
    assert quadrant(+0.1, +0.1) == 1.0
    assert quadrant(+0.1, -0.1) == -1.0
    assert quadrant(-0.1, +0.1) == -0.5
    assert quadrant(-0.1, -0.1) == 0.5


def test_the_quadrant_equals_its_definition_over_arrays(month):
    """z of hourly changes, weighted exp(-age/30 d), in numpy."""
    events = [e for e in month if isinstance(e, OpenInterest | Premium)]
    ts = np.array([e.ts_event for e in events if isinstance(e, OpenInterest)])
    interest = np.log([e.contracts for e in events if isinstance(e, OpenInterest)])
    price = np.log([e.index for e in events if isinstance(e, Premium)])
    lag = int(HOUR // (5 * MINUTE))
    parts = []
    for series in (price, interest):
        change = series[lag:] - series[:-lag]
        past, now = change[:-1], change[-1]
        weights = np.exp(-(ts[-2] - ts[lag:-1]) / (30 * DAY))
        mean = np.average(past, weights=weights)
        variance = weights @ (past - mean) ** 2 * weights.sum() / (weights.sum() ** 2 - (weights**2).sum())
        parts.append(float(np.clip((now - mean) / np.sqrt(variance), -2, 2)) / 2)
    expected = parts[0] * parts[1] * (1.0 if parts[1] >= 0 else 0.5)
    assert after(month).read(START).parts["quadrant"] == pytest.approx(expected, rel=1e-9)


def test_the_contrarian_map():
    assert [contrarian(z) for z in (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -4.0)] == [0.0, 0.0, 0.0, -0.5, 0.5, -1.0, 1.0]


def test_funding_is_compared_by_year_whatever_its_interval(month):
    rare = after(month)
    often = after(structs.replace(e, rate=e.rate / 2, interval_h=4.0) if isinstance(e, Funding) else e for e in month)
    last = max(e.ts_event for e in month if isinstance(e, Funding))
    assert often.read(last).parts["funding_annual"] == pytest.approx(rare.read(last).parts["funding_annual"])
    assert often.read(last).parts["funding"] == pytest.approx(rare.read(last).parts["funding"])
    assert rare.read(last).parts["funding"] is not None


def test_dear_funding_is_sold(month):
    ts = START + 8 * HOUR
    assert after([*month, Funding(rate=5e-3, interval_h=8.0, **at(ts))]).read(ts).parts["funding"] == -1.0
    assert after([*month, Funding(rate=-5e-3, interval_h=8.0, **at(ts))]).read(ts).parts["funding"] == 1.0


def test_a_rate_every_second_weighs_no_more_than_one_an_hour(month):
    ts = START + MINUTE
    flood = [Funding(rate=5e-3, interval_h=8.0, **at(ts + i * 10**9)) for i in range(1, 600)]
    end = flood[-1].ts_event
    assert after([*month, *flood]).read(end).parts["funding"] == -1.0


def test_the_quarterly_basis_is_annualised_and_faded(month):
    expiry = START + 60 * DAY
    quarterly = [
        structs.replace(e, mark=e.index * (1 + 0.01 + 1e-4 * (i % 7)), expiry=expiry)
        for i, e in enumerate(e for e in month if isinstance(e, Premium))
    ]
    ts = START + 5 * MINUTE
    dear = structs.replace(quarterly[-1], mark=quarterly[-1].index * 1.1, ts_event=ts, ts_init=ts)
    assert after([*quarterly, dear]).read(ts).parts["basis"] == -1.0
    nearly_over = structs.replace(dear, expiry=ts + DAY // 2)
    assert after([*quarterly, nearly_over]).read(ts).parts["basis"] is not None


def test_the_crowd_is_faded_and_the_top_is_followed(month):
    ts = START + 5 * MINUTE
    for scope, sign in (("accounts", -1), ("top_positions", 1)):
        only = [e for e in month if isinstance(e, LongShort) and e.scope == scope]
        assert sign * after([*only, LongShort(scope=scope, ratio=50.0, **at(ts))]).read(ts).parts["long_short"] == 1.0
    other = after([LongShort(scope="taker", ratio=2.0, **at(e.ts_event)) for e in month])
    assert other.read(START).parts.get("long_short") is None


def test_mirrored_markets_turn_the_signal_round(month):
    ours, theirs = after(month).read(START), after(derivatives(31, mirrored=True)).read(START)
    assert theirs.value == pytest.approx(-ours.value, rel=1e-9)
    assert ours.value != 0.0


def test_the_unit_of_contracts_does_not_matter(month):
    scaled = [structs.replace(e, contracts=e.contracts * 1000) if isinstance(e, OpenInterest) else e for e in month]
    assert after(scaled).read(START).value == pytest.approx(after(month).read(START).value, rel=1e-9)


def test_another_series_is_left_out_until_the_first_is_silent(month):
    other = {"exchange": "kucoin", "symbol": "BTC/USDT:USDT"}
    mixed = []
    for event in month:
        mixed += [event, structs.replace(event, ts_event=event.ts_event + 1, **other)]
    spoiled = [
        structs.replace(e, contracts=9.0) if getattr(e, "contracts", 0) and e.exchange == "kucoin" else e for e in mixed
    ]
    assert after(spoiled).read(START).parts["quadrant"] == after(month).read(START).parts["quadrant"]
    later = [
        structs.replace(e, ts_event=e.ts_event + 2 * HOUR, ts_init=e.ts_init + 2 * HOUR, **other)
        for e in month
        if e.ts_event > START - 3 * HOUR
    ]
    taken_over = after([*month, *later])
    assert taken_over.read(START + 2 * HOUR).parts["quadrant"] is not None


@pytest.mark.parametrize(
    "bad",
    [
        OpenInterest(contracts=math.nan, **at(START + 1)),
        OpenInterest(contracts=0.0, **at(START + 1)),
        OpenInterest(contracts=-5.0, **at(START + 1)),
        Funding(rate=math.nan, interval_h=8.0, **at(START + 1)),
        Funding(rate=7.0, interval_h=8.0, **at(START + 1)),
        Funding(rate=1e-4, interval_h=0.0, **at(START + 1)),
        Funding(rate=1e-4, interval_h=math.nan, **at(START + 1)),
        Premium(mark=math.inf, index=1.0, **at(START + 1)),
        Premium(mark=9e9, index=1.0, **at(START + 1)),
        Premium(mark=1.0, index=0.0, **at(START + 1)),
        LongShort(scope="accounts", ratio=0.0, **at(START + 1)),
        LongShort(scope="accounts", ratio=math.nan, **at(START + 1)),
        OpenInterest(contracts=9e9, **at(START)),
        OpenInterest(contracts=9e9, **at(START - DAY)),
    ],
)
def test_what_is_unsound_repeated_or_older_leaves_no_trace(month, bad):
    assert after([*month, bad]).read(START) == after(month).read(START)

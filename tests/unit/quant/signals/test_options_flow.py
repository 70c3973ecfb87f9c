import math
from datetime import UTC, datetime

import numpy as np
import pytest

from marketdata.events import OptionsFlow, OptionsSummary
from quant.signals.options_flow import PART_WEIGHTS, OptionsFlowSignal
from tests.unit.quant.market import START
from tests.unit.quant.slow_market import DAY, HOUR, MINUTE, at, options, summary


def after(events):
    signal = OptionsFlowSignal()
    for event in events:
        signal.update(event)
    return signal


@pytest.fixture(scope="module")
def month():
    return options(31)


def test_it_names_what_it_lacks():
    signal = OptionsFlowSignal()
    assert signal.read(START).reason == "no data: waiting for the first option chain, which is asked for every minute"
    signal.update(summary(START))
    begun, due = (f"{datetime.fromtimestamp(ns / 1e9, tz=UTC):%Y-%m-%d %H:%M}" for ns in (START, START + MINUTE))
    assert signal.read(START).reason == (
        f"no data: deribit heard since {begun} UTC, 0.0 of the 7 days that skew needs (delta flow: 1 day), "
        f"the next is due at {due[-5:]} UTC"
    )
    assert signal.read(START).n_obs == 1
    late = f"no data: the last chain of deribit is 12 min old, the next was due at {due[-5:]} UTC"
    assert signal.read(START + 12 * MINUTE).reason == late


def test_a_chain_that_never_changes_is_told_of():
    still = after([summary(START + i * HOUR, put_volume=1.0, call_volume=1.0) for i in range(8 * 24)])
    reason = still.read(START + (8 * 24 - 1) * HOUR).reason
    assert reason.startswith("no data: nothing in the chain of deribit has changed")


def test_few_contracts_silence_puts_against_calls_alone(month):
    ts = START + MINUTE
    few = after([*month, summary(ts, put_volume=99.0, call_volume=100.0)]).read(ts)
    assert few.parts["put_call"] is None
    assert few.parts["skew"] is not None
    assert few.value is not None
    enough = after([*month, summary(ts, put_volume=100.0, call_volume=100.0)]).read(ts)
    assert enough.parts["put_call"] is not None


def test_a_narrow_chain_says_nothing(month):
    ts = START + MINUTE
    narrow = after([*month, summary(ts, strikes=9)]).read(ts)
    assert (narrow.value, narrow.reason) == (None, "options are quoted at 9 strikes, needs 10")


def test_all_parts_speak_after_a_month(month):
    reading = after(month).read(START)
    expected = sum(PART_WEIGHTS[name] * reading.parts[name] for name in PART_WEIGHTS)
    assert reading.value == pytest.approx(expected, rel=1e-12)
    assert 0.5 <= reading.quality < 1.0
    assert reading.parts["implied_30d"] == 0.5


def test_the_flow_of_an_hour_against_its_usual_size(month):
    minutes = [e for e in month if isinstance(e, OptionsFlow)]
    ts, net = np.array([e.ts_event for e in minutes]), np.array([e.net_delta for e in minutes])
    sums = np.array([net[max(0, i - 59) : i + 1].sum() for i in range(len(net))])
    weights = np.exp(-(ts[-2] - ts[44:-1]) / (7 * DAY))
    usual = np.average(np.abs(sums[44:-1]), weights=weights)
    assert after(month).read(START).parts["delta_flow_ratio"] == pytest.approx(sums[-1] / usual, rel=1e-9)


def test_bought_delta_is_followed(month):
    buying = [
        OptionsFlow(net_delta=40.0, gross_delta=40.0, trades=9, **at(START + i * MINUTE, exchange="deribit"))
        for i in range(1, 61)
    ]
    end = buying[-1].ts_event
    parts = after([*month, *buying, summary(end)]).read(end).parts
    assert parts["delta_flow"] == 1.0


def test_an_hour_with_holes_has_no_flow(month):
    broken = [e for e in month if not isinstance(e, OptionsFlow) or (e.ts_event // MINUTE) % 2]
    assert after(broken).read(START).parts["delta_flow"] is None


def test_skew_is_followed_and_puts_are_feared(month):
    ts = START + MINUTE
    assert after([*month, summary(ts, risk_reversal_25d=0.4)]).read(ts).parts["skew"] == 1.0
    assert after([*month, summary(ts, put_volume=9e4, call_volume=1e3)]).read(ts).parts["put_call"] == -1.0
    assert after([*month, summary(ts, put_volume=0.0, call_volume=1e3)]).read(ts).parts["put_call"] is None


def test_mirrored_markets_turn_the_signal_round(month):
    theirs = after(options(31, mirrored=True)).read(START).value
    assert theirs == pytest.approx(-after(month).read(START).value, rel=1e-9)


def test_a_stale_chain_is_silent_while_flow_goes_on(month):
    on = [
        OptionsFlow(net_delta=1.0, gross_delta=1.0, trades=1, **at(START + i * MINUTE, exchange="deribit"))
        for i in range(1, 11)
    ]
    now = START + 10 * MINUTE
    parts = after([*month, *on]).read(now).parts
    assert parts["delta_flow"] is not None
    assert (parts["skew"], parts["put_call"]) == (None, None)
    assert after(month).read(START + HOUR).value is None


def test_the_term_structure_and_open_interest_are_shown_only():
    chain = summary(START, iv_7d=0.8, iv_90d=0.6, put_open_interest=2.0, call_open_interest=4.0)
    parts = after([chain]).read(START).parts
    assert parts["term_slope"] == pytest.approx(-0.4)
    assert parts["put_call_interest"] == pytest.approx(math.log(0.5))
    assert not {"term_slope", "put_call_interest"} & set(PART_WEIGHTS)


def bad_chain(**changed) -> OptionsSummary:
    return summary(START + 1, **changed)


@pytest.mark.parametrize(
    "bad",
    [
        bad_chain(iv_atm_30d=math.nan),
        bad_chain(iv_atm_30d=0.0),
        bad_chain(iv_atm_30d=55.0),
        bad_chain(risk_reversal_25d=math.inf),
        bad_chain(put_volume=-1.0),
        bad_chain(call_volume=math.nan),
        summary(START, risk_reversal_25d=0.4),
        summary(START - DAY, risk_reversal_25d=0.4),
        OptionsFlow(net_delta=math.nan, gross_delta=1.0, trades=1, **at(START + 1, exchange="deribit")),
        OptionsFlow(net_delta=9e9, gross_delta=9e9, trades=1, **at(START, exchange="deribit")),
        OptionsFlow(net_delta=9e9, gross_delta=9e9, trades=1, **at(START + 1, exchange="elsewhere")),
    ],
)
def test_what_is_unsound_repeated_or_older_leaves_no_trace(month, bad):
    assert after([*month, bad]).read(START) == after(month).read(START)

"""Labels by first touch."""

import numpy as np
import pytest

from quant.learning.features import BarHistory
from quant.learning.labels import Action, LabelParams, average_uniqueness, cusum_events, triple_barrier
from tests.unit.quant.learning.market import MINUTE, examples, history

# sigma .01 and horizon 4: barriers at 100·e^±.03, that is 103.05 and 97.04.
PARAMS = LabelParams(horizon_bars=4, cost_bps=10.0)


def flat(n=8, **changed):
    columns = {name: np.full(n, 100.0) for name in ("open", "high", "low", "close")}
    for name, places in changed.items():
        for place, value in places.items():
            columns[name][place] = value
    return BarHistory(
        ts_open=np.arange(n, dtype=np.int64) * MINUTE, volume=np.ones(n), taker_buy=np.full(n, np.nan), **columns
    )


def label(bars, params=PARAMS, sigma=0.01, events=(0,)):
    return triple_barrier(bars, np.full(len(bars), sigma), np.array(events, dtype=np.int64), params, length_ns=MINUTE)


def test_the_upper_barrier_first_is_a_buy():
    found = label(flat(high={2: 104.0}, low={3: 90.0}))
    assert found.classes.tolist() == [Action.BUY]
    assert found.gain_buy.tolist() == pytest.approx([0.03])
    assert found.gain_sell.tolist() == pytest.approx([-0.03])
    assert (found.start_ns[0], found.end_ns[0]) == (MINUTE, 3 * MINUTE)


def test_the_lower_barrier_first_is_a_sell():
    found = label(flat(low={1: 96.0}, high={2: 104.0}))
    assert found.classes.tolist() == [Action.SELL]
    assert found.gain_sell.tolist() == pytest.approx([0.03])


def test_both_in_one_bar_is_a_loss_whichever_side_was_taken():
    found = label(flat(low={2: 96.0}, high={2: 104.0}))
    assert found.classes.tolist() == [Action.HOLD]
    assert found.gain_buy.tolist() == found.gain_sell.tolist() == pytest.approx([-0.03])


def test_neither_is_a_hold_that_ends_with_the_horizon():
    found = label(flat(close={4: 101.0}, high={4: 101.0}))
    assert found.classes.tolist() == [Action.HOLD]
    assert found.gain_buy.tolist() == pytest.approx([np.log(1.01)])
    assert found.end_ns.tolist() == [5 * MINUTE]


def test_a_touch_after_the_horizon_does_not_count():
    assert label(flat(high={5: 110.0})).classes.tolist() == [Action.HOLD]


def test_the_event_bar_itself_decides_nothing():
    assert label(flat(high={0: 110.0}, low={0: 90.0})).classes.tolist() == [Action.HOLD]


def test_events_without_their_whole_horizon_are_left_out():
    assert len(label(flat(8), events=(3, 4))) == 1


def test_barriers_must_be_more_than_twice_the_cost_away():
    assert len(label(flat(), LabelParams(horizon_bars=4, cost_bps=149.0))) == 1
    assert len(label(flat(), LabelParams(horizon_bars=4, cost_bps=151.0))) == 0


def test_a_horizon_over_a_hole_is_left_out():
    bars = flat()
    bars.ts_open[2:] += 4 * MINUTE
    assert len(label(bars)) == 0


def test_labels_know_no_deviation_that_is_not_there_yet():
    assert len(label(flat(), sigma=np.nan)) == 0


def test_cusum_fires_where_moves_add_up():
    close = 100.0 * np.exp(np.cumsum([0.0, 0.006, 0.006, -0.002, -0.006, -0.006, 0.0]))
    assert cusum_events(close, np.full(7, 0.01), 1.0).tolist() == [2, 5]
    assert cusum_events(close, np.full(7, np.nan), 1.0).tolist() == []


def test_uniqueness_is_the_share_of_an_event_in_its_bars():
    # Bars 1-2 belong to the first alone, 3-4 to both, 5-6 to the second alone.
    shares = average_uniqueness(np.array([0, 2]), np.array([4, 6]), 10)
    assert shares.tolist() == pytest.approx([0.75, 0.75])
    assert average_uniqueness(np.array([0]), np.array([3]), 4).tolist() == [1.0]


def test_labels_of_the_past_do_not_change_with_more_future():
    bars = history(4000)
    _, longer = examples(bars)
    _, shorter = examples(bars.part(slice(0, 3000)))
    n = len(shorter)
    for name in ("rows", "end_ns", "classes", "gain_buy", "barrier"):
        np.testing.assert_array_equal(getattr(longer, name)[:n], getattr(shorter, name))


def test_prices_turned_upside_down_turn_buys_into_sells():
    bars = history(3000)
    mirrored = BarHistory(
        ts_open=bars.ts_open,
        open=1e4 / bars.open,
        high=1e4 / bars.low,
        low=1e4 / bars.high,
        close=1e4 / bars.close,
        volume=bars.volume,
        taker_buy=bars.volume - bars.taker_buy,
    )
    events = np.arange(300, 2900, 7)
    one, other = label(bars, sigma=1e-3, events=events), label(mirrored, sigma=1e-3, events=events)
    np.testing.assert_array_equal(one.classes, 2 - other.classes)
    np.testing.assert_allclose(one.gain_buy, other.gain_sell, atol=1e-12)

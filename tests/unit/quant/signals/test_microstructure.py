import math

import numpy as np
import pytest

from quant.features.flow_window import FlowWindow
from quant.features.microprice import MicropriceTable
from quant.reading import Reading
from quant.signals.microstructure import PART_WEIGHTS, Microstructure
from tests.unit.quant.market import SECOND, START

TENTH = SECOND // 10


def feed(micro: Microstructure, n: int = 1500, *, seed: int = 1, mirrored: bool = False, first: int = 0) -> int:
    """Quotes, books and prints of a seeded market, or the same with its sides exchanged. Gives the last moment."""
    rng = np.random.default_rng(seed)
    ts = START
    for i in range(first, first + n):
        ts = START + i * TENTH
        bid_size, ask_size, size, shift = rng.uniform(1, 9, 4).tolist()
        bid, ask = 100.0 + 0.01 * round(shift), 100.02 + 0.01 * round(shift)
        sign = 1 if rng.random() < 0.5 else -1
        if mirrored:
            bid, bid_size, ask, ask_size, sign = 200 - ask, ask_size, 200 - bid, bid_size, -sign
        micro.on_book(ts, ((bid, bid_size),), ((ask, ask_size),))
        micro.on_top(ts, (bid, bid_size, ask, ask_size))
        micro.on_trade(ts, sign, size)
    return ts


def read(micro: Microstructure) -> Reading:
    """What it says at the moment of its newest quote or book."""
    return micro.read(micro._as_of or START)


def test_warm_up_is_counted_out():
    micro = Microstructure()
    feed(micro, 300)
    assert read(micro).reason == "warming up: 29 of 50 s"


def fed(**changed):
    micro = Microstructure()
    feed(micro, **changed)
    return read(micro)


def test_parts_without_a_microprice():
    reading = fed()
    parts = reading.parts
    assert parts["microprice"] is None
    expected = (0.4 * parts["order_flow"] + 0.25 * parts["trade_flow"] + 0.15 * parts["book_imbalance"]) / 0.8
    assert reading.value == pytest.approx(expected, rel=1e-12)
    assert -1 <= reading.value <= 1


def test_exchanged_sides_turn_the_signal_round():
    assert fed(mirrored=True).value == pytest.approx(-fed().value, abs=1e-9)


def test_buyers_crossing_the_spread_are_heard():
    micro = Microstructure()
    ts = feed(micro)
    for i in range(50):
        micro.on_trade(ts + i * TENTH, 1, 500.0)
    assert read(micro).parts["trade_flow"] == pytest.approx(1.0, abs=0.1)


def test_a_gap_silences_it_until_the_next_snapshot():
    micro = Microstructure()
    ts = feed(micro)
    micro.invalidate()
    assert read(micro).reason == "the order book has a gap: waiting for a snapshot"
    micro.on_top(ts + TENTH, (100.0, 1.0, 100.02, 1.0))
    micro.on_trade(ts + TENTH, 1, 1.0)
    assert read(micro).value is None
    micro.on_book(ts + 2 * TENTH, ((100.0, 3.0),), ((100.02, 1.0),))
    reading = read(micro)
    assert reading.parts["book_imbalance"] == 0.5
    assert reading.parts["order_flow"] is None


def test_prints_of_no_size_say_nothing():
    micro = Microstructure()
    for i in range(600):
        micro.on_top(START + i * TENTH, (100.0, 0.0, 100.02, 0.0))
        micro.on_trade(START + i * TENTH, 1, 0.0)
    reading = read(micro)
    assert reading.value is None
    assert reading.reason == "no size in the book"


def test_spread_and_depth_have_medians():
    micro = Microstructure()
    for i in range(100):
        micro.on_book(START + i * SECOND, ((100.0, 2.0),), ((100.02, 3.0),))
        micro.on_top(START + i * SECOND, (100.0, 2.0, 100.02, 3.0))
    assert micro.spread_median_bps == pytest.approx(0.02 / 100.01 * 1e4)
    assert (micro.depth(START + 99 * SECOND), micro.depth_median) == (5.0, 5.0)


def test_flow_leaves_the_window_after_ten_seconds():
    window = FlowWindow()
    window.add(START, 8.0, 2.0)
    assert window.value == 4.0
    window.add(START + 5 * SECOND, 0.0, 2.0)
    assert window.value == 4.0
    window.add(START + 10 * SECOND, 0.0, 2.0)
    assert window.value == 0.0
    window.add(START + 60 * SECOND, 6.0, 2.0)
    assert window.value == 3.0


def test_flow_that_runs_backwards_in_time_is_counted_now():
    window = FlowWindow()
    window.add(START + SECOND, 1.0, 1.0)
    window.add(START, 1.0, 1.0)
    assert window.value == 2.0


def test_reading_often_changes_nothing():
    rarely, often = Microstructure(), Microstructure()
    for i in range(6):
        feed(rarely, 100, seed=i, first=i * 100)
        feed(often, 100, seed=i, first=i * 100)
        read(often)
    assert read(rarely).value is not None
    assert read(rarely) == read(often)


def test_the_book_imbalance_forgets_within_a_second():
    micro = Microstructure()
    ts = feed(micro)
    micro.on_book(ts + 60 * SECOND, ((100.0, 3.0),), ((100.02, 1.0),))
    micro.on_book(ts + 61 * SECOND, ((100.0, 1.0),), ((100.02, 3.0),))
    assert read(micro).parts["book_imbalance"] == pytest.approx(-0.5 + math.exp(-1) * 1.0)


def test_order_flow_is_measured_against_its_own_size():
    micro = Microstructure()
    flows = []
    for i in range(120):
        feed(micro, 10, seed=i, first=i * 10)
        flow = read(micro).parts.get("order_flow")
        if flow is not None:
            flows.append(abs(flow))
    assert len(flows) > 60
    assert 0.3 < np.mean(flows) < 0.7


TABLE = MicropriceTable(tick=0.01, bins=4, adjustments=((-0.4, -0.1, 0.1, 0.4), (-0.6, -0.2, 0.2, 0.6)), n_quotes=1000)


def test_a_fitted_microprice_takes_its_weight():
    without, fitted = Microstructure(), Microstructure()
    fitted.set_microprice(TABLE)
    feed(without)
    feed(fitted)
    ours, theirs = read(fitted), read(without)
    assert ours.parts["microprice"] is not None
    assert theirs.value is not None
    assert ours.value == pytest.approx(0.8 * theirs.value + 0.2 * ours.parts["microprice"], rel=1e-12)
    fitted.set_microprice(None)
    assert read(fitted) == theirs


def test_exchanged_sides_turn_the_fitted_signal_round():
    readings = []
    for mirrored in (False, True):
        micro = Microstructure()
        micro.set_microprice(TABLE)
        feed(micro, mirrored=mirrored)
        readings.append(read(micro))
    assert readings[0].value is not None
    assert readings[1].value == pytest.approx(-readings[0].value, abs=1e-9)
    assert readings[1].parts["impact_bps"] == pytest.approx(readings[0].parts["impact_bps"], rel=1e-3)


def test_the_longer_window_stands_beside_the_short_one():
    parts = fed().parts
    assert parts["order_flow_60s"] is not None
    assert "order_flow_60s" not in PART_WEIGHTS


def test_impact_of_prints_that_move_the_mid():
    micro, mid = Microstructure(), 100.0
    for i in range(200):
        sign = 1 if i % 3 else -1
        mid += 0.01 * sign
        micro.on_trade(START + i * SECOND - 1, sign, 2.0)
        micro.on_top(START + i * SECOND, (mid - 0.01, 1.0, mid + 0.01, 1.0))
    parts = read(micro).parts
    assert parts["impact_bps"] == pytest.approx(0.01 / 2.0 / mid * 1e4, rel=0.02)
    assert (parts["impact_r2"] or 0.0) > 0.99


def test_vpin_begins_with_the_volume_of_a_day():
    micro = Microstructure()
    micro.set_daily_volume(500.0)
    for i in range(600):
        micro.on_top(START + i * TENTH, (100.0, 1.0, 100.02, 1.0))
        micro.on_trade(START + i * TENTH, 1 if i % 4 else -1, 1.0)
        micro.set_daily_volume(9e9)
    # Ten prints a bucket, of which two or three are sold.
    assert read(micro).parts["vpin"] == pytest.approx(0.5, abs=0.01)


def test_vpin_is_ranked_among_that_of_the_last_buckets():
    micro = Microstructure()
    micro.set_daily_volume(50.0)
    ts = feed(micro, 600)
    for _ in range(60):
        # Buckets of one, half bought and half sold: nothing is one-sided.
        micro.on_trade(ts, 1, 0.5)
        micro.on_trade(ts, -1, 0.5)
        assert (read(micro).parts["vpin_percentile"] is None) == (read(micro).parts["vpin"] is None)
    calm = read(micro).parts["vpin_percentile"]
    for _ in range(50):
        micro.on_trade(ts, 1, 1.0)
    toxic = read(micro).parts["vpin_percentile"]
    assert calm < 0.5 < 0.95 < toxic


def test_the_usual_impact_is_told_once_it_is_known():
    micro = Microstructure()
    feed(micro, 3000)
    assert read(micro).parts["impact_median_bps"] is None
    feed(micro, 6000, first=3000)
    parts = read(micro).parts
    assert abs(parts["impact_median_bps"]) < 1.0
    assert parts["impact_bps"] is not None


def test_each_part_ages_with_its_own_input():
    """Quotes alone go on: prints fall silent after 5 s and the book after 2 s, and what is left says less surely."""
    micro = Microstructure()
    last = feed(micro, 6000)
    whole = micro.read(last)
    assert whole.quality == 1.0
    qualities = [whole.quality]
    for i in range(1, 61):
        ts = last + i * TENTH
        micro.on_top(ts, (100.0, 1.0 + i % 3, 100.02, 1.0))
        reading = micro.read(ts)
        qualities.append(reading.quality)
        assert (reading.parts["book_imbalance"] is None) == (i > 20)
        assert (micro.depth(ts) is None) == (i > 20)
        assert (reading.parts["trade_flow"] is None) == (i > 50)
        assert reading.as_of == ts
    assert qualities == sorted(qualities, reverse=True)
    assert reading.value == reading.parts["order_flow"]
    assert reading.quality == pytest.approx(0.4 / 0.8)
    micro.on_trade(ts, 1, 1.0)
    assert micro.read(ts).quality == pytest.approx((0.4 + 0.25) / 0.8)
    micro.on_book(ts, ((100.0, 1.0),), ((100.02, 1.0),))
    assert micro.read(ts).quality == 1.0


def test_a_part_that_ages_takes_quality_with_it_before_it_falls_silent():
    micro = Microstructure()
    last = feed(micro, 6000)
    ts = last + 7 * SECOND // 10
    micro.on_top(ts, (100.0, 2.0, 100.02, 1.0))
    micro.on_trade(ts, 1, 1.0)
    reading = micro.read(ts)
    assert reading.parts["book_imbalance"] is not None
    assert reading.quality == pytest.approx((0.65 + 0.15 * 2 ** (-0.6 / (2 / 3))) / 0.8)


def test_equally_old_parts_lose_nothing_twice():
    """The age of the reading itself is taken off by who weighs it."""
    micro = Microstructure()
    last = feed(micro, 6000)
    assert micro.read(last + SECOND).quality == 1.0


def test_the_usual_depth_learns_no_stale_book():
    micro = Microstructure()
    micro.on_book(START, ((100.0, 2.0),), ((100.02, 3.0),))
    for i in range(60):
        micro.on_top(START + i * SECOND, (100.0, 2.0, 100.02, 3.0))
    micro.on_book(START + 60 * SECOND, ((100.0, 20.0),), ((100.02, 30.0),))
    for i in range(60, 63):
        micro.on_top(START + i * SECOND, (100.0, 2.0, 100.02, 3.0))
    assert micro.depth_median == 50.0

import math

import numpy as np
import pytest

from quant.features.scale import NORMAL_SCALAR
from quant.signals.speed import LED_WEIGHTS, PART_WEIGHTS, Speed, TickRate
from tests.unit.quant.market import SECOND, START

TENTH = SECOND // 10


def path(n: int = 3000, seed: int = 1, drift: float = 0.0) -> list[tuple[int, float]]:
    steps = np.random.default_rng(seed).normal(drift, 2e-5, n)
    return [(START + i * TENTH, float(mid)) for i, mid in enumerate(100 * np.exp(np.cumsum(steps)))]


def after(mids):
    speed = Speed()
    for ts, mid in mids:
        speed.on_mid(ts, mid)
    return speed


def test_no_quote_no_speed():
    reading = Speed().read()
    assert reading.value is None
    assert reading.reason == "no data: no quote yet"


def test_warm_up_is_counted_out():
    reading = after(path(300)).read()
    assert reading.value is None
    assert reading.reason == "warming up: 29 of 50 s"


def test_a_sudden_rise_is_fast():
    calm = path(2000)
    ts, mid = calm[-1]
    rise = [(ts + (i + 1) * TENTH, mid * math.exp(1e-4 * (i + 1))) for i in range(50)]
    assert after(calm + rise).read().value > 0.4
    fall = [(t, mid * mid / m) for t, m in rise]
    assert after(calm + fall).read().value < -0.4


def test_inverted_prices_invert_the_signal():
    mids = path(2000)
    inverted = [(ts, 1e4 / mid) for ts, mid in mids]
    assert after(inverted).read().value == pytest.approx(-after(mids).read().value, abs=1e-9)


def test_the_unit_of_price_does_not_matter():
    mids = path(2000)
    assert after([(ts, mid * 1e-7) for ts, mid in mids]).read().value == pytest.approx(
        after(mids).read().value, abs=1e-8
    )


def test_a_mid_that_stands_still_has_no_speed():
    reading = after([(START + i * TENTH, 100.0) for i in range(1000)]).read()
    assert reading.value is None
    assert reading.reason == "the mid stands still"


def test_mids_closer_than_a_tenth_of_a_second_are_not_sampled():
    mids = path(2000)
    crowded = [pair for ts, mid in mids for pair in ((ts, mid), (ts + 1, mid * 2))]
    assert after(crowded).read() == after(mids).read()


def test_the_future_changes_nothing():
    mids = path(1500)
    speed, seen = Speed(), []
    for ts, mid in mids:
        speed.on_mid(ts, mid)
        seen.append(speed.read())
    assert after(mids[:900]).read() == seen[899]


def test_reading_often_changes_nothing():
    mids = path(1500)
    speed = Speed()
    for ts, mid in mids:
        speed.on_mid(ts, mid)
        speed.read()
    assert speed.read() == after(mids).read()


def test_return_of_a_minute():
    speed = after([(START + i * SECOND, 100 * math.exp(i * 1e-4)) for i in range(100)])
    assert speed.return_1m == pytest.approx(60e-4)
    assert after([(START, 100.0)]).return_1m is None


def test_prints_twice_as_fast_as_usual_amplify_in_full():
    rate = TickRate()
    ts = START
    for _ in range(400):
        ts += SECOND
        rate.update(ts)
    assert rate.amplifier(ts) < 0.65
    for _ in range(100):
        ts += SECOND // 5
        rate.update(ts)
    assert rate.amplifier(ts) == 1.0


def test_without_prints_speed_is_halved():
    assert TickRate().amplifier(START) == 0.5


def test_returns_are_scaled_by_volatility_and_time():
    steps = np.random.default_rng(3).normal(0, 1e-4, 300)
    log_mids = np.log(100) + np.concatenate(([0], np.cumsum(steps)))
    speed = after([(START + i * SECOND, float(np.exp(x))) for i, x in enumerate(log_mids)])
    kept = np.exp(-np.arange(299, -1, -1) / 600)
    sigma = np.sqrt((kept * steps**2).sum() / kept.sum())
    scaled = [(log_mids[-1] - log_mids[-1 - h]) / (sigma * np.sqrt(h)) for h in (5, 30, 120)]
    expected = np.mean([np.clip(NORMAL_SCALAR * x / 20, -1, 1) for x in scaled])
    assert speed.read().parts["scaled_return"] == pytest.approx(expected, rel=1e-8)


def test_one_horizon_that_is_beyond_its_scale_does_not_drown_the_others():
    """A jump of the last five seconds is far out there, and nearly nothing over two minutes."""
    steps = np.random.default_rng(3).normal(0, 1e-4, 300)
    log_mids = np.log(100) + np.concatenate(([0], np.cumsum(steps)))
    log_mids[-2:] += 0.02
    speed = after([(START + i * SECOND, float(np.exp(x))) for i, x in enumerate(log_mids)])
    jumped = [(log_mids[-1] - log_mids[-1 - h]) for h in (5, 30, 120)]
    assert min(jumped) > 0.015
    returns = [x for x in speed._scaled_returns() if x is not None]
    assert returns[0] > 3 * returns[2]
    each = [min(1.0, NORMAL_SCALAR * x / 20) for x in returns]
    assert speed.read().parts["scaled_return"] == pytest.approx(np.mean(each), rel=1e-9)


def test_value_is_the_weighted_mean_of_its_parts_amplified():
    speed = after(path(2000))
    for i in range(100):
        speed.on_trade(START + i * 2 * SECOND)
        speed.on_trade(START + 199 * SECOND + i * TENTH // 10)
    reading = speed.read()
    mean = sum(weight * reading.parts[name] for name, weight in PART_WEIGHTS.items())
    assert 0.9 < reading.parts["amplifier"] <= 1.0
    assert reading.value == pytest.approx(mean * reading.parts["amplifier"], rel=1e-12)
    assert after(path(2000)).read().value == pytest.approx(mean * 0.5, rel=1e-12)


def led(*, lead_lag, silent=False, seconds=500):
    """A follower that does a second later what its leader did, and the leader."""
    steps = np.random.default_rng(4).normal(0, 2e-5, seconds)
    speed, follower, leader = Speed(lead_lag=lead_lag), 0.0, 0.0
    for i, step in enumerate(steps.tolist()):
        ts = START + i * SECOND
        leader += step
        follower += steps[i - 1] if i else 0.0
        if not silent or i < seconds - 10:
            speed.on_leader(ts, 50.0 * math.exp(leader))
        speed.on_mid(ts, 100.0 * math.exp(follower))
    return speed.read(), steps[-1]


def test_a_leader_speaks_where_it_is_switched_on():
    reading, step = led(lead_lag=True)
    assert reading.parts["lead_lag"] * step > 0
    share = {name: weight for name, weight in LED_WEIGHTS.items() if reading.parts[name] is not None}
    mean = sum(weight * reading.parts[name] for name, weight in share.items()) / sum(share.values())
    assert reading.value == pytest.approx(mean * reading.parts["amplifier"], rel=1e-12)
    assert "lead_lag" not in led(lead_lag=False)[0].parts


def test_a_silent_leader_leaves_its_weight_to_the_rest():
    quiet, _ = led(lead_lag=True, silent=True)
    assert quiet.parts["lead_lag"] is None
    assert quiet.value == pytest.approx(led(lead_lag=False)[0].value, rel=1e-12)

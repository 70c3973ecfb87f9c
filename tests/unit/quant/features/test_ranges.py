import numpy as np
import pytest

from quant.features.ranges import YangZhang, garman_klass, parkinson, rogers_satchell, yang_zhang
from tests.unit.quant.market import walk

OPEN = np.array([100, 101, 100.5, 102])
HIGH = np.array([102, 103, 102.5, 104])
LOW = np.array([99, 100, 99.5, 101])
CLOSE = np.array([101, 100.5, 102, 103])


def test_estimators_of_known_bars():
    assert parkinson(HIGH, LOW) == pytest.approx(0.01777518, abs=5e-9)
    assert garman_klass(OPEN, HIGH, LOW, CLOSE) == pytest.approx(0.01989171, abs=5e-9)
    assert yang_zhang(OPEN, HIGH, LOW, CLOSE) == pytest.approx(0.01967278, abs=5e-9)


def test_streaming_equals_arrays():
    bars = walk(120)
    columns = [np.array([getattr(b, name) for b in bars]) for name in ("open", "high", "low", "close")]
    streaming = YangZhang(20)
    for i, b in enumerate(bars):
        value = streaming.update(b.open, b.high, b.low, b.close)
        if i < 20:
            assert value is None
        else:
            assert value == pytest.approx(yang_zhang(*(c[i - 20 : i + 1] for c in columns)), rel=1e-12)


def test_no_range_no_volatility():
    flat = np.full(10, 5.0)
    assert rogers_satchell(flat, flat, flat, flat) == 0.0
    assert yang_zhang(flat, flat, flat, flat) == 0.0


def test_volatility_does_not_know_the_direction():
    up = yang_zhang(OPEN, HIGH, LOW, CLOSE)
    assert yang_zhang(1 / OPEN, 1 / LOW, 1 / HIGH, 1 / CLOSE) == pytest.approx(up, rel=1e-12)

"""Two prices of one symbol."""

from marketdata.divergence import Divergence, Verdict
from tests.unit.marketdata.cast import SECOND


def test_only_what_stays_apart_has_diverged():
    pair = Divergence(limit_bps=100)
    assert pair.compare(100.0, 100.9, now_ns=0) is Verdict.AGREE
    assert pair.compare(100.0, 102.0, now_ns=SECOND) is Verdict.APART
    assert pair.compare(100.0, 100.5, now_ns=2 * SECOND) is Verdict.AGREE
    assert pair.compare(100.0, 102.0, now_ns=3 * SECOND) is Verdict.APART
    assert pair.compare(102.0, 100.0, now_ns=7 * SECOND) is Verdict.APART
    assert pair.compare(102.0, 100.0, now_ns=8 * SECOND) is Verdict.DIVERGED
    assert round(pair.distance_bps) == 200


def test_what_cannot_be_compared_is_unknown_and_starts_the_time_anew():
    pair = Divergence(limit_bps=100)
    pair.compare(100.0, 110.0, now_ns=0)
    assert pair.compare(None, 110.0, now_ns=4 * SECOND) is Verdict.UNKNOWN
    assert pair.compare(100.0, None, now_ns=5 * SECOND) is Verdict.UNKNOWN
    assert pair.compare(0.0, 110.0, now_ns=6 * SECOND) is Verdict.UNKNOWN
    assert pair.compare(100.0, 110.0, now_ns=7 * SECOND) is Verdict.APART

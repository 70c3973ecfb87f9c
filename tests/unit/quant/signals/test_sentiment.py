import math

import pytest
from msgspec import structs

from quant.signals.sentiment import SentimentSignal, fade_extremes
from tests.unit.quant.market import START
from tests.unit.quant.slow_market import DAY, HOUR, MINUTE, headline, index

GOOD = [headline(START + i, title) for i, title in enumerate(("Bitcoin soars", "BTC rallies", "ETF approved at last"))]
BAD = [
    headline(START + i, title) for i, title in enumerate(("Bitcoin crashes", "Exchange hacked", "BTC bankrupt fear"))
]


def after(*events):
    signal = SentimentSignal()
    for event in events:
        signal.update(event)
    return signal


def test_it_names_what_it_lacks():
    assert SentimentSignal().read(START).reason == "no data: fear and greed index, headlines"
    old = after(index(START - 2 * DAY, 10.0)).read(START)
    assert old.value is None
    assert old.reason == (
        "no data: the fear and greed index is over 36 hours old, fewer than 3 headlines of the last hours"
    )


@pytest.mark.parametrize(
    ("value", "score"), [(0, 1.0), (12.5, 0.5), (25, 0.0), (50, 0.0), (75, 0.0), (87.5, -0.5), (100, -1.0)]
)
def test_extremes_are_faded(value, score):
    assert fade_extremes(value) == score


def test_the_index_alone():
    reading = after(index(START, 20.0)).read(START)
    assert reading.value == pytest.approx(0.2)
    assert reading.parts["headlines_baseline"] is None
    assert reading.quality == pytest.approx(0.5, abs=0.01)


def test_the_index_fades_and_ends():
    signal = after(index(START, 0.0))
    assert signal.read(START + DAY).quality == pytest.approx(signal.read(START).quality / 2, rel=1e-3)
    assert signal.read(START + 36 * HOUR + MINUTE).value is None


def test_headlines_need_three():
    assert after(*GOOD[:2]).read(START + MINUTE).value is None
    assert after(*GOOD).read(START + MINUTE).value > 0.5
    assert after(*BAD).read(START + MINUTE).value < -0.5


def test_half_index_half_headlines():
    reading = after(index(START, 0.0), *BAD).read(START)
    assert reading.value == pytest.approx((1.0 + reading.parts["headlines_baseline"]) / 2, rel=1e-3)


def test_old_headlines_yield_to_the_index():
    signal = after(index(START, 0.0), *BAD)
    assert signal.read(START + 6 * HOUR).value > signal.read(START).value + 0.3
    assert signal.read(START + 13 * HOUR).parts["headlines_baseline"] is None


def test_newer_headlines_weigh_more():
    later = [structs.replace(e, ts_init=e.ts_init + 4 * HOUR) for e in GOOD]
    assert after(*BAD, *later).read(START + 4 * HOUR).parts["headlines_baseline"] > 0.3


def test_the_same_title_counts_once_a_day():
    again = [structs.replace(GOOD[0], ts_init=START + i * MINUTE, link=str(i)) for i in range(50)]
    assert after(*again).read(START + HOUR).value is None


def test_news_of_the_market_weighs_half():
    market = [structs.replace(e, symbol="CRYPTO") for e in GOOD]
    own = after(*BAD, *GOOD).read(START).value
    assert after(*BAD, *market).read(START).value < own


def test_what_the_list_does_not_know_does_not_count():
    unknown = [headline(START + i, f"Weekly newsletter {i}") for i in range(9)]
    assert after(*unknown).read(START).value is None


def test_an_impossible_index_leaves_no_trace():
    for value in (math.nan, -1.0, 101.0, math.inf):
        assert after(index(START, 20.0), index(START + DAY, value)).read(START) == after(index(START, 20.0)).read(START)


def test_reading_within_a_minute_is_the_same_reading():
    signal = after(index(START, 20.0))
    assert signal.read(START + 1) is signal.read(START + MINUTE // 2)

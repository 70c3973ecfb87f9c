import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.features.lexicon import MAX_CHARACTERS, fold, score


@pytest.mark.parametrize(
    "title",
    [
        "BTC to the moon",
        "bitcoin shorts liquidated, price rips higher",
        "Bitcoin hits all-time high",
        "SEC approves spot ETF",
        "Exchange was not hacked",
    ],
)
def test_good_news(title):
    assert (score(title) or 0.0) > 0.3


@pytest.mark.parametrize(
    "title",
    [
        "Longs liquidated as BTC drops",
        "Exchange halts withdrawals",
        "$200M stolen in bridge exploit",
        "Bitcoin sell-off deepens",
        "Traders see no recovery",
        "\uff22\uff34\uff23 \uff23\uff32\uff21\uff33\uff28",
        "Bitcoin cra\u200bshes",
    ],
)
def test_bad_news(title):
    assert (score(title) or 0.0) < 0.0


def test_phrases_come_before_their_words():
    assert score("shorts liquidated") == 0.8
    assert score("liquidated") == -0.5


@pytest.mark.parametrize("title", ["", "Weekly newsletter", "🚀🚀🚀", "<script>alert(1)</script>", "'; DROP TABLE"])
def test_what_says_nothing_is_missing(title):
    assert score(title) in (None, -0.5)
    assert score("Weekly newsletter") is None


@settings(deadline=None)
@given(st.text(max_size=2000))
def test_any_text_is_a_number_in_range_or_missing(text):
    value = score(text)
    assert value is None or -1.0 <= value <= 1.0
    assert len(fold(text)) <= MAX_CHARACTERS


def test_a_long_text_is_cut():
    assert score("nothing " * 100 + "crash") is None

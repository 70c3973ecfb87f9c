"""Figures in server-rendered pages follow the rules of those in the browser."""

from decimal import Decimal

import pytest

from bots.templatetags.figures import average, inputs, milliseconds, moment, money, plain, score, sentence, tone, why

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Decimal("61102.700000000000"), "61,102.7"), (Decimal("0E-12"), "0"), (100.0, "100"), (None, NONE)],
)
def test_plain_drops_zeros_that_say_nothing(value: Decimal | float | None, shown: str) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize(
    ("price", "tick", "shown"),
    [
        ("0.639840072615", "0.0001", "0.63984"),
        ("61102.705", "0.01", "61,102.705"),
        ("61102.7049", "0.010000000000", "61,102.705"),
        ("1234.56", "10", "1,234.6"),
    ],
)
def test_an_average_is_one_digit_finer_than_the_tick(price: str, tick: str, shown: str) -> None:
    assert average(Decimal(price), Decimal(tick)) == shown


def test_no_average_is_a_dash() -> None:
    assert average(None, Decimal("0.01")) == NONE


def test_money_has_two_digits_and_a_sign_where_asked() -> None:
    assert money(Decimal("1234.565"), "signed") == "+1,234.57"
    assert money(Decimal("-0.5")) == f"{MINUS}0.50"
    assert money(Decimal(0), "signed") == "0.00"


def test_scores_are_signed_unless_they_round_to_nothing() -> None:
    assert [score(0.421), score(-0.4), score(-0.001), score(None)] == ["+0.42", f"{MINUS}0.40", "0.00", NONE]


def test_tone_follows_the_sign() -> None:
    assert [tone(Decimal(1)), tone(Decimal(-1)), tone(Decimal(0)), tone(None)] == ["up", "down", "", ""]


def test_milliseconds_grow_into_seconds_and_minutes() -> None:
    assert [milliseconds(53.4), milliseconds(3200), milliseconds(180_000)] == ["53 ms", "3.2 s", "3 min"]


def test_a_moment_is_a_time_element() -> None:
    assert moment(1_700_000_000_000_000_000) == (
        '<time datetime="2023-11-14T22:13:20+00:00">2023-11-14 22:13:20</time>'
    )


def test_inputs_of_a_component_are_lines() -> None:
    component = {"parts": {"mean_reversion": -0.1}, "n_obs": 500, "reason": ""}
    assert inputs(component) == f"mean reversion {MINUS}0.10\n500 observations"


def test_words_in_passing_become_a_sentence() -> None:
    assert [sentence("nothing is in the way"), sentence("Done."), sentence("")] == [
        "Nothing is in the way.",
        "Done.",
        "",
    ]


def test_why_does_not_repeat_itself() -> None:
    assert why({"reason": "no data: fear and greed index"}) == "fear and greed index"
    assert why({"reason": ""}) == "nothing received"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the blend of -0.44 points down", f"The blend of {MINUS}0.44 points down."),
        ("mean reversion -0.78 (score -1)", f"Mean reversion {MINUS}0.78 (score {MINUS}1)."),
        ("a 5-minute look at BTC-USD since 2026-11-21", "A 5-minute look at BTC-USD since 2026-11-21."),
    ],
)
def test_figures_within_words_have_the_same_minus(text: str, shown: str) -> None:
    assert sentence(text) == shown

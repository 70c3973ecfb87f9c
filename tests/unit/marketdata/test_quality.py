"""Bars whose numbers cannot be, whoever made them."""

import math

import pytest
from msgspec.structs import replace

from marketdata.quality import is_sound_bar
from tests.unit.marketdata.cast import minute


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 0.0},
        {"low": -1.0},
        {"low": math.nan},
        {"high": math.inf},
        {"high": math.nan},
        {"open": math.nan},
        {"close": math.nan},
        {"low": 101.0},
        {"high": 99.0},
        {"volume": -1.0},
        {"volume": math.nan},
        {"taker_buy_volume": math.inf},
        {"trades": -1},
        {"trades": 2**31},
    ],
)
def test_a_bar_that_cannot_be_is_told_from_one_that_can(wrong):
    assert is_sound_bar(minute(1))
    assert is_sound_bar(replace(minute(1), taker_buy_volume=None, volume=0.0))
    assert not is_sound_bar(replace(minute(1), **wrong))

import math

import pytest

from quant.wording import compared


@pytest.mark.parametrize(
    ("value", "limit", "words"),
    [
        (0.41, 0.25, ("0.41", "0.25")),
        (0.018, 0.02, ("0.018", "0.020")),
        (0.24996, 0.25, ("0.24996", "0.25000")),
        (0.25, 0.25, ("0.25", "0.25")),
        (0.1 + 0.2, 0.3, ("0.30", "0.30")),
        (-0.301, -0.3, ("-0.301", "-0.300")),
        (math.nan, 0.3, ("nan", "0.30")),
    ],
)
def test_numbers_that_differ_look_different(value, limit, words):
    assert compared(value, limit) == words

"""Streaming handles give the bits of the array functions."""

from functools import partial

import numpy as np
import pytest
import talib
from talib import stream

from quant.features.indicator import Indicator

CLOSES = np.array(
    [
        "44.3389",
        "44.0902",
        "44.1497",
        "43.6124",
        "44.3278",
        "44.8264",
        "45.0955",
        "45.4245",
        "45.8433",
        "46.0826",
        "45.8931",
        "46.0328",
        "45.6140",
        "46.2820",
        "46.2820",
        "46.0028",
    ],
    dtype=float,
)


def test_rsi_of_known_closes():
    rsi = Indicator(partial(stream.RSI, timeperiod=14))
    values = []
    for close in CLOSES:
        rsi.update(float(close))
        values.append(rsi.value)
    assert values[:14] == [None] * 14
    assert values[14:] == pytest.approx([70.5328, 66.3186], abs=5e-5)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("EMA", {"timeperiod": 8}),
        ("EMA", {"timeperiod": 128}),
        ("RSI", {"timeperiod": 14}),
        ("SMA", {"timeperiod": 20}),
        ("STDDEV", {"timeperiod": 20, "nbdev": 1.0}),
        ("MAX", {"timeperiod": 80}),
        ("MIN", {"timeperiod": 20}),
    ],
)
def test_streaming_is_bit_identical_to_arrays(name, parameters):
    prices = 100 + np.cumsum(np.random.default_rng(2).normal(0, 0.1, 400))
    batch = getattr(talib, name)(prices, **parameters)
    indicator = Indicator(partial(getattr(stream, name), **parameters))
    for price, expected in zip(prices.tolist(), batch.tolist(), strict=True):
        peeked = indicator.peek(price)
        indicator.update(price)
        if np.isnan(expected):
            assert indicator.value is None
        else:
            assert indicator.value == expected
            assert peeked is None or peeked == expected


def test_adx_is_bit_identical_to_arrays():
    rng = np.random.default_rng(4)
    close = 100 + np.cumsum(rng.normal(0, 0.1, 300))
    high, low = close + rng.uniform(0, 0.2, 300), close - rng.uniform(0, 0.2, 300)
    adx = Indicator(partial(stream.ADX, timeperiod=14), inputs=3)
    for h, l, c in zip(high, low, close, strict=True):  # noqa: E741
        adx.update(float(h), float(l), float(c))
    assert adx.value == talib.ADX(high, low, close, timeperiod=14)[-1]

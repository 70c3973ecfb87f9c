import math
from typing import Any

import pytest

from marketdata.sources.black76 import delta, price

AT_THE_MONEY: dict[str, Any] = {"forward": 100.0, "strike": 100.0, "years": 0.5, "volatility": 0.2}


def test_price_with_a_rate():
    # Published vector: Black-76(100, 100, .5, .02, .2).
    assert price(**AT_THE_MONEY, rate=0.02, is_call=True) == pytest.approx(5.5811067, abs=5e-8)


def test_delta_without_a_rate():
    assert delta(**AT_THE_MONEY, is_call=True) == pytest.approx(0.5281859, abs=1e-7)


@pytest.mark.parametrize("strike", [50.0, 90.0, 100.0, 120.0, 300.0])
def test_put_call_parity(strike):
    of: dict[str, Any] = {"forward": 100.0, "strike": strike, "years": 0.25, "volatility": 0.6, "rate": 0.03}
    discount = math.exp(-0.03 * 0.25)
    assert price(**of, is_call=True) - price(**of, is_call=False) == pytest.approx(discount * (100.0 - strike))
    assert delta(**of, is_call=True) - delta(**of, is_call=False) == pytest.approx(discount)


@pytest.mark.parametrize("is_call", [True, False])
def test_delta_is_the_slope_of_the_price(is_call):
    of: dict[str, Any] = {"strike": 95.0, "years": 0.4, "volatility": 0.5, "is_call": is_call}
    slope = (price(forward=100.01, **of) - price(forward=99.99, **of)) / 0.02
    assert delta(forward=100.0, **of) == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("field", ["forward", "strike", "years", "volatility"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_nonsense_has_no_delta(field, value):
    with pytest.raises(ValueError, match=field):
        delta(**AT_THE_MONEY | {field: value}, is_call=True)

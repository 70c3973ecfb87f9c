import pytest

from quant.features.black76 import black_scholes, delta, gamma, price

AT_THE_MONEY = {"forward": 100.0, "strike": 100.0, "years": 0.5, "volatility": 0.2}


def test_published_prices():
    assert price(**AT_THE_MONEY, rate=0.02, is_call=True) == pytest.approx(5.5811067, abs=5e-8)
    call = black_scholes(spot=100.0, strike=90.0, years=0.5, volatility=0.2, rate=0.01, is_call=True)
    assert call == pytest.approx(12.1115814, abs=5e-8)


def test_published_greeks():
    assert delta(**AT_THE_MONEY, is_call=True) == pytest.approx(0.5281859, abs=1e-7)
    assert gamma(**AT_THE_MONEY) == pytest.approx(0.0281390, abs=1e-7)


@pytest.mark.parametrize("strike", [70.0, 95.0, 130.0])
def test_gamma_is_the_slope_of_delta(strike):
    of = {"strike": strike, "years": 0.4, "volatility": 0.5}
    slope = (delta(forward=100.01, is_call=True, **of) - delta(forward=99.99, is_call=True, **of)) / 0.02
    assert gamma(forward=100.0, **of) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("field", list(AT_THE_MONEY))
def test_nonsense_has_no_gamma(field):
    with pytest.raises(ValueError, match="has no gamma"):
        gamma(**AT_THE_MONEY | {field: float("nan")})

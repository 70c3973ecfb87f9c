from marketdata.feed.rates import Rates


def test_a_rate_is_what_came_in_the_last_seconds():
    rates = Rates(window_s=5.0)
    shown = [rates.observe("BTC", 10 * second, float(second)) for second in range(20)]
    assert shown[0] == 0.0
    assert shown[1:] == [10.0] * 19


def test_it_falls_to_nothing_when_nothing_comes():
    rates = Rates(window_s=5.0)
    rates.observe("BTC", 0, 0.0)
    rates.observe("BTC", 100, 1.0)
    shown = [rates.observe("BTC", 100, float(second)) for second in range(2, 10)]
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] == 0.0


def test_a_counter_that_began_anew_never_shows_a_negative_rate():
    rates = Rates()
    rates.observe("BTC", 1_000, 0.0)
    assert rates.observe("BTC", 3, 1.0) == 0.0
    assert rates.observe("BTC", 5, 2.0) == 2.0


def test_forgotten_counters_begin_anew():
    rates = Rates()
    rates.observe("BTC", 100, 0.0)
    rates.forget({"ETH"})
    assert rates.observe("BTC", 200, 1.0) == 0.0

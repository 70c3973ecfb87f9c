"""Bars before a recording: the same arguments give the same bars, and they end at its first price."""

import itertools

import pytest

from bots.replay.start_bars import MINUTE_NS, aggregated, generated_bars

BEFORE = 1_723_104_000_000_000_000 + 17


def bars(**changes: object) -> list[object]:
    given = {"exchange": "binance", "symbol": "BTC/USDT", "price": 61_659.11, "before_ns": BEFORE}
    return list(generated_bars(**(given | changes)))  # type: ignore[arg-type]


def test_the_same_arguments_give_the_same_bars_and_another_seed_others() -> None:
    assert bars() == bars()
    assert bars() != bars(seed=2)


def test_they_follow_each_other_without_a_hole_and_end_at_the_price() -> None:
    made = generated_bars(exchange="binance", symbol="BTC/USDT", price=61_659.11, before_ns=BEFORE)
    assert len(made) == 500
    assert all(after.ts_open == bar.ts_close for bar, after in itertools.pairwise(made))
    assert made[-1].ts_close <= BEFORE < made[-1].ts_close + MINUTE_NS
    assert made[-1].close == pytest.approx(61_659.11)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in made)
    assert {bar.source for bar in made} == {"synthetic"}


def test_longer_bars_are_whole_and_keep_extremes_and_volume() -> None:
    minutes = generated_bars(exchange="binance", symbol="BTC/USDT", price=100.0, before_ns=BEFORE, count=62)
    longer = aggregated(minutes, "5m")
    assert all(bar.ts_open % (5 * MINUTE_NS) == 0 for bar in longer)
    first = [bar for bar in minutes if longer[0].ts_open <= bar.ts_open < longer[0].ts_close]
    assert len(first) == 5
    assert longer[0].high == max(bar.high for bar in first)
    assert longer[0].volume == pytest.approx(sum(bar.volume for bar in first))
    assert longer[0].close == first[-1].close


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan")])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="first price"):
        bars(price=price)

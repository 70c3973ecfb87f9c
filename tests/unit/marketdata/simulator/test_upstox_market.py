"""The simulated Upstox: a bounded walk around the clock, and bars that its frames, candles and clock agree on."""

import numpy as np
import pytest

from marketdata.bars import BarSet
from marketdata.events import Bar, TradeTick
from marketdata.exchanges.upstox.messages import UpstoxParser
from marketdata.simulator.upstox_frames import feed_frame
from marketdata.simulator.upstox_market import BAR_MS, DAY_MS, IST_MS, SPECS, UpstoxMarket, day_of

NIFTY = SPECS[0]
# 2026-01-05 00:00 in India.
MIDNIGHT = 20_458 * DAY_MS - IST_MS


def nifty(*, seed: int = 1, slots: int = 60) -> UpstoxMarket:
    return UpstoxMarket(NIFTY, seed=seed, slots=slots)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.trading_symbol)
@pytest.mark.parametrize("slots", [12, 60, 720])
def test_bar_stays_within_20_points_and_trades_what_it_should(spec, slots):
    market = UpstoxMarket(spec, seed=3, slots=slots)
    rows = market.candles(day_of(MIDNIGHT), 3, until_ms=MIDNIGHT + DAY_MS)
    before = np.concatenate([[market.previous_close(MIDNIGHT)], rows[:-1, 4]])
    points = 20 * spec.points
    assert len(rows) == 480
    assert (rows[:, 2] - before).max() <= points
    assert (before - rows[:, 3]).max() <= points
    assert np.abs(rows[:, 4] - before).max() > points / 2
    assert 50_000 <= rows[:, 5].min() < 60_000
    assert 190_000 < rows[:, 5].max() <= 200_000


def test_price_keeps_to_its_level_for_years():
    closes = [nifty().previous_close(MIDNIGHT + number * DAY_MS) * 0.05 for number in range(2_000)]
    assert 23_900 < min(closes) < max(closes) < 25_100


def test_days_join():
    market = nifty()
    yesterday = market.candles(day_of(MIDNIGHT) - 1, 3, until_ms=MIDNIGHT)
    assert yesterday[-1, 4] == market.previous_close(MIDNIGHT)
    assert market.print_at(MIDNIGHT).price == yesterday[-1, 4]
    assert market.print_at(MIDNIGHT).time_ms == MIDNIGHT - BAR_MS // 120
    assert market.print_at(MIDNIGHT + BAR_MS // 120).volume < 200_000


def test_same_seed_and_time_give_the_same_market_and_another_seed_another():
    at_ms = MIDNIGHT + 12_345_678
    assert nifty().print_at(at_ms) == nifty().print_at(at_ms)
    assert nifty().print_at(at_ms) != nifty(seed=2).print_at(at_ms)


def test_longer_candles_are_made_of_shorter_ones():
    market, day = nifty(), day_of(MIDNIGHT)
    minutes = market.candles(day, 1, until_ms=MIDNIGHT + DAY_MS)
    longer = market.candles(day, 15, until_ms=MIDNIGHT + DAY_MS)
    assert len(longer) == 96
    for start, opened, high, low, close, volume in longer.tolist():
        parts = minutes[(minutes[:, 0] >= start) & (minutes[:, 0] < start + 900_000)]
        assert (parts[0, 1], parts[:, 2].max(), parts[:, 3].min(), parts[-1, 4]) == (opened, high, low, close)
        assert parts[:, 5].sum() == volume


def test_day_so_far_is_told_with_every_print():
    market = nifty()
    now_ms = MIDNIGHT + 10 * BAR_MS + 61_000
    so_far = market.candles(day_of(MIDNIGHT), 1, until_ms=now_ms)
    newest = market.print_at(now_ms)
    assert (newest.opened, newest.high, newest.low) == (so_far[0, 1], so_far[:, 2].max(), so_far[:, 3].min())
    assert newest.volume == so_far[:, 5].sum()
    assert (so_far[:, 3] * so_far[:, 5]).sum() <= newest.turnover <= (so_far[:, 2] * so_far[:, 5]).sum()


def test_unfinished_candle_ends_with_the_newest_print():
    market = nifty()
    now_ms = MIDNIGHT + 10 * BAR_MS + 61_000
    *_, last = market.candles(day_of(MIDNIGHT), 3, until_ms=now_ms)
    newest = market.print_at(now_ms)
    assert (last[0], last[4]) == (MIDNIGHT + 10 * BAR_MS, newest.price)
    assert market.candles(day_of(MIDNIGHT), 3, until_ms=MIDNIGHT - 1).shape == (0, 6)


def test_session_of_frames_gives_the_three_minute_bars_of_the_market():
    """Half an hour through encoder, parser and bars, against candles computed from the market alone."""
    market = nifty()
    parser = UpstoxParser(exchange="upstox", symbols={NIFTY.key: "NIFTY/INR"})
    bars = BarSet(exchange="upstox", symbol="NIFTY/INR", timeframes=["3m"])
    slot_ms = BAR_MS // market.slots
    begin_ms = MIDNIGHT + 36_000_000
    parser.parse(feed_frame([market], begin_ms - 90_000, initial=True), ts_init=0)
    bars.resume()
    built: list[Bar] = []
    for number in range(1, (1_890_000 + 90_000) // slot_ms):
        for event in parser.parse(feed_frame([market], begin_ms - 90_000 + number * slot_ms), ts_init=number):
            if isinstance(event, TradeTick):
                built += [bar for bar in bars.add(event) if bar.timeframe == "3m"]
    expected = [
        row for row in market.candles(day_of(begin_ms), 3, until_ms=begin_ms + 1_800_000 - 1) if row[0] >= begin_ms
    ]
    assert len(expected) == 10
    assert [
        (bar.ts_open // 1_000_000, *(round(p / 0.05) for p in (bar.open, bar.high, bar.low, bar.close)), bar.volume)
        for bar in built
    ] == [tuple(row.tolist()) for row in expected]
    assert sum(bar.trades for bar in built) == 10 * market.slots

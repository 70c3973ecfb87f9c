"""The period collar: how far a price went within a minute."""

import random

from bots.trading.swing import SECOND_NS, Swing

WINDOW_S = 60


def test_a_move_is_from_the_lowest_to_the_highest_and_leaves_the_window() -> None:
    swing = Swing(WINDOW_S * SECOND_NS)
    assert swing.moved(0) == 0.0
    swing.see(100.0, 1 * SECOND_NS)
    swing.see(111.0, 1 * SECOND_NS + 5)
    assert swing.moved(2 * SECOND_NS) == 0.11
    assert swing.moved(61 * SECOND_NS) == 0.11
    swing.see(111.0, 62 * SECOND_NS)
    assert swing.moved(62 * SECOND_NS) == 0.0


def test_a_fall_counts_as_a_rise_and_silence_forgets() -> None:
    swing = Swing(WINDOW_S * SECOND_NS)
    swing.see(125.0, 0)
    swing.see(100.0, 30 * SECOND_NS)
    assert swing.moved(30 * SECOND_NS) == 0.25
    assert swing.moved(3_600 * SECOND_NS) == 0.0


def test_what_is_no_price_is_not_taken_and_another_source_begins_anew() -> None:
    swing = Swing(WINDOW_S * SECOND_NS)
    for price in (100.0, 0.0, -5.0, float("nan"), 101.0):
        swing.see(price, SECOND_NS)
    assert round(swing.moved(SECOND_NS), 12) == 0.01
    swing.forget()
    swing.see(50.0, SECOND_NS)
    assert swing.moved(SECOND_NS) == 0.0


def test_it_is_that_of_all_prices_of_its_seconds() -> None:
    rng = random.Random(7)
    swing, seen, price, now = Swing(WINDOW_S * SECOND_NS), [], 100.0, 0
    for _ in range(5_000):
        now += rng.randrange(0, SECOND_NS)
        price *= 1 + rng.uniform(-0.01, 0.01)
        swing.see(price, now)
        seen.append((now // SECOND_NS, price))
        kept = [value for second, value in seen if second >= now // SECOND_NS - WINDOW_S]
        assert swing.moved(now) == (max(kept) - min(kept)) / min(kept)

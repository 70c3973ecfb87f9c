"""Bots' order lives in virtual time, on the real store, killed at any await: nothing is lost, nothing is sent twice."""

import time

from tests.chaos.simulation.ground import live_all

SEEDS = 1_000
SECONDS = 75.0


def test_lives_that_end_anywhere_leave_books_that_agree_with_the_venue(transactional_db: None) -> None:
    began_s = time.monotonic()
    lives = live_all(range(SEEDS), began_ns=time.time_ns(), is_over=lambda: time.monotonic() - began_s > SECONDS)
    print(f"crashes: seeds 0 to {lives.lives - 1}; {dict(lives.counts)}")
    assert lives.problems == []

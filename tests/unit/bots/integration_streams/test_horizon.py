"""Which rows may be published while others are still on their way."""

from bots.integration_streams.horizon import Horizon

NOBODY: frozenset[str] = frozenset()


def test_rows_without_holes_go_at_once():
    assert Horizon().complete([4, 5, 6], after=3) == 3


def test_a_row_after_a_hole_waits():
    assert Horizon().complete([4, 6, 7], after=3) == 1


def test_a_hole_is_passed_when_everybody_who_might_fill_it_has_ended():
    horizon = Horizon()
    horizon.after_reading([4, 6, 7], frozenset({"3/1", "4/9"}))
    horizon.before_reading(frozenset({"4/9", "5/2"}))
    assert horizon.is_waiting
    assert horizon.complete([6, 7], after=4) == 0
    horizon.before_reading(frozenset({"5/2"}))
    assert not horizon.is_waiting
    assert horizon.complete([6, 7], after=4) == 2


def test_a_hole_seen_since_waits_for_its_own_writers():
    horizon = Horizon()
    horizon.after_reading([6], NOBODY)
    horizon.before_reading(NOBODY)
    assert horizon.complete([6, 8], after=4) == 1


def test_writers_who_come_later_do_not_make_it_wait_for_ever():
    horizon = Horizon()
    horizon.after_reading([6], frozenset({"3/1"}))
    horizon.after_reading([6, 9], frozenset({"3/1", "7/7"}))
    horizon.before_reading(frozenset({"7/7"}))
    assert horizon.complete([6, 9], after=4) == 1

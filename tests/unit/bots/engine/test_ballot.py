"""Several voters of one component speak as one."""

import pytest

from bots.engine.ballot import Ballot, Given
from quant.reading import Reading
from tests.unit.quant.market import SECOND, START


def given(value: float | None, *, as_of: int = START, factor: float = 1.0, bar_s: float = 60.0) -> Given:
    return Given(reading=Reading(value=value, quality=1.0, as_of=as_of, n_obs=1), factor=factor, bar_s=bar_s)


def test_nobody_votes() -> None:
    counted = Ballot().count(START)
    assert (counted.reading, counted.factor) == (None, 1.0)


def test_one_voter_is_heard_as_it_is() -> None:
    ballot = Ballot()
    ballot.put("model v1", given(0.4, factor=0.25, bar_s=300.0))
    counted = ballot.count(START + 600 * SECOND)
    assert counted.reading == given(0.4).reading
    assert (counted.factor, counted.bar_s) == (0.25, 300.0)
    assert ballot.count(START + 601 * SECOND).reading is None


def test_several_are_their_mean_by_factors_and_as_old_as_the_oldest() -> None:
    ballot = Ballot()
    ballot.put("live", given(0.8, as_of=START + SECOND))
    ballot.put("canary", given(-0.2, factor=0.25))
    counted = ballot.count(START + 2 * SECOND)
    assert counted.reading is not None
    assert counted.reading.value == pytest.approx((0.8 - 0.05) / 1.25)
    assert counted.reading.as_of == START
    assert counted.factor == 1.0
    assert counted.reading.parts == {"vote of canary": -0.2, "vote of live": 0.8}


def test_who_has_no_value_or_is_withdrawn_does_not_count() -> None:
    ballot = Ballot()
    ballot.put("silent", given(None))
    ballot.put("v1", given(0.5))
    ballot.put("v2", given(-0.5))
    assert ballot.keep({"v1", "silent"})
    assert not ballot.keep({"v1", "silent"})
    counted = ballot.count(START)
    assert counted.reading is not None
    assert counted.reading.value == 0.5


def test_who_is_in_shadow_has_no_part_in_what_counts() -> None:
    ballot = Ballot()
    ballot.put("shadow", given(-0.9, factor=0.0))
    ballot.put("live", given(0.5))
    counted = ballot.count(START)
    assert counted.reading is not None
    assert (counted.reading.value, counted.factor) == (pytest.approx(0.5), 1.0)
    ballot.put("live", given(-0.5, factor=0.0))
    assert ballot.count(START).factor == 0.0

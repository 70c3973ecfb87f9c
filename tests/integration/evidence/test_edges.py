"""What the edge gate may know of a bot's blend."""

import pytest

from quant.edge import Evidence
from quant.evidence.edges import edge_for, known_edges
from tests.integration.evidence.test_rest import weighed

pytestmark = pytest.mark.django_db
HERE = {"exchange": "simulated", "symbol": "BTC/USDT"}


def test_a_bots_own_blend_comes_before_the_default_one(django_assert_num_queries):
    weighed("combined", kind="blend", verdict="supports")
    weighed("bot:7", kind="bot", bot=7, ic=-0.02)
    weighed("speed", ic=0.5)
    weighed("combined", kind="blend", regime="trend", ic=0.9)
    weighed("combined", kind="blend", horizon_s=60, ic=0.9)
    with django_assert_num_queries(1):
        known = known_edges()
    assert edge_for(known, **HERE, bot_id=7) == Evidence(ic=-0.02, is_significant=False)
    assert edge_for(known, **HERE, bot_id=8) == Evidence(ic=0.03, is_significant=True)
    assert edge_for(known, exchange="simulated", symbol="ETH/USDT", bot_id=7) is None


def test_what_could_not_be_computed_is_not_known():
    weighed("combined", kind="blend", ic=None, n_eff=None)
    assert edge_for(known_edges(), **HERE, bot_id=1) is None

"""Alice's bot on BTC, as pages and API know it. Models are imported in the fixtures."""

from tests.integration.web.conftest import alice, bob, btc, eth, nobody, venue

__all__ = ["alice", "bob", "btc", "eth", "nobody", "venue"]

"""The cast of the web's tests trades here too."""

from tests.integration.web.conftest import alice, bob, btc, venue

__all__ = ["alice", "bob", "btc", "venue"]

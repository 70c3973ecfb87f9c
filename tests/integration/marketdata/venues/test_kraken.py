"""Kraken in the running feed."""

from tests.integration.marketdata.venues.cast import is_live, scene_at
from tests.integration.marketdata.venues.scenarios import ALL_FAULTS, VenueScenarios
from tests.venues.kraken import KrakenVenue
from tests.venues.server import Fault


class TestKraken(VenueScenarios):
    venue = KrakenVenue
    faults = noticed = (*ALL_FAULTS, Fault.WRONG_LEVEL)
    refusal = "Currency pair not supported FOO/USD"

    async def test_maintenance_is_announced_while_the_socket_lives(self, server):
        async with scene_at(server, ["BTC/USD"]) as scene:
            await scene.first.until(is_live)
            server.tell_maintenance()
            assert "maintenance" in await scene.told("maintenance")

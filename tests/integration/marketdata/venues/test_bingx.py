"""BingX's swaps and spot in the running feed."""

from tests.integration.marketdata.venues.cast import until_true
from tests.integration.marketdata.venues.scenarios import BookScenarios, VenueScenarios
from tests.venues.bingx import BingxSpotVenue, BingxVenue


class TestBingx(VenueScenarios):
    venue = BingxVenue
    # Every message is the whole book: the next one is true again.
    noticed = ()
    refusal = "80015 dataType not support"

    async def assert_more(self, scene):
        """Pings are answered."""
        await until_true(lambda: scene.server.counts["pongs"] >= 3)


class TestBingxSpot(BookScenarios):
    venue = BingxSpotVenue
    noticed = ()

    async def assert_more(self, scene):
        await until_true(lambda: scene.server.counts["pongs"] >= 3)

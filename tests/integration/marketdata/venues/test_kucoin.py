"""KuCoin's spot and futures in the running feed."""

from marketdata.events import Funding, Premium
from tests.integration.marketdata.venues.scenarios import BookScenarios, VenueScenarios
from tests.venues.kucoin import KucoinFuturesVenue, KucoinVenue
from tests.venues.server import Fault


class TestKucoin(VenueScenarios):
    venue = KucoinVenue
    # What was applied already is told apart by its sequence.
    noticed = (Fault.DROP, Fault.SWAP, Fault.BREAK)
    books_by_sequence = True
    refusal = "404 topic"
    token_advice = "KC-API-KEY not exists or has expired"


class TestKucoinFutures(BookScenarios):
    venue = KucoinFuturesVenue
    noticed = TestKucoin.noticed
    books_by_sequence = True

    async def assert_more(self, scene):
        events = scene.first.events
        premium = next(event for event in events if isinstance(event, Premium))
        assert premium.mark == premium.index + 0.5
        funding = next(event for event in events if isinstance(event, Funding))
        assert (funding.rate, funding.interval_h) == (0.0001, 8.0)

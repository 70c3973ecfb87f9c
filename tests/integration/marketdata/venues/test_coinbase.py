"""Coinbase in the running feed."""

from tests.integration.marketdata.venues.scenarios import VenueScenarios
from tests.venues.coinbase import CoinbaseVenue


class TestCoinbase(VenueScenarios):
    venue = CoinbaseVenue
    reconnects_after_a_gap = True
    refusal = "FOO-USD is not a valid product"
    token_advice = "Check the API key"

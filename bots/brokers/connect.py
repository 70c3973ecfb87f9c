"""The door to every venue: an HTTP broker where BROKER_API_URL names one, else the exchange by ccxt."""

from django.conf import settings

from bots.brokers.account import VenueAccount
from bots.brokers.venue import Venue


async def connect(account: VenueAccount) -> Venue:
    """Raises NoOrders where there is no way to send orders there, and VenueUnavailable where nobody answers."""
    if settings.BROKER_API_URL:
        from bots.brokers.http.connect import connect_http

        return await connect_http(account, settings.BROKER_API_URL)
    from bots.brokers.ccxt.connect import connect as connect_ccxt

    return await connect_ccxt(account)

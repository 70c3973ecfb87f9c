"""From an account's row to a connection with its venue."""

from asgiref.sync import sync_to_async
from django.db import connection

from bots.brokers.account import VenueAccount
from bots.brokers.venue import Venue
from bots.models import Account
from bots.orders.load import AccountConfig


async def connect_account(account: AccountConfig) -> Venue:
    """Open the account's keys and connect. Raises CannotOpen, NoOrders and VenueUnavailable, which say what to do."""
    opened = await sync_to_async(_open)(account.account_id)
    # ccxt takes a second and 100 MB, as cryptography takes some: engines with paper accounts only do without.
    from bots.brokers.connect import connect

    return await connect(opened)


def _open(account_id: int) -> VenueAccount:
    from bots.credentials.venue_account import venue_account

    try:
        return venue_account(Account.objects.select_related("exchange").get(pk=account_id))
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()

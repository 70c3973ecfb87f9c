"""An account as brokers want it: its keys opened, its addresses resolved."""

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from bots.brokers.account import VenueAccount
from bots.credentials.vault import CannotOpen, Sealed, open_sealed
from bots.models import Account, AccountCredentials, Mode
from marketdata.exchanges.catalog import get_adapter
from marketdata.models import Environment, Exchange


class NoCredentials(CannotOpen):
    """The account has none, or none are meant for it."""


@sensitive_variables()
def venue_account(account: Account) -> VenueAccount:
    """Open the account's keys. Reads the database. Raises CannotOpen, BadKeys, UnknownAdapter."""
    if account.mode == Mode.PAPER:
        raise NoCredentials(f"{account.name} is a paper account: it is at no venue.")
    row = AccountCredentials.objects.filter(account=account).first()
    if row is None:
        raise NoCredentials(f"{account.name} has no API key: give it one on its page in the admin, or by REST.")
    secrets = open_sealed(account.pk, Sealed(text=row.sealed, key_id=row.key_id), owner_id=account.owner_id)
    rest_url, ws_url = origins(account.exchange)
    return VenueAccount(
        account_id=account.pk,
        exchange=account.exchange.code,
        adapter=account.exchange.adapter,
        mode="live" if account.mode == Mode.LIVE else "sandbox",
        api_key=secrets.api_key,
        secret=secrets.secret,
        password=secrets.password,
        rest_url=rest_url,
        ws_url=ws_url,
    )


def origins(exchange: Exchange) -> tuple[str | None, str | None]:
    """Addresses for orders that stand in for the venue's own: the row's, or those of the simulated exchange."""
    rest_url, ws_url = exchange.rest_url or None, exchange.websocket_url or None
    if exchange.environment == Environment.SIMULATED:
        base = settings.SIMULATOR_URL.rstrip("/") + get_adapter(exchange.adapter).simulated_path
        return rest_url or base, ws_url or "ws" + base.removeprefix("http")
    return rest_url, ws_url

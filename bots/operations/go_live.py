"""Let an account trade real money."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from bots.models import Account, AccountCredentials, Mode, User
from bots.operations.account_rules import require_owner
from bots.operations.refusals import Refused
from bots.operations.speak import audit


class CannotGoLive(Refused):
    """The account is not one that can, the name was not typed, or something is missing."""


@transaction.atomic
def go_live(*, account_id: int, typed_name: str, actor: User, now: datetime) -> Account:
    """Bots on the account may start from now on; for a day at a tenth of its limits. Raises CannotGoLive, NotTheOwner."""
    account: Account = (
        Account.objects.select_for_update(of=("self",), no_key=True).select_related("exchange").get(pk=account_id)
    )
    require_owner(account, actor)
    if account.mode != Mode.LIVE:
        raise CannotGoLive(f"{account.name} is a {account.mode} account: there is no real money on it.")
    if account.live_since is not None:
        raise CannotGoLive(f"{account.name} is live since {account.live_since:%Y-%m-%d %H:%M} UTC.")
    if not AccountCredentials.objects.filter(account=account).exists():
        raise CannotGoLive(f"{account.name} has no API key: give it one first.")
    if not settings.SITE_IS_HTTPS:
        raise CannotGoLive(
            f"SITE_URL is {settings.SITE_URL}: real money needs https, or passwords can be read on the way."
        )
    if typed_name != account.name:
        raise CannotGoLive("The name that was typed is not the account's: nothing was changed.")
    account.live_since = now
    account.save(update_fields=("live_since",))
    audit(actor=actor, action="account.go_live", target=f"account:{account.pk}", at=now, exchange=account.exchange.code)
    return account

"""Forget an account's API key."""

from datetime import datetime

from django.db import transaction

from bots.models import Account, AccountCredentials, Bot, BotState, Position, User
from bots.operations.account_rules import require_owner
from bots.operations.refusals import Refused
from bots.operations.speak import audit


class CannotRemoveCredentials(Refused):
    """There are none, or bots would be left without hands."""


@transaction.atomic
def remove_credentials(*, account_id: int, actor: User, now: datetime) -> None:
    """Delete what is stored; the key itself is revoked at the venue. Raises CannotRemoveCredentials, NotTheOwner."""
    account = Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account_id)
    require_owner(account, actor)
    active = Bot.objects.filter(account=account, state__in=(BotState.RUNNING, BotState.PAUSED)).first()
    if active is not None:
        raise CannotRemoveCredentials(f"{active.name} is {active.state} on {account.name}: stop its bots first.")
    if Position.objects.filter(account=account).open().exists():
        raise CannotRemoveCredentials(
            f"{account.name} holds open positions, which could not be closed without the key."
        )
    removed, _ = AccountCredentials.objects.filter(account=account).delete()
    if not removed:
        raise CannotRemoveCredentials(f"{account.name} has no API key stored.")
    audit(actor=actor, action="account.credentials.remove", target=f"account:{account.pk}", at=now)

"""Ask the venue what an account's API key may do."""

from datetime import datetime

from bots.credentials.ask import ask_about, note_answers
from bots.models import Account, AccountCredentials, User
from bots.operations.refusals import Refused
from bots.operations.speak import audit


class CannotCheck(Refused):
    """There is no key to ask about."""


def check_credentials(*, account_id: int, actor: User | None, now: datetime) -> AccountCredentials:
    """Ask, and keep what was told; seconds, so not inside a transaction that holds locks. Raises CannotCheck."""
    account = Account.objects.select_related("exchange").get(pk=account_id)
    if not AccountCredentials.objects.filter(account=account).exists():
        raise CannotCheck(f"{account.name} has no API key: give it one first.")
    note_answers(account, ask_about(account), now=now)
    audit(actor=actor, action="account.credentials.check", target=f"account:{account.pk}", at=now)
    row: AccountCredentials = AccountCredentials.objects.get(account=account)
    return row

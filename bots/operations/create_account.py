"""Open an account."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from bots.credentials.secrets import Secrets
from bots.models import Account, Balance, JournalLeg, Mode, User
from bots.operations.account_rules import check_account
from bots.operations.set_credentials import set_credentials
from bots.operations.speak import audit
from bots.trading.fills import opening_legs
from marketdata.models import Exchange


@sensitive_variables()
@transaction.atomic
def create_account(
    *,
    owner: User,
    name: str,
    exchange: Exchange,
    opening_cash: Decimal,
    actor: User | None,
    now: datetime,
    secrets: Secrets | None = None,
    **settings: Any,
) -> Account:
    """Open an account: on paper with cash in its quote asset and the journal entry that says so, else with its API key.

    secrets: for sandbox and live accounts, whose opening_cash is 0: the venue says what they hold. settings: further
    fields of Account. Raises django.core.exceptions.ValidationError naming the field, Refused.
    """
    account = Account(owner=owner, name=name, exchange=exchange, opening_cash=opening_cash, **settings)
    account.full_clean()
    check_account(account, secrets, actor=actor)
    account.save()
    account_made(account, secrets, actor=actor, now=now)
    return account


@sensitive_variables()
def account_made(account: Account, secrets: Secrets | None, *, actor: User | None, now: datetime) -> None:
    """What follows a checked account that has just been saved, from here or from the admin's form."""
    open_books(account)
    audit(
        actor=actor, action="account.create", target=f"account:{account.pk}", at=now, mode=account.mode,
        cash=str(account.opening_cash),
    )  # fmt: skip
    if secrets is not None and actor is not None:
        set_credentials(account_id=account.pk, secrets=secrets, actor=actor, now=now)


def open_books(account: Account) -> None:
    """Balance and opening entry of a paper account that has just been saved; nothing where it has them.

    Those of the others are opened by their first reconciliation with the venue.
    """
    if account.mode != Mode.PAPER:
        return
    _, created = Balance.objects.get_or_create(
        account=account, asset=account.quote_asset, defaults={"total": account.opening_cash}
    )
    if not created:
        return
    entry = uuid.uuid4()
    JournalLeg.objects.bulk_create(
        JournalLeg(account=account, entry=entry, **msgspec.structs.asdict(leg))
        for leg in opening_legs(asset=account.quote_asset, amount=account.opening_cash)
    )

"""Open an account."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction

from bots.models import Account, Balance, JournalLeg, User
from bots.operations.speak import audit
from bots.trading.fills import opening_legs
from marketdata.models import Exchange


@transaction.atomic
def create_account(
    *,
    owner: User,
    name: str,
    exchange: Exchange,
    opening_cash: Decimal,
    actor: User | None,
    now: datetime,
    **settings: Any,
) -> Account:
    """Open a paper account with cash in its quote asset, and the journal entry that says so.

    settings: further fields of Account. Raises django.core.exceptions.ValidationError naming the field.
    """
    account = Account(owner=owner, name=name, exchange=exchange, opening_cash=opening_cash, **settings)
    account.full_clean()
    account.save()
    open_books(account)
    audit(actor=actor, action="account.create", target=f"account:{account.pk}", at=now, cash=str(opening_cash))
    return account


def open_books(account: Account) -> None:
    """Balance and opening entry of an account that has just been saved; nothing where it has them."""
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

"""Check of the keys that seal accounts' API keys: are they here, and do they open what is stored."""

from django.db import Error as DatabaseError

from bots.credentials.keys import BadKeys
from bots.credentials.vault import CannotOpen
from bots.credentials.venue_account import venue_account
from bots.models import AccountCredentials
from marketdata.exchanges.catalog import UnknownAdapter
from tradingsite.doctor.finding import Finding, failed, fine
from tradingsite.doctor.services import unanswered

CHECK = "account keys"


def check_account_keys() -> Finding:
    """Opens every account's API key; shows none."""
    try:
        rows = list(AccountCredentials.objects.select_related("account__exchange"))
    except DatabaseError as error:
        return unanswered(CHECK, error)
    closed = [why for row in rows if (why := _why_closed(row))]
    if closed:
        return failed(CHECK, f"{len(closed)} of {len(rows)} cannot be opened: {closed[0]}", "docs/operations.md, Keys.")
    return fine(CHECK, f"{len(rows)} API keys of accounts, all can be opened" if rows else "no account has an API key")


def _why_closed(row: AccountCredentials) -> str:
    try:
        venue_account(row.account)
    except (CannotOpen, BadKeys, UnknownAdapter) as error:
        return str(error)
    return ""

"""What an account's page says of its API key and of real money, and where that is changed."""

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html, format_html_join

from bots.models import Account, AccountCredentials, Mode
from bots.trading.going_live import RAMP, go_live_factor

NO_KEY = "None: its bots cannot start."


def live_fields(account: Account) -> tuple[str, ...]:
    return ("live_state",) if account.mode == Mode.LIVE else ()


def credentials_of(account: Account) -> AccountCredentials | None:
    found: AccountCredentials | None = getattr(account, "credentials", None)
    return found


def key_mark(account: Account) -> str:
    """For lists: none needed, missing, in trouble, or there."""
    if account.mode == Mode.PAPER:
        return "not needed"
    row = credentials_of(account)
    if row is None:
        return "✕ none"
    if row.check_error or row.can_trade is False or row.can_withdraw:
        return "! look at it"
    return "✓" if row.checked_at else "not checked"


def key_state(account: Account) -> str:
    """When it was set and checked, what it may do, and the ways to check and to remove it. Never the key."""
    row = credentials_of(account)
    if row is None:
        return NO_KEY
    lines = [f"Set on {row.set_at:%Y-%m-%d %H:%M} UTC", *checked(row)]
    links = (("account_check_key", "Check it now"), ("account_remove_key", "Remove it…"))
    return format_html(
        "{}<br>{}",
        _joined(lines),
        format_html_join(" · ", '<a href="{}">{}</a>', ((_url(name, account), text) for name, text in links)),
    )


def checked(row: AccountCredentials) -> list[str]:
    """What the venue told, a line each."""
    if row.checked_at is None:
        return ["Never checked at the venue"]
    when = f"Last checked {row.checked_at:%Y-%m-%d %H:%M} UTC"
    if row.check_error:
        return [f"{when}: ✕ {row.check_error}"]
    return [
        f"{when}: {_told(row.can_trade, '✓ may trade', '✕ may not trade', 'trading not told')}, "
        f"{_told(row.can_withdraw, '✕ may withdraw: replace it', '✓ cannot withdraw', 'withdrawing not told')}, "
        f"{_told(row.is_ip_bound, '✓ bound to an address', '! works from any address', 'binding to an address not told')}"
    ]


def live_state(account: Account, *, now: datetime) -> str:
    """Whether its bots may trade real money, since when, and whether the first day is over."""
    if account.live_since is None:
        return format_html(
            'Not live: its bots cannot start. <a href="{}">Go live…</a>', _url("account_go_live", account)
        )
    since = f"Live since {account.live_since:%Y-%m-%d %H:%M} UTC"
    if go_live_factor(account.live_since, now=now) < 1:
        return f"{since}; limits are a tenth until {account.live_since + RAMP:%Y-%m-%d %H:%M} UTC."
    return f"{since}."


def _joined(lines: list[str]) -> str:
    return format_html_join("", "{}<br>", ((line,) for line in lines[:-1])) + format_html("{}", lines[-1])


def _told(fact: bool | None, yes: str, no: str, unknown: str) -> str:
    return unknown if fact is None else yes if fact else no


def _url(name: str, account: Account) -> str:
    return reverse(f"admin:{name}", args=[account.pk])

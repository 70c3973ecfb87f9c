"""What a person's accounts are worth: balances, open positions, and sums of what may be summed."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bots.models import Account, Position, User
from bots.queries.records import decimal_text
from bots.trading.money import ZERO
from bots.trading.vocabulary import Side


def portfolio(user: User) -> dict[str, Any]:
    """Accounts with their worth in their quote asset, and totals by mode and quote asset, in three queries.

    Equity is the quote balance and every open position at its last mark, entry where it has none yet. Paper is never added
    to real money, nor one quote asset to another; balances of other assets that no position explains are listed only.
    """
    held: dict[int, list[Position]] = {}
    for position in Position.objects.visible_to(user).open().select_related("instrument"):
        held.setdefault(position.account_id, []).append(position)
    accounts = Account.objects.visible_to(user).select_related("exchange").prefetch_related("balances")
    rows = [account_worth(account, held.get(account.pk, [])) for account in accounts]
    return {"accounts": [_text(row) for row in rows], "totals": [_text(row) for row in totals(rows)]}


def account_worth(account: Account, positions: Iterable[Position]) -> dict[str, Any]:
    balances = list(account.balances.all())
    cash = next((found for found in balances if found.asset == account.quote_asset), None)
    worth = exposure = unrealised = ZERO
    count = 0
    for position in positions:
        value = position.quantity * (position.mark_price or position.entry_price)
        worth += Side(position.side).sign * value
        exposure += value
        unrealised += position.unrealised_pnl or ZERO
        count += 1
    return {
        "id": account.pk,
        "name": account.name,
        "exchange": account.exchange.code,
        "mode": account.mode,
        "quote_asset": account.quote_asset,
        "ladder": account.ladder,
        "balances": [
            {
                "asset": found.asset,
                "total": decimal_text(found.total),
                "reserved": decimal_text(found.reserved),
                "free": decimal_text(found.free),
            }
            for found in balances
        ],
        "cash": cash.total if cash else ZERO,
        "free_cash": cash.free if cash else ZERO,
        "open_positions": count,
        "exposure": exposure,
        "unrealised_pnl": unrealised,
        "equity": (cash.total if cash else ZERO) + worth,
    }


SUMMED = ("cash", "free_cash", "open_positions", "exposure", "unrealised_pnl", "equity")


def totals(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        kind = (row["mode"], row["quote_asset"])
        total = found.setdefault(kind, {"mode": kind[0], "quote_asset": kind[1], **dict.fromkeys(SUMMED, 0)})
        for name in SUMMED:
            total[name] += row[name]
    return [found[kind] for kind in sorted(found)]


def _text(row: dict[str, Any]) -> dict[str, Any]:
    return {name: decimal_text(value) if isinstance(value, Decimal) else value for name, value in row.items()}

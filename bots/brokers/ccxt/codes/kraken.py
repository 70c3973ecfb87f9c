"""Kraken: {"error": ["EOrder:Insufficient funds"]} with status 200. Source: docs.kraken.com, REST "Errors"."""

from typing import Any

from bots.brokers.ccxt.codes.table import CodeTable, Said


def _read(body: Any) -> list[Said]:
    errors = body.get("error") if isinstance(body, dict) else None
    if not errors:
        return []
    # A severity W is a warning on something that was done.
    listed = errors if isinstance(errors, list) else [errors]
    return [Said(code=str(error)) for error in listed if not str(error).startswith("W")]


# Not here: EService:Unavailable, EService:Timeout, EGeneral:Internal error, EDatabase: they may have been carried out.
TABLE = CodeTable(
    read=_read,
    prefixes=(
        "EAPI:Invalid key", "EAPI:Invalid signature", "EAPI:Invalid nonce", "EAPI:Rate limit exceeded",
        "EAPI:Bad request", "EAPI:Feature disabled", "EAccount:", "EAuth:", "EGeneral:Invalid arguments",
        "EGeneral:Permission denied", "EGeneral:Temporary lockout", "EGeneral:Too many requests", "EOrder:Cannot open",
        "EOrder:Insufficient", "EOrder:Invalid", "EOrder:Limit price", "EOrder:Margin", "EOrder:Order minimum not met",
        "EOrder:Orders limit exceeded", "EOrder:Positions limit exceeded", "EOrder:Post only", "EOrder:Price",
        "EOrder:Rate limit exceeded", "EOrder:Reduce only", "EOrder:Tick size check failed", "EOrder:Trading agreement",
        "EOrder:Unknown position", "EOrder:Domain rate limit exceeded", "EQuery:", "EService:Deadline elapsed",
        "EService:Market in", "ETrade:User Locked",
    ),
    unknown_order=frozenset({"EOrder:Unknown order"}),
    wait_s={
        "EAPI:Rate limit exceeded": 15.0,
        "EOrder:Rate limit exceeded": 5.0,
        "EOrder:Domain rate limit exceeded": 15.0,
        "EGeneral:Too many requests": 15.0,
        "EGeneral:Temporary lockout": 900.0,
    },
    account_wait=frozenset({"EAPI:Rate limit exceeded", "EOrder:Rate limit exceeded"}),
    time=frozenset({"EAPI:Invalid nonce", "EService:Deadline elapsed"}),
)  # fmt: skip

"""Keys for market data that is not public, from the environment: a venue's streams need no account of a bot."""

import os
import re
from collections.abc import Mapping

from marketdata.exchanges.adapter import Credentials

_FIELDS = {
    "api_key": "API_KEY",
    "api_secret": "API_SECRET",
    "passphrase": "API_PASSPHRASE",
    "access_token": "ACCESS_TOKEN",
}


def load_credentials(*names: str, environ: Mapping[str, str] = os.environ) -> Credentials | None:
    """Read e.g. UPSTOX_ACCESS_TOKEN or KUCOIN_API_KEY, _API_SECRET and _API_PASSPHRASE.

    `names` are tried in order, e.g. an exchange's code, then its adapter. None when nothing is set.
    """
    for name in names:
        prefix = _prefix(name)
        found = {field: value for field, end in _FIELDS.items() if (value := environ.get(f"{prefix}_{end}", ""))}
        if found:
            return Credentials(**found)
    return None


def credential_names(*names: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Which variables `load_credentials` would read: their names alone."""
    for name in names:
        found = [variable for end in _FIELDS.values() if environ.get(variable := f"{_prefix(name)}_{end}", "")]
        if found:
            return found
    return []


def _prefix(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())

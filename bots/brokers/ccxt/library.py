"""The only importer of ccxt: its class for a venue, with our transport in the place of its own."""

import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bots.brokers.account import VenueAccount
from bots.brokers.ccxt.dialects import Dialect, NoOrders
from bots.brokers.ccxt.transport import Wired


def make_exchange(account: VenueAccount, dialect: Dialect, *, streaming: bool = False) -> Any:
    """ccxt's exchange for an account, wired to nothing yet. Raises NoOrders where ccxt cannot serve it."""
    package = importlib.import_module("ccxt.pro" if streaming else "ccxt.async_support")
    theirs = getattr(package, dialect.ccxt_id, None)
    if theirs is None:
        raise NoOrders(f"ccxt knows no exchange {dialect.ccxt_id!r}.")
    ours = theirs if streaming else type(dialect.ccxt_id, (Wired, theirs), {})
    exchange = ours(
        {
            "apiKey": account.api_key,
            "secret": account.secret,
            "password": account.password or None,
            "enableRateLimit": False,
            "maxRetriesOnFailure": 0,
            "timeout": round(account.timeout_s * 1000),
            # Money stays text until it is a Decimal.
            "number": str,
            "options": {**dialect.options, "maxRetriesOnFailure": 0},
        }
    )
    exchange.number = str
    if streaming:
        # It would compare text with numbers, for what nobody here listens to.
        exchange.options["watchPositions"] = {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False}
    if dialect.options.get("fetchCurrencies") is False:
        exchange.has["fetchCurrencies"] = False
    _point(exchange, account, dialect)
    return exchange


def _point(exchange: Any, account: VenueAccount, dialect: Dialect) -> None:
    """To the venue's sandbox, or to the origins that the account names."""
    if account.rest_url is None and account.mode == "sandbox":
        library_error = importlib.import_module("ccxt").BaseError
        try:
            if dialect.is_demo_sandbox:
                exchange.enable_demo_trading(True)
            else:
                exchange.set_sandbox_mode(True)
        except library_error as error:
            raise NoOrders(f"{exchange.name} has no sandbox that ccxt knows: {error}") from error
    if account.rest_url is not None:
        exchange.urls["api"] = _moved(exchange.urls["api"], account.rest_url, account.ws_url, exchange.hostname)


def _moved(urls: Any, rest_url: str, ws_url: str | None, hostname: str | None) -> Any:
    """Every address at another origin, its path kept: a key that must not reach the venue reaches it nowhere."""
    if isinstance(urls, Mapping):
        return {name: _moved(url, rest_url, ws_url, hostname) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls.replace("{hostname}", hostname or ""))
    origin = urlsplit((ws_url or rest_url.replace("http", "ws", 1)) if parts.scheme.startswith("ws") else rest_url)
    return urlunsplit((origin.scheme, origin.netloc, parts.path, parts.query, parts.fragment))

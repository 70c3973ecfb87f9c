"""Makes a CCXT Pro exchange with the settings that we can answer for. Importing this module costs nothing.

`checksum` (of `watchOrderBook`): what ccxt does at a hole in a book's updates. True raises ChecksumError and begins
anew. False drops every later update on Binance, silently, so it is never set there. On Kraken True ends in an
AttributeError inside ccxt (it formats numbers that are floats by then), after which its socket is never read again,
so it is False there.
KuCoin's incremental book is not checked for holes by ccxt: with a depth of 50 the venue sends whole books instead.
"""

from collections.abc import Mapping
from typing import Any

from marketdata.ccxtpro.names import check_exchange

_NO_CHECKSUM = frozenset({"kraken"})
_DEPTHS = {"kucoin": 50, "kucoinfutures": 50}
_CREDENTIALS = {"api_key": "apiKey", "api_secret": "secret", "passphrase": "password", "access_token": "token"}
_SIMULATED_OPTIONS = {
    "fetchCurrencies": False,
    "fetchMargins": False,
    "fetchMarkets": {"types": ["spot"]},
    "defaultType": "spot",
}


class NoSuchEnvironment(ValueError):
    """The exchange has no testnet, or cannot be simulated: the simulated exchange speaks Binance's dialect only."""


def book_depth(exchange_id: str) -> int | None:
    """How many levels to ask for; None leaves it to ccxt."""
    return _DEPTHS.get(exchange_id)


def make_exchange(
    exchange_id: str,
    *,
    environment: str = "live",
    rest_url: str = "",
    websocket_url: str = "",
    credentials: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """A ccxt.pro exchange; close() it in the end.

    credentials: api_key, api_secret, passphrase and access_token, or ccxt's own names. With a `rest_url` it is
    pointed at the simulated exchange there. Raises UnknownExchange and NoSuchEnvironment.
    """
    exchange_id = check_exchange(exchange_id)
    if rest_url and exchange_id != "binance":
        raise NoSuchEnvironment(
            f"The simulated exchange speaks Binance's dialect: ccxt:binance can use it, {exchange_id} cannot."
        )
    import ccxt.pro

    merged: dict[str, Any] = {"watchOrderBook": {"checksum": exchange_id not in _NO_CHECKSUM}}
    if rest_url:
        merged |= _SIMULATED_OPTIONS
    for name, value in (options or {}).items():
        known = merged.get(name)
        merged[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, Mapping) else value
    keys = {_CREDENTIALS.get(name, name): value for name, value in (credentials or {}).items() if value}
    exchange = getattr(ccxt.pro, exchange_id)({"enableRateLimit": True, "newUpdates": True, "options": merged, **keys})
    if rest_url:
        base, sockets = rest_url.rstrip("/"), (websocket_url or socket_address(rest_url)).rstrip("/")
        api = exchange.urls["api"]
        api["public"] = api["private"] = f"{base}/api/v3"
        api["ws"]["spot"] = f"{sockets}/ws"
        api["ws"]["ws-api"]["spot"] = f"{sockets}/ws-api/v3"
    elif environment == "testnet":
        if not exchange.urls.get("test"):
            raise NoSuchEnvironment(f"{exchange_id} has no testnet that ccxt knows: use the live environment.")
        exchange.set_sandbox_mode(True)
    return exchange


def socket_address(rest_url: str) -> str:
    """Where the simulated exchange at `rest_url` has its sockets."""
    return "ws" + rest_url.removeprefix("http")

"""Whose account, at which venue, with which keys: what a connection to a venue is made from."""

from typing import Literal

from msgspec import Struct

from bots.brokers.limits import Limit


class VenueAccount(Struct, frozen=True, kw_only=True):
    """An account at a venue, with its opened secrets; shows none of them.

    `exchange` is our code for the venue, `adapter` its dialect ("binance", "ccxt:okx"). `rest_url` and `ws_url` put
    another origin ("http://127.0.0.1:9001") in the place of the venue's own: the simulated exchange, a proxy.
    `limits` replace the dialect's own rate limits; None keeps them.
    """

    account_id: int
    exchange: str
    adapter: str
    mode: Literal["sandbox", "live"]
    api_key: str
    secret: str
    password: str = ""
    rest_url: str | None = None
    ws_url: str | None = None
    connections: int = 5
    timeout_s: float = 10.0
    limits: tuple[Limit, ...] | None = None

    def __repr__(self) -> str:
        return f"VenueAccount(account_id={self.account_id}, exchange={self.exchange!r}, mode={self.mode!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("account_id", self.account_id), ("exchange", self.exchange), ("mode", self.mode)]

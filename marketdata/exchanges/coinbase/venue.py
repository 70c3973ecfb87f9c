"""Coinbase Advanced Trade: addresses, limits, and how its parts come together.

Source: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-overview. The first request
has to come within 5 s of connecting.
"""

from collections.abc import Callable, Mapping, Sequence

import httpx
import msgspec

from marketdata.exchanges.adapter import (
    AdapterDefaults,
    BookProcedure,
    Credentials,
    Endpoints,
    Listing,
    Stream,
    StreamLimits,
)
from marketdata.exchanges.coinbase.messages import CoinbaseParser
from marketdata.exchanges.coinbase.rest import CoinbaseRest
from marketdata.exchanges.coinbase.tokens import jwt_for

_ENDPOINTS = {
    "live": Endpoints(rest_url="https://api.coinbase.com", websocket_url="wss://advanced-trade-ws.coinbase.com")
}
# The others of a symbol close after a minute or so without news; heartbeats keep them open.
_CHANNELS = ("level2", "market_trades", "ticker", "heartbeats")


class CoinbaseAdapter(AdapterDefaults):
    """With `credentials` every request carries a token, which the venue recommends and the user channel needs."""

    name = "coinbase"
    book_procedure = BookProcedure.IMAGE_ON_SUBSCRIBE
    book_group = "level2"
    # 8 requests and connections a second and address; whole books are heavy, so few of them share a socket.
    limits = StreamLimits(
        messages_per_s=6,
        streams_per_connection=80,
        streams_per_message=10,
        connections_per_5min=300,
        counts_by_address=True,
    )
    # The ticker comes with matches only.
    quotes_from_book = True
    # Trades are gathered for 250 ms before they are sent.
    max_skew_ms = 750
    environments = tuple(_ENDPOINTS)

    def __init__(self, *, credentials: Credentials | None = None, clock_ns: Callable[[], int] | None = None) -> None:
        """`clock_ns` stamps the tokens, and is needed with `credentials`."""
        self._credentials = credentials
        self._clock_ns = clock_ns

    def endpoints(self, environment: str) -> Endpoints:
        try:
            return _ENDPOINTS[environment]
        except KeyError:
            known = ", ".join(_ENDPOINTS)
            raise ValueError(
                f"Coinbase has no environment {environment!r} of its own (it has {known}; its sandbox answers REST "
                "requests about accounts and orders only, without market data): set the exchange's URLs."
            ) from None

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        return tuple(Stream(name=venue_symbol, group=channel) for channel in _CHANNELS)

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return self._request("subscribe", streams)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return self._request("unsubscribe", streams)

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> CoinbaseParser:
        return CoinbaseParser(exchange=exchange, symbols=symbols)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> CoinbaseRest:
        return CoinbaseRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)

    def _request(self, method: str, streams: Sequence[Stream]) -> bytes:
        request: dict[str, str | list[str]] = {
            "type": method,
            "product_ids": [stream.name for stream in streams],
            "channel": streams[0].group,
        }
        if self._credentials is not None and self._clock_ns is not None:
            request["jwt"] = jwt_for(self._credentials, self._clock_ns())
        return msgspec.json.encode(request)

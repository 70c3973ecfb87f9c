"""Binance USD-M perpetual futures: addresses, limits, and how its parts come together.

Since 2026-04-23 the sockets are split: /public has order books and quotes, /market everything else, and either is
silent about the streams of the other.
"""

from collections.abc import Callable, Mapping, Sequence

import httpx

from marketdata.exchanges.adapter import (
    AdapterDefaults,
    BookProcedure,
    Credentials,
    Endpoints,
    Listing,
    Stream,
    StreamLimits,
)
from marketdata.exchanges.binance_common.requests import endpoints_of, request
from marketdata.exchanges.binance_usdm.messages import BinanceUsdmParser
from marketdata.exchanges.binance_usdm.rest import BinanceUsdmRest

_ENDPOINTS = {
    "live": Endpoints(rest_url="https://fapi.binance.com", websocket_url="wss://fstream.binance.com"),
    "testnet": Endpoints(rest_url="https://demo-fapi.binance.com", websocket_url="wss://fstream.binancefuture.com"),
}
_ROUTES = {
    "depth@100ms": "public",
    "bookTicker": "public",
    "aggTrade": "market",
    "markPrice@1s": "market",
    "forceOrder": "market",
    "ticker": "market",
}


class BinanceUsdmAdapter(AdapterDefaults):
    name = "binance-usdm"
    book_procedure = BookProcedure.SNAPSHOT_AND_BUFFER
    # The venue closes a socket at more than 10 incoming messages a second, pings included, and after 24 hours.
    limits = StreamLimits(
        messages_per_s=6,
        streams_per_connection=200,
        streams_per_message=100,
        connections_per_5min=300,
        lifetime_s=24 * 3600,
    )
    # Their `u` is the book's.
    quotes_prove_book = True
    environments = tuple(_ENDPOINTS)

    def endpoints(self, environment: str) -> Endpoints:
        return endpoints_of(_ENDPOINTS, environment, venue="Binance USD-M")

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        name = venue_symbol.lower()
        return tuple(Stream(name=f"{name}@{channel}", route=route) for channel, route in _ROUTES.items())

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return request("SUBSCRIBE", streams, request_id)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return request("UNSUBSCRIBE", streams, request_id)

    def parser(
        self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]
    ) -> BinanceUsdmParser:
        return BinanceUsdmParser(exchange=exchange, symbols=symbols, listings=listings)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> BinanceUsdmRest:
        return BinanceUsdmRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)

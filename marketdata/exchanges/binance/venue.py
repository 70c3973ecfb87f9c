"""Binance spot: addresses, limits, and how its parts come together."""

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
from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.exchanges.binance.rest import BinanceRest
from marketdata.exchanges.binance_common.requests import endpoints_of, request

_ENDPOINTS = {
    "live": Endpoints(rest_url="https://api.binance.com", websocket_url="wss://stream.binance.com:9443"),
    "testnet": Endpoints(
        rest_url="https://testnet.binance.vision", websocket_url="wss://stream.testnet.binance.vision"
    ),
}


class BinanceAdapter(AdapterDefaults):
    name = "binance"
    book_procedure = BookProcedure.SNAPSHOT_AND_BUFFER
    # The venue closes a socket at more than 5 incoming messages a second, pings and pongs included. Of two a second,
    # each sent after the answer to the one before, three may arrive within one: two are left over.
    limits = StreamLimits(
        messages_per_s=2,
        streams_per_connection=1024,
        streams_per_message=200,
        connections_per_5min=300,
        lifetime_s=24 * 3600,
    )
    # Their `u` is the book's.
    quotes_prove_book = True
    environments = tuple(_ENDPOINTS)

    def endpoints(self, environment: str) -> Endpoints:
        return endpoints_of(_ENDPOINTS, environment, venue="Binance")

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        name = venue_symbol.lower()
        channels = ("depth@100ms", "bookTicker", "trade", "ticker")
        return tuple(Stream(name=f"{name}@{channel}") for channel in channels)

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return request("SUBSCRIBE", streams, request_id)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return request("UNSUBSCRIBE", streams, request_id)

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> BinanceParser:
        return BinanceParser(exchange=exchange, symbols=symbols)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> BinanceRest:
        return BinanceRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)

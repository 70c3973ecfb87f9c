"""Binance spot: addresses, limits, and how its parts come together."""

from collections.abc import Callable, Mapping, Sequence

import httpx
import msgspec

from marketdata.exchanges.adapter import BookProcedure, Endpoints, StreamLimits
from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.exchanges.binance.rest import BinanceRest

_ENDPOINTS = {
    "live": Endpoints(rest_url="https://api.binance.com", websocket_url="wss://stream.binance.com:9443"),
    "testnet": Endpoints(
        rest_url="https://testnet.binance.vision", websocket_url="wss://stream.testnet.binance.vision"
    ),
}


class BinanceAdapter:
    name = "binance"
    book_procedure = BookProcedure.SNAPSHOT_AND_BUFFER
    # The venue closes a socket at more than 5 incoming messages a second, pings included, so one is left over.
    limits = StreamLimits(messages_per_s=4, streams_per_connection=1024, streams_per_message=100)

    def endpoints(self, environment: str) -> Endpoints:
        try:
            return _ENDPOINTS[environment]
        except KeyError:
            known = ", ".join(_ENDPOINTS)
            raise ValueError(
                f"Binance has no environment {environment!r} of its own (it has {known}): set the exchange's URLs."
            ) from None

    def stream_url(self, websocket_url: str) -> str:
        base = websocket_url.rstrip("/")
        return base if base.endswith(("/stream", "/ws")) else f"{base}/stream"

    def streams(self, venue_symbol: str) -> tuple[str, ...]:
        name = venue_symbol.lower()
        return (f"{name}@depth@100ms", f"{name}@bookTicker", f"{name}@trade", f"{name}@ticker")

    def subscribe(self, streams: Sequence[str], *, request_id: int) -> bytes:
        return msgspec.json.encode({"method": "SUBSCRIBE", "params": list(streams), "id": request_id})

    def unsubscribe(self, streams: Sequence[str], *, request_id: int) -> bytes:
        return msgspec.json.encode({"method": "UNSUBSCRIBE", "params": list(streams), "id": request_id})

    def parser(self, *, exchange: str, symbols: Mapping[str, str]) -> BinanceParser:
        return BinanceParser(exchange=exchange, symbols=symbols)

    def rest(
        self, *, exchange: str, base_url: str, client: httpx.AsyncClient, clock_ns: Callable[[], int]
    ) -> BinanceRest:
        return BinanceRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)

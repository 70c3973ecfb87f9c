"""Kraken spot: addresses, limits, and how its parts come together.

Source: https://docs.kraken.com/api/docs/guides/spot-ws-intro.
"""

from collections.abc import Callable, Mapping, Sequence

import httpx
import msgspec

from marketdata.exchanges.adapter import (
    AdapterDefaults,
    BookProcedure,
    Credentials,
    Endpoints,
    Heartbeat,
    Listing,
    Stream,
    StreamLimits,
)
from marketdata.exchanges.kraken.messages import KrakenParser
from marketdata.exchanges.kraken.rest import KrakenRest

_ENDPOINTS = {"live": Endpoints(rest_url="https://api.kraken.com", websocket_url="wss://ws.kraken.com/v2")}
# What the checksum covers: a change of a deeper level could be lost without anybody noticing.
_DEPTH = 10

# The default of the ticker brings quotes with trades only.
_CHANNELS: dict[str, dict[str, str | int]] = {
    "book": {"depth": _DEPTH},
    "ticker": {"event_trigger": "bbo"},
    "trade": {},
}


class KrakenAdapter(AdapterDefaults):
    name = "kraken"
    # Whole seconds.
    server_time_step_ms = 1_000
    book_procedure = BookProcedure.IMAGE_ON_SUBSCRIBE
    book_group = "book"
    # Requests a second are limited by load, without a number; connections by Cloudflare, 150 in ten minutes.
    limits = StreamLimits(
        messages_per_s=5,
        streams_per_connection=300,
        streams_per_message=50,
        connections_per_5min=75,
    )
    heartbeat = Heartbeat(interval_s=30, payload=b'{"method":"ping"}')
    environments = tuple(_ENDPOINTS)

    def endpoints(self, environment: str) -> Endpoints:
        try:
            return _ENDPOINTS[environment]
        except KeyError:
            known = ", ".join(_ENDPOINTS)
            raise ValueError(
                f"Kraken has no environment {environment!r} of its own (it has {known}; there is no public testnet for "
                "spot): set the exchange's URLs."
            ) from None

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        return tuple(Stream(name=venue_symbol, group=channel) for channel in _CHANNELS)

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return _request("subscribe", streams, request_id)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return _request("unsubscribe", streams, request_id)

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> KrakenParser:
        return KrakenParser(exchange=exchange, symbols=symbols, listings=listings, depth=_DEPTH)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> KrakenRest:
        return KrakenRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)


def _request(method: str, streams: Sequence[Stream], request_id: int) -> bytes:
    channel = streams[0].group
    parameters = {"channel": channel, "symbol": [stream.name for stream in streams], **_CHANNELS[channel]}
    return msgspec.json.encode({"method": method, "params": parameters, "req_id": request_id})

"""BingX perpetual swaps and spot: addresses, limits, and how their parts come together.

The book is the best 50 levels, whole in every message: one that is lost is made good by the next. The venue's other
book channel, @incrDepth, numbers its changes, but comes every 800 ms for most symbols instead of every 500. The testnet is the venue's
demo of swaps with virtual USDT (VST); spot has none.
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
from marketdata.exchanges.bingx.messages import BingxParser
from marketdata.exchanges.bingx.rest import BingxRest, BingxSpotRest

# 200 subscriptions a connection, 60 connections an address; the venue asks for at most 10 messages a second, of which
# one is left to the answers to its pings.
_LIMITS = StreamLimits(messages_per_s=8, streams_per_connection=200, streams_per_message=1, connections_per_5min=60)
_FAST = frozenset({"BTC-USDT", "ETH-USDT"})


class BingxAdapter(AdapterDefaults):
    name = "bingx"
    book_procedure = BookProcedure.IMAGES_ONLY
    limits = _LIMITS
    # The venue sends pings of its own, which the parser answers; whether it answers WebSocket's is not documented.
    heartbeat = Heartbeat(interval_s=20, payload=b"Pong")
    _endpoints: Mapping[str, Endpoints] = {
        "live": Endpoints(
            rest_url="https://open-api.bingx.com", websocket_url="wss://open-api-swap.bingx.com/swap-market"
        ),
        "testnet": Endpoints(
            rest_url="https://open-api-vst.bingx.com", websocket_url="wss://vst-open-api-ws.bingx.com/swap-market"
        ),
    }

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(self._endpoints)

    def endpoints(self, environment: str) -> Endpoints:
        try:
            return self._endpoints[environment]
        except KeyError:
            known = ", ".join(self._endpoints)
            raise ValueError(
                f"{self.name} has no environment {environment!r} of its own (it has {known}): set the exchange's URLs."
            ) from None

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        depth = "depth50@200ms" if venue_symbol in _FAST else "depth50@500ms"
        return tuple(Stream(name=f"{venue_symbol}@{channel}") for channel in (depth, "bookTicker", "trade", "ticker"))

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return _request("sub", streams, request_id)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return _request("unsub", streams, request_id)

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> BingxParser:
        return BingxParser(exchange=exchange, symbols=symbols)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> BingxRest:
        return BingxRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)


class BingxSpotAdapter(BingxAdapter):
    name = "bingx-spot"
    _endpoints: Mapping[str, Endpoints] = {
        "live": Endpoints(rest_url="https://open-api.bingx.com", websocket_url="wss://open-api-ws.bingx.com/market"),
    }

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        channels = ("depth50", "bookTicker", "trade", "ticker")
        return tuple(Stream(name=f"{venue_symbol}@{channel}") for channel in channels)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> BingxSpotRest:
        return BingxSpotRest(exchange=exchange, base_url=base_url, client=client, clock_ns=clock_ns)


def _request(kind: str, streams: Sequence[Stream], request_id: int) -> bytes:
    return msgspec.json.encode({"id": str(request_id), "reqType": kind, "dataType": streams[0].name})

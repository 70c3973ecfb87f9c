"""KuCoin spot: addresses, limits, and how its parts come together.

The venue closed its sandbox in 2023, so there is only the live one; paper accounts trade against it.
"""

from collections.abc import Callable, Mapping

import httpx

from marketdata.exchanges.adapter import Credentials, Endpoints, Listing
from marketdata.exchanges.kucoin.dialect import KucoinDialect
from marketdata.exchanges.kucoin.messages import KucoinParser
from marketdata.exchanges.kucoin.rest import KucoinRest

# The socket's address is documentation: the venue assigns one to each connection, with a token.
_ENDPOINTS = {
    "live": Endpoints(rest_url="https://api.kucoin.com", websocket_url="wss://ws-api-spot.kucoin.com/"),
}
# level1 is sent every 10 ms, the ticker, which knows best bid and ask too, every 100 ms.
_TOPICS = ("/market/level2", "/spotMarket/level1", "/market/match", "/market/snapshot")


class KucoinAdapter(KucoinDialect):
    name = "kucoin"
    venue = "KuCoin"
    topics = _TOPICS
    addresses = _ENDPOINTS

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> KucoinParser:
        return KucoinParser(exchange=exchange, symbols=symbols)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> KucoinRest:
        return KucoinRest(
            exchange=exchange,
            base_url=base_url,
            client=client,
            clock_ns=clock_ns,
            own_websocket_url=_ENDPOINTS["live"].websocket_url,
            credentials=credentials,
        )

"""KuCoin futures (perpetuals settled in USDT or USDC): addresses, limits, and how its parts come together.

The venue closed its sandbox in 2023, so there is only the live one; paper accounts trade against it.
"""

from collections.abc import Callable, Mapping

import httpx

from marketdata.exchanges.adapter import Credentials, Endpoints, Listing
from marketdata.exchanges.kucoin.dialect import KucoinDialect
from marketdata.exchanges.kucoin.futures_messages import KucoinFuturesParser
from marketdata.exchanges.kucoin.futures_rest import KucoinFuturesRest

# The socket's address is documentation: the venue assigns one to each connection, with a token.
_ENDPOINTS = {
    "live": Endpoints(rest_url="https://api-futures.kucoin.com", websocket_url="wss://ws-api-futures.kucoin.com/"),
}
_TOPICS = (
    "/contractMarket/level2",
    "/contractMarket/tickerV2",
    "/contractMarket/execution",
    "/contractMarket/snapshot",
    "/contract/instrument",
)


class KucoinFuturesAdapter(KucoinDialect):
    name = "kucoin-futures"
    venue = "KuCoin futures"
    topics = _TOPICS
    addresses = _ENDPOINTS

    def parser(
        self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]
    ) -> KucoinFuturesParser:
        return KucoinFuturesParser(exchange=exchange, symbols=symbols, listings=listings)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> KucoinFuturesRest:
        return KucoinFuturesRest(
            exchange=exchange,
            base_url=base_url,
            client=client,
            clock_ns=clock_ns,
            own_websocket_url=_ENDPOINTS["live"].websocket_url,
            credentials=credentials,
        )

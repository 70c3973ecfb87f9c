"""One exchange for all tests here, and ccxt pointed at it."""

from collections.abc import AsyncIterator, Iterator

import ccxt.pro
import pytest

from tests.simulator_fixture import Simulator, running_simulator


@pytest.fixture(scope="session")
def exchange() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--weight-per-minute", "1000000") as running:
        yield running


def judge(exchange: Simulator) -> ccxt.pro.binance:
    """ccxt's own Binance class, its addresses pointed at the simulated exchange."""
    client = ccxt.pro.binance(
        {
            "apiKey": exchange.key,
            "secret": exchange.secret,
            "enableRateLimit": False,
            "options": {
                "fetchCurrencies": False,
                "fetchMargins": False,
                "fetchMarkets": {"types": ["spot"]},
                "defaultType": "spot",
            },
        }
    )
    client.urls["api"]["public"] = client.urls["api"]["private"] = f"{exchange.rest_url}/api/v3"
    client.urls["api"]["ws"]["spot"] = f"{exchange.websocket_url}/ws"
    client.urls["api"]["ws"]["ws-api"]["spot"] = f"{exchange.websocket_url}/ws-api/v3"
    return client


@pytest.fixture
async def binance(exchange: Simulator) -> AsyncIterator[ccxt.pro.binance]:
    client = judge(exchange)
    await client.load_markets()
    yield client
    await client.close()

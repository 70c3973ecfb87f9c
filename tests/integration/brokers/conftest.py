"""One exchange for these tests; each test's Alice has an account, and a connection, of her own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bots.brokers.budget import LocalBudget
from bots.brokers.ccxt.connect import connect
from bots.brokers.ccxt.dialects import BINANCE
from bots.brokers.venue import Venue
from tests.integration.brokers.cast import Alice
from tests.simulator_fixture import Simulator, running_simulator


@pytest.fixture(scope="package")
def exchange() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1") as running:
        yield running


@pytest.fixture
def alice(exchange: Simulator) -> Iterator[Alice]:
    opened = Alice.opened(exchange)
    yield opened
    opened.all_faults_off()
    opened.http.close()


@pytest.fixture
def budget() -> LocalBudget:
    """All of the limits for one process."""
    return LocalBudget(BINANCE.limits, share=1.0)


@pytest.fixture
async def venue(alice: Alice, budget: LocalBudget) -> AsyncIterator[Venue]:
    connected = await connect(alice.account(timeout_s=5.0), budget=budget)
    yield connected
    await connected.close()

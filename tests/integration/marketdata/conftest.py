from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from tests.simulator_fixture import Simulator, running_simulator

if TYPE_CHECKING:
    from marketdata.models import Exchange


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "2") as simulator:
        yield simulator


@pytest.fixture
def venue(market: Simulator, transactional_db: None, redis_flush: None) -> "Exchange":
    # Models cannot be imported yet when pytest loads this file.
    from tests.integration.marketdata.cast import add_venue

    return add_venue(market)


@pytest_asyncio.fixture(autouse=True)
async def close_connections() -> AsyncIterator[None]:
    """The thread in which asynchronous tests use the ORM keeps its connection, which would outlive the database."""
    from django.db import connections

    yield
    await sync_to_async(connections.close_all)()

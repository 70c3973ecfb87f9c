"""A simulated exchange for this folder, and a trader with an account of her own on it."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import pytest

from tests.simulator_fixture import Simulator, running_simulator

NUMBERS = count(1)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    options = ("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1", "--weight-per-minute", "1000000")
    with running_simulator(*options) as running:
        yield running


@pytest.fixture
async def trader(exchange: Simulator, transactional_db: None, redis_flush: None) -> AsyncIterator[Any]:
    from asgiref.sync import sync_to_async
    from django.db import connections

    from tests.integration.simulator.customer import Customer
    from tests.integration.venues.trader import Trader

    customer = Customer(exchange, f"trader-{next(NUMBERS)}", USDT="10000", BTC="1", ETH="2")
    try:
        async with Trader(exchange, customer) as running:
            yield running
    finally:
        customer.switch_all_off()
        customer.close()
        await sync_to_async(connections.close_all)()

from collections.abc import AsyncIterator

import pytest

from bots.orders.connections import open_pool
from bots.orders.store import OrderStore
from tests.integration.orders.cast import TERMS, Cast, make_cast


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
async def store(cast: Cast) -> AsyncIterator[OrderStore]:
    pool = await open_pool(min_size=2, max_size=8)
    yield OrderStore(pool, terms=TERMS)
    await pool.close()

"""Fixtures; models are imported inside, because pytest loads this file before Django is set up."""

from collections.abc import AsyncIterator
from typing import Any

import pytest


@pytest.fixture
def cast(transactional_db: None) -> Any:
    from tests.integration.orders.cast import make_cast

    return make_cast()


@pytest.fixture
async def store(cast: Any) -> AsyncIterator[Any]:
    from asgiref.sync import sync_to_async
    from django.db import connections

    from bots.orders.connections import open_pool
    from bots.orders.store import OrderStore
    from tests.integration.orders.cast import TERMS

    pool = await open_pool(min_size=2, max_size=8)
    yield OrderStore(pool, terms=TERMS)
    await pool.close()
    # The thread that Django's own queries ran in keeps its connection, which would keep the test database.
    await sync_to_async(connections.close_all)()

"""The cast of the web's tests trades here too."""

import pytest
import redis

from tests.integration.web.conftest import alice, bob, btc, venue

__all__ = ["alice", "bob", "btc", "venue"]


@pytest.fixture
def connection(redis_flush, servers):
    with redis.Redis.from_url(servers["REDIS_URL"], decode_responses=True) as connection:
        yield connection


@pytest.fixture
def orders(connection):
    from tests.integration.integration_streams.test_publishing import publisher_of

    return publisher_of("order", connection)


@pytest.fixture
def signals(connection):
    from tests.integration.integration_streams.test_publishing import publisher_of

    return publisher_of("signal", connection)

"""The feed's threads keep their database connections, and notice when one has died."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from channels.db import database_sync_to_async
from django.db import connection, connections

from marketdata.kept_connections import keep_connections

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    configured = connections["default"].settings_dict
    monkeypatch.setitem(configured, "CONN_MAX_AGE", configured["CONN_MAX_AGE"])
    monkeypatch.setitem(configured, "CONN_HEALTH_CHECKS", configured["CONN_HEALTH_CHECKS"])
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor
        executor.submit(connections.close_all).result()


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


async def test_a_thread_keeps_its_connection(thread):
    keep_connections()
    ask = database_sync_to_async(session, thread_sensitive=False, executor=thread)
    assert await ask() == await ask()


async def test_a_connection_that_has_died_is_replaced_before_anything_fails(thread):
    keep_connections()
    ask = database_sync_to_async(session, thread_sensitive=False, executor=thread)
    lost = await ask()
    await database_sync_to_async(end)(lost)
    assert await ask() != lost


def end(backend: int) -> None:
    with connection.cursor() as cursor:
        # Waits until it has ended.
        cursor.execute("SELECT pg_terminate_backend(%s, 30000)", [backend])

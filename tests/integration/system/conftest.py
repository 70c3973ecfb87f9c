"""Fixtures; what needs models is imported inside, because pytest loads this file before Django is set up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.system.commands import Commands


@pytest.fixture
def commands(transactional_db: None, redis_flush: None, tmp_path: Path) -> Iterator[Commands]:
    """Commands of the site on the test's own database; all ended with the test."""
    from django.db import connection

    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    running = Commands(tmp_path, {"DATABASE_URL": f"postgres://{address}", "LEASE_TTL_S": "3", "LEASE_RENEW_S": "0.5"})
    yield running
    running.stop()


@pytest.fixture
def alice(transactional_db: None) -> Any:
    from tests.integration.system.people import make_trader

    return make_trader()

"""Fixtures; models are imported inside, because pytest loads this file before Django is set up."""

from typing import Any

import pytest


@pytest.fixture
def cast(transactional_db: None, redis_flush: None) -> Any:
    from tests.integration.orders.cast import make_cast

    return make_cast()


@pytest.fixture
def scene(cast: Any) -> Any:
    from tests.integration.monitor.scene import Scene

    return Scene(cast)

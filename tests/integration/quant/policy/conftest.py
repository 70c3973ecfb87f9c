"""Alice's bot, whose entries the policy looks at; models are imported inside, because pytest loads this file early."""

from typing import Any

import pytest


@pytest.fixture
def cast(transactional_db: None) -> Any:
    from tests.integration.orders.cast import make_cast

    return make_cast()

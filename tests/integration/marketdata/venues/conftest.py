import pytest

pytest.register_assert_rewrite(
    "tests.integration.marketdata.venues.cast", "tests.integration.marketdata.venues.scenarios"
)

"""Models are imported in the fixtures: this file may be loaded before Django is set up."""

import pytest

from tests.integration.credentials.conftest import alice, bob, broker, folder  # noqa: F401 fixtures


@pytest.fixture
def cast(alice, broker, settings):  # noqa: F811
    from tests.integration.preflight.cast import make_cast

    settings.SITE_IS_HTTPS, settings.SITE_URL = True, "https://bots.example.org"
    return make_cast(alice, broker)

"""Alice and Bob. Models are imported in the fixtures: this file may be loaded before Django is set up."""

import pytest


@pytest.fixture
def venue(db):
    from marketdata.models import Exchange

    return Exchange.objects.create(code="simulated", name="Simulated", adapter="binance", environment="simulated")


@pytest.fixture
def btc(venue):
    from tests.integration.web.cast import make_instrument

    return make_instrument(venue, "BTC")


@pytest.fixture
def eth(venue):
    from tests.integration.web.cast import make_instrument

    return make_instrument(venue, "ETH")


@pytest.fixture
def feed(venue, btc):
    from django.utils import timezone

    from marketdata.models import FeedStatus

    now = timezone.now()
    return FeedStatus.objects.create(
        exchange=venue, symbol=btc.symbol, state="live", last_price=100, last_tick_at=now, updated_at=now
    )


@pytest.fixture
def alice(venue, btc):
    from tests.integration.web.cast import furnish

    return furnish("alice", venue, btc)


@pytest.fixture
def bob(venue, btc):
    from tests.integration.web.cast import furnish

    return furnish("bob", venue, btc)


@pytest.fixture
def nobody():
    from rest_framework.test import APIClient

    return APIClient()

"""The admin of markets: names with units, figures without empty zeros, sources as they are now."""

from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse
from django.utils import timezone

pytestmark = pytest.mark.django_db
MODELS = sorted(str(model._meta.model_name) for model in site._registry if model._meta.app_label == "marketdata")


@pytest.fixture
def root(admin_user) -> Client:
    client = Client()
    client.force_login(admin_user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def venue():
    from marketdata.models import Exchange, Instrument, SlowSource

    exchange = Exchange.objects.create(code="binance", name="Binance", adapter="binance", environment="simulated")
    Instrument.objects.create(
        exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size="0.01",
        lot_size="0.00001", min_quantity="0.00001", max_quantity="9000", min_notional="5",
    )  # fmt: skip
    SlowSource.objects.all().delete()
    SlowSource.objects.create(name="fear", kind="fear-greed", environment="simulated", state="live", reason="fresh")
    return exchange


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("venue")
def test_every_list_loads(root, model):
    assert root.get(reverse(f"admin:marketdata_{model}_changelist")).status_code == 200


def test_fields_of_an_exchange_have_units(root, venue):
    html = root.get(reverse("admin:marketdata_exchange_change", args=[venue.pk])).content.decode()
    for label in ("REST address", "Connect timeout (s)", "Alarm from a difference of (bps)"):
        assert label in html
    for name in ("Rest url", "Connect timeout s", "Divergence bps"):
        assert name not in html


@pytest.mark.usefixtures("venue")
def test_rules_have_no_empty_zeros(root):
    html = root.get(reverse("admin:marketdata_instrument_changelist")).content.decode()
    assert ">0.01<" in html
    assert ">0.00001<" in html
    assert ">5<" in html
    assert "0.010000000000" not in html


@pytest.mark.usefixtures("venue")
def test_a_source_that_nobody_asks_is_not_live(root):
    from marketdata.models import SlowSource

    address = reverse("admin:marketdata_slowsource_changelist")
    assert ">not asked<" in root.get(address).content.decode()
    SlowSource.objects.update(lease_expires_at=timezone.now() + timedelta(minutes=1))
    html = root.get(address).content.decode()
    assert ">live<" in html
    assert "fresh" in html
    page = reverse("admin:marketdata_slowsource_change", args=[SlowSource.objects.get().pk])
    assert root.get(page).status_code == 200

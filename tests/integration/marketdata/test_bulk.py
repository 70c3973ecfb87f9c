"""Rows sent as one value arrive exactly as they are."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, IntegrityError, transaction

from marketdata.bulk import upsert
from marketdata.models import Exchange, FeedStatus, Observation

pytestmark = pytest.mark.django_db

KEY = ("exchange_id", "symbol")
AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
STATUS: dict[str, Any] = {
    "symbol": "BTC/USDT", "state": FeedStatus.State.LIVE, "source": "websocket", "reason": "", "last_price": 1.0,
    "last_tick_at": AT, "messages_per_s": 1.5, "messages": 1, "rejected": 0, "gaps": 0, "reconnects": 0, "updated_at": AT,
}  # fmt: skip
FIELDS = ("exchange_id", *STATUS)
OBSERVED = ("source", "symbol", "kind", "key", "ts_event", "ts_init", "data")


@pytest.fixture
def told() -> Callable[..., tuple[Any, ...]]:
    exchange = Exchange.objects.create(code="there", name="There", adapter="binance", environment="simulated")
    return lambda **changed: (exchange.pk, *(STATUS | changed).values())


@pytest.mark.parametrize("price", [61837.63, 0.1 + 0.2, 1e-18, 1.7976931348623157e308, 5e-324, None])
@pytest.mark.parametrize("reason", ["", 'it\'s "quoted", 100 % of it', "币安 \\ \n back", "%s"])
def test_values_are_stored_exactly(told, price, reason):
    row = told(last_price=price, reason=reason, messages=2**62 + 1)
    upsert(FeedStatus, [row], fields=FIELDS, unique=KEY)
    assert FeedStatus.objects.values_list(*FIELDS).get() == row


def test_what_is_there_already_is_replaced_and_the_rest_is_added(told):
    first = [told(), told(symbol="ETH/USDT", messages=2)]
    second = [told(symbol="ETH/USDT", messages=3), told(symbol="SOL/USDT", messages=4)]
    upsert(FeedStatus, first, fields=FIELDS, unique=KEY)
    upsert(FeedStatus, second, fields=FIELDS, unique=KEY)
    found = dict(FeedStatus.objects.values_list("symbol", "messages"))
    assert found == {"BTC/USDT": 1, "ETH/USDT": 3, "SOL/USDT": 4}


def test_without_unique_fields_what_is_there_already_stays():
    def seen(ts_init: int) -> tuple[object, ...]:
        return ("here", "BTC", "funding", "", 7, ts_init, {"rate": 0.0001, "of": ["a", None]})

    upsert(Observation, [seen(1)], fields=OBSERVED)
    upsert(Observation, [seen(2)], fields=OBSERVED)
    assert Observation.objects.values_list(*OBSERVED).get() == seen(1)


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"symbol": "B" * 41}, DataError), ({"updated_at": None}, IntegrityError), ({"messages": 2**63}, DataError)],
)
def test_the_database_still_refuses_nonsense(told, changed, error):
    with pytest.raises(error), transaction.atomic():
        upsert(FeedStatus, [told(**changed)], fields=FIELDS, unique=KEY)
    assert not FeedStatus.objects.exists()


def test_nothing_is_nothing():
    upsert(FeedStatus, [], fields=FIELDS, unique=KEY)
    assert not FeedStatus.objects.exists()

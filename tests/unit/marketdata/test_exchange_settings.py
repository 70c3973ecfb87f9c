"""An exchange's settings are checked where they are made."""

import pytest
from django.core.exceptions import ValidationError

from marketdata.models import Exchange


def exchange(**settings) -> Exchange:
    return Exchange(code="new", name="New", **settings)


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"adapter": "krakn", "environment": "live"}, "adapter", "There is no exchange adapter called"),
        ({"adapter": "ccxt:okxx", "environment": "live"}, "adapter", "Did you mean okx"),
        ({"adapter": "kraken", "environment": "simulated"}, "environment", "choose live or testnet"),
        ({"adapter": "kraken", "environment": "testnet"}, "environment", "testnet"),
    ],
)
def test_what_cannot_work_is_named_with_what_can(settings, field, words):
    with pytest.raises(ValidationError) as refused:
        exchange(**settings).clean()
    assert words in refused.value.message_dict[field][0]


@pytest.mark.parametrize("adapter", ["binance", "binance-usdm", "upstox", "ccxt:binance"])
def test_what_the_simulated_exchange_speaks_may_be_simulated(adapter):
    exchange(adapter=adapter, environment="simulated").clean()


def test_a_server_of_ones_own_may_speak_anything():
    urls = {"rest_url": "http://127.0.0.1:1", "websocket_url": "ws://127.0.0.1:1"}
    exchange(adapter="kraken", environment="simulated", **urls).clean()


def test_a_feed_cannot_count_as_failed_before_anything_failed():
    with pytest.raises(ValidationError) as refused:
        exchange(adapter="kraken", environment="live", failed_after=0).clean_fields()
    assert "greater than or equal to 1" in refused.value.message_dict["failed_after"][0]

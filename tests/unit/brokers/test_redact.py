"""Nothing of a key is in the words of an error."""

import pytest

from bots.brokers.ccxt.redact import redact

KEY = "c1ecd1a2a77a7df94455c12bc9a38e7077697f4a7a946831c3f3b1745564b40e"


@pytest.mark.parametrize(
    "text",
    [
        f"Connection to wss://fstream.binance.com/private/ws?listenKey={KEY} timed out",
        f"binance POST https://api.binance.com/api/v3/order?timestamp=1&signature={KEY}",
        f"wss://stream.binance.com:9443/ws/{KEY}",
        f"apiKey {KEY}",
    ],
)
def test_keys_are_hidden_and_the_rest_is_read(text: str) -> None:
    told = redact(ConnectionError(text))
    assert told.startswith("ConnectionError: ")
    assert KEY not in told
    assert KEY[:20] not in told


def test_ordinary_words_stay() -> None:
    assert redact(TimeoutError()) == "TimeoutError"
    assert redact("HTTP 400: -1121 Invalid symbol.") == "HTTP 400: -1121 Invalid symbol."

"""Kraken over a real socket: subscriptions, a refused symbol, and recovery from a checksum that does not match."""

import json

from marketdata.events import BookDelta
from marketdata.exchanges.adapter import BookImage, Gap
from marketdata.exchanges.kraken.venue import KrakenAdapter
from tests.unit.marketdata.exchanges.kraken_frames import book_frame, digits_checksum
from tests.unit.marketdata.exchanges.venue_socket import pool_at

BIDS, ASKS = [("100.1", "2.00000000")], [("100.2", "0.50000000")]
SYMBOLS = {"BTC/USD": "BTC/USD", "FOO/USD": "FOO/USD"}


class Kraken:
    """Sends a wrong checksum after its first image, and right ones afterwards."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, list[str]]] = []
        self._images = 0

    def answer(self, connection: int, request: dict) -> list[bytes]:
        if request["method"] == "ping":
            return [b'{"method":"pong"}']
        parameters = request["params"]
        self.requests.append((request["method"], parameters["channel"], parameters["symbol"]))
        frames: list[bytes] = []
        for symbol in parameters["symbol"]:
            frames.append(self._acknowledge(request, symbol))
            if (request["method"], parameters["channel"], symbol) == ("subscribe", "book", "BTC/USD"):
                frames += self._book()
        return frames

    def _acknowledge(self, request: dict, symbol: str) -> bytes:
        answer = {"method": request["method"], "req_id": request["req_id"], "success": symbol != "FOO/USD"}
        if symbol == "FOO/USD":
            return json.dumps({**answer, "error": "Currency pair not supported FOO/USD", "symbol": symbol}).encode()
        return json.dumps({**answer, "result": {"channel": request["params"]["channel"], "symbol": symbol}}).encode()

    def _book(self) -> list[bytes]:
        self._images += 1
        after = digits_checksum([("100.1", "3.00000000")], ASKS)
        return [
            book_frame("snapshot", "BTC/USD", BIDS, ASKS, digits_checksum(BIDS, ASKS)),
            book_frame("update", "BTC/USD", [("100.1", "3.0")], [], after if self._images > 1 else after ^ 1),
        ]


async def test_a_wrong_checksum_is_healed_by_a_new_subscription_and_a_refused_symbol_harms_nobody():
    kraken = Kraken()
    async with pool_at(KrakenAdapter(), SYMBOLS, kraken.answer) as (pool, heard):
        pool.add("BTC/USD", "BTC/USD")
        pool.add("FOO/USD", "FOO/USD")
        await heard.until(lambda: any(isinstance(event, Gap) for event in heard.events) and len(heard.refused) == 3)
        assert [type(event) for event in heard.events] == [BookImage, Gap]
        assert heard.refused[0] == ("FOO/USD", "Currency pair not supported FOO/USD")

        pool.resubscribe("BTC/USD")
        await heard.until(lambda: isinstance(heard.events[-1], BookDelta))

    image, delta = heard.events[2:]
    assert isinstance(image, BookImage)
    assert isinstance(delta, BookDelta)
    assert delta.first_update_id == image.update_id + 1
    both = ["BTC/USD", "FOO/USD"]
    assert kraken.requests[:3] == [("subscribe", channel, both) for channel in ("book", "ticker", "trade")]
    # The book came back with the first of the new subscriptions.
    assert kraken.requests[3:7] == [
        ("unsubscribe", "book", ["BTC/USD"]),
        ("unsubscribe", "ticker", ["BTC/USD"]),
        ("unsubscribe", "trade", ["BTC/USD"]),
        ("subscribe", "book", ["BTC/USD"]),
    ]
    assert heard.malformed == []

"""Coinbase over a real socket: subscriptions, and recovery from a message that is missing."""

from marketdata.events import BookDelta
from marketdata.exchanges.adapter import BookImage, Gap
from marketdata.exchanges.coinbase.venue import CoinbaseAdapter
from tests.unit.marketdata.exchanges.coinbase_frames import book_event, frame
from tests.unit.marketdata.exchanges.venue_socket import pool_at

SYMBOLS = {"BTC-USD": "BTC/USD", "ETH-USD": "ETH/USD"}


class Coinbase:
    """Leaves out a number on its first connection."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, str, list[str]]] = []
        self._sequences: dict[int, int] = {}

    def answer(self, connection: int, request: dict) -> list[bytes]:
        channel, products = request["channel"], request["product_ids"]
        self.requests.append((connection, channel, products))
        frames = []
        if channel == "level2":
            frames = [self._next(connection, book_event("snapshot", name, [("100", "1")])) for name in products]
            if connection == 0:
                self._sequences[connection] += 1
            frames.append(self._next(connection, book_event("update", products[0], [("100", "2")])))
        return [*frames, self._next(connection, {"subscriptions": {channel: products}}, "subscriptions")]

    def _next(self, connection: int, event: dict, channel: str = "l2_data") -> bytes:
        number = self._sequences.get(connection, 0)
        self._sequences[connection] = number + 1
        return frame(channel, number, event)


async def test_a_missing_message_is_healed_by_a_new_connection():
    coinbase = Coinbase()
    async with pool_at(CoinbaseAdapter(), SYMBOLS, coinbase.answer) as (pool, heard):
        pool.add("BTC/USD", "BTC-USD")
        pool.add("ETH/USD", "ETH-USD")
        await heard.until(lambda: sum(isinstance(event, BookImage) for event in heard.events) == 4)
        await heard.until(lambda: isinstance(heard.events[-1], BookDelta))

    gaps = [event for event in heard.events if isinstance(event, Gap)]
    assert {gap.symbol for gap in gaps} == {"BTC/USD", "ETH/USD"}
    image = next(
        event for event in reversed(heard.events) if isinstance(event, BookImage) and event.symbol == "BTC/USD"
    )
    delta = heard.events[-1]
    assert isinstance(delta, BookDelta)
    assert (delta.symbol, delta.first_update_id) == ("BTC/USD", image.update_id + 1)
    assert (1, "level2", ["BTC-USD", "ETH-USD"]) in coinbase.requests
    assert heard.malformed == []

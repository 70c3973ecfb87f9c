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


class Picky(Coinbase):
    """Refuses every request with a product that it does not have, as a whole, and has no answer to a second asking."""

    def answer(self, connection: int, request: dict) -> list[bytes]:
        if "FOO-USD" in request["product_ids"]:
            self.requests.append((connection, request["channel"], request["product_ids"]))
            return [b'{"type":"error","message":"FOO-USD is not a valid product"}']
        return super().answer(connection, request)


async def test_who_shares_a_request_with_a_refused_product_is_asked_for_again_at_once():
    coinbase = Picky()
    async with pool_at(CoinbaseAdapter(), SYMBOLS | {"FOO-USD": "FOO/USD"}, coinbase.answer) as (pool, heard):
        for name in ("BTC", "FOO", "ETH"):
            pool.add(f"{name}/USD", f"{name}-USD")
        # Nobody but the socket asks again here: there is no watch on what is missing.
        await heard.until(lambda: {event.symbol for event in heard.events if isinstance(event, BookImage)} >= {"BTC/USD", "ETH/USD"})  # fmt: skip
    assert "FOO/USD" in [symbol for symbol, _ in heard.refused]
    level2 = [products for connection, channel, products in coinbase.requests if (connection, channel) == (0, "level2")]
    assert level2[:2] == [["BTC-USD", "FOO-USD", "ETH-USD"], ["BTC-USD", "ETH-USD"]]

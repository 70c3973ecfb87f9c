"""Silence is counted from when a symbol was asked for: with very many, some wait for their turn."""

import json

from marketdata.exchanges.kraken.venue import KrakenAdapter
from tests.unit.marketdata.cast import SECOND, T0, live_stream
from tests.unit.marketdata.exchanges.venue_socket import pool_at
from tests.unit.marketdata.test_feed_faults import Asked, feed_of

SYMBOLS = {"BTC/USD": "BTC/USD", "ETH/USD": "ETH/USD"}


class Venue:
    """Answers all requests but the first, until which is answered nothing else is asked."""

    def __init__(self, *, answers_first: bool) -> None:
        self.requests = 0
        self._answers_first = answers_first

    def answer(self, connection: int, request: dict) -> list[bytes]:
        self.requests += 1
        if self.requests == 1 and not self._answers_first:
            # Something else, so that the test hears that it was asked.
            return [b"{]"]
        parameters = request["params"]
        return [
            json.dumps({
                "method": "subscribe", "req_id": request["req_id"], "success": True,
                "result": {"channel": parameters["channel"], "symbol": symbol},
            }).encode()
            for symbol in parameters["symbol"]
        ] + ([b"{]"] if self.requests == 3 else [])  # fmt: skip


async def test_symbols_wait_until_the_last_of_their_streams_was_asked_for():
    venue = Venue(answers_first=False)
    async with pool_at(KrakenAdapter(), SYMBOLS, venue.answer) as (pool, heard):
        for symbol in SYMBOLS:
            pool.add(symbol, symbol)
        assert pool.unasked() == set()
        await heard.until(lambda: bool(heard.malformed))
        assert venue.requests == 1
        assert pool.unasked() == {"BTC/USD", "ETH/USD"}
        pool.remove("ETH/USD")
        assert pool.unasked() == {"BTC/USD"}


async def test_nobody_waits_when_all_was_asked_for_and_asking_again_is_no_waiting():
    venue = Venue(answers_first=True)
    async with pool_at(KrakenAdapter(), SYMBOLS, venue.answer) as (pool, heard):
        for symbol in SYMBOLS:
            pool.add(symbol, symbol)
        await heard.until(lambda: bool(heard.malformed))
        assert venue.requests == 3
        assert pool.unasked() == set()
        pool.resubscribe("BTC/USD")
        assert pool.unasked() == set()


def test_a_symbol_that_waits_for_its_turn_is_not_silent():
    stream = live_stream()
    stream.connected(T0)
    for tenth in range(100):
        stream.unasked(T0 + tenth * SECOND // 10)
        stream.advance(T0 + tenth * SECOND // 10)
        assert not stream.is_silent
    stream.advance(T0 + 14 * SECOND)
    assert stream.is_silent


def test_what_is_silent_already_stays_so_until_something_comes():
    stream = live_stream()
    stream.advance(T0 + 4 * SECOND)
    assert stream.is_silent
    stream.unasked(T0 + 5 * SECOND)
    stream.advance(T0 + 5 * SECOND)
    assert stream.is_silent


async def test_the_feed_asks_nobody_again_whose_turn_has_not_come():
    now_ns = T0

    class Busy(Asked):
        """Symbols wait for their turn."""

        waiting = frozenset({"BTC/USDT", "of another feed"})

        def unasked(self) -> frozenset[str]:
            return self.waiting

    source = Busy()
    feed = feed_of(object(), make_source=lambda hearer: source, clock_ns=lambda: now_ns)
    stream = feed.followed["BTC/USDT"].stream
    stream.connected(T0)
    for tenth in range(100):
        now_ns = T0 + tenth * SECOND // 10
        feed.advance()
    assert (stream.is_silent, source.resubscribed) == (False, [])
    source.waiting = frozenset()
    now_ns += 3 * SECOND
    feed.advance()
    assert (stream.is_silent, source.resubscribed) == (True, ["BTC/USDT"])

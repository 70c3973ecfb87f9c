"""What a consumer must notice: older leaders, holes, and how much it may keep."""

import pytest

from marketdata.batches import BatchReader, ConflatingQueue, MalformedBatch, encode_batch, tick_group
from marketdata.events import Batch, BookSnapshot, FeedState, QuoteTick
from tests.unit.marketdata.cast import T0, minute, quote, trade

BOOK = BookSnapshot(
    exchange="binance",
    symbol="BTC/USDT",
    bids=((99.0, 1.0),),
    asks=((101.0, 1.0),),
    update_id=1,
    ts_event=T0,
    ts_init=T0,
)


def message(sequence: int, *events, epoch: int = 1, exchange: str = "binance", symbol: str = "BTC/USDT") -> bytes:
    return encode_batch(
        Batch(exchange=exchange, symbol=symbol, epoch=epoch, sequence=sequence, now_ns=T0, events=events)
    )


def test_what_is_sent_is_what_is_read():
    events = (quote(99, 101), trade(100, at=T0), BOOK, minute(0))
    assert BatchReader().read(message(1, *events)).batch.events == events


def test_group_names_are_valid_for_channels():
    assert tick_group("binance", "BTC/USDT") == "ticks.binance.BTC-USDT"
    assert tick_group("binance", "BTC/USDT:USDT") == "ticks.binance.BTC-USDT_USDT"


def test_a_hole_is_stale_until_the_next_book():
    reader = BatchReader()
    reader.read(message(1, BOOK))
    read = reader.read(message(4, quote(99, 101)))
    assert (read.missed, read.is_stale) == (2, True)
    assert reader.read(message(5, trade(100, at=T0))).is_stale
    assert not reader.read(message(6, BOOK)).is_stale


def test_who_joins_late_knows_nothing_until_the_first_book():
    reader = BatchReader()
    read = reader.read(message(700, quote(99, 101)))
    assert (read.missed, read.is_stale) == (0, True)
    assert not reader.read(message(701, BOOK)).is_stale


def test_who_joins_while_another_source_stands_in_goes_by_the_word_of_the_feed():
    def word(state: str) -> FeedState:
        return FeedState(
            exchange="binance", symbol="BTC/USDT", state=state, source="kraken", reason="", ts_event=T0, ts_init=T0
        )

    reader = BatchReader()
    assert reader.read(message(700, quote(99, 101))).is_stale
    assert reader.read(message(701, word("resyncing"), quote(99, 101))).is_stale
    assert not reader.read(message(702, word("fallback"), quote(99, 101))).is_stale


def test_a_replaced_leader_is_not_listened_to():
    reader = BatchReader()
    reader.read(message(9, BOOK, epoch=2))
    assert reader.read(message(10, BOOK, epoch=1)) is None
    assert reader.read(message(1, BOOK, epoch=3)).batch.epoch == 3
    assert reader.dropped == 1


def test_a_new_leader_of_one_symbol_leads_the_whole_exchange():
    reader = BatchReader()
    reader.read(message(7, BOOK, symbol="ETH/USDT"))
    reader.read(message(1, BOOK, epoch=2))
    # The old leader has not heard yet: neither what was followed already nor what is new counts.
    assert reader.read(message(8, BOOK, symbol="ETH/USDT")) is None
    assert reader.read(message(1, BOOK, symbol="SOL/USDT")) is None
    assert reader.read(message(9, BOOK, exchange="kraken", symbol="ETH/USDT")).batch.epoch == 1
    taken = reader.read(message(1, BOOK, epoch=2, symbol="ETH/USDT"))
    assert (taken.missed, taken.is_stale) == (0, False)
    assert reader.dropped == 2


def test_an_exchange_that_is_no_longer_followed_begins_anew():
    reader = BatchReader()
    reader.read(message(1, BOOK, epoch=5))
    reader.read(message(1, BOOK, epoch=5, symbol="ETH/USDT"))
    reader.forget("binance", "BTC/USDT")
    assert reader.read(message(1, BOOK, epoch=4)) is None
    reader.forget("binance", "ETH/USDT")
    assert reader.read(message(1, BOOK, epoch=1)).batch.epoch == 1


def test_a_repeated_batch_is_dropped():
    reader = BatchReader()
    reader.read(message(1, BOOK))
    assert reader.read(message(1, BOOK)) is None


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x90", b"hello", message(1, BOOK)[:-3]])
def test_what_is_no_batch_is_named(payload):
    with pytest.raises(MalformedBatch, match="no batch"):
        BatchReader().read(payload)


def test_quotes_conflate_and_trades_do_not():
    queue = ConflatingQueue()
    for number in range(5):
        queue.put(quote(99, 101 + number))
        queue.put(trade(100 + number, at=T0, id=number))
    queue.put(BOOK)
    events = queue.drain()
    assert [event.price for event in events if hasattr(event, "price")] == [100, 101, 102, 103, 104]
    assert [event.ask for event in events if isinstance(event, QuoteTick)] == [105]
    assert (queue.conflated, queue.overflow, len(queue)) == (4, 0, 0)


def test_the_bound_drops_the_oldest_trades_and_counts_them():
    queue = ConflatingQueue(max_kept=3)
    queue.put(minute(0))
    for number in range(6):
        queue.put(trade(100 + number, at=T0, id=number))
    events = queue.drain()
    assert [event.price for event in events if hasattr(event, "price")] == [104, 105]
    assert events[0] == minute(0)
    assert queue.overflow == 4

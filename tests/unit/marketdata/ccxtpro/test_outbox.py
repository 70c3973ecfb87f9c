import asyncio

import pytest

from marketdata.ccxtpro import outbox as outbox_module
from marketdata.ccxtpro.outbox import Outbox, ReaderTooSlow
from marketdata.ccxtpro.wire import GapSeen, Heartbeat, Image
from marketdata.events import QuoteTick, TradeTick


def image(number: int, symbol: str = "BTC/USDT") -> Image:
    return Image(
        exchange="okx", symbol=symbol, bids=((1.0, 1.0),), asks=((2.0, 1.0),), update_id=number, ts_event=0, ts_init=0
    )


def trade(number: int) -> TradeTick:
    return TradeTick(
        exchange="okx", symbol="BTC/USDT", price=1, size=1, buyer_is_maker=False, trade_id=number, ts_event=0, ts_init=0
    )


def quote(number: int) -> QuoteTick:
    return QuoteTick(
        exchange="okx", symbol="BTC/USDT", bid=1, bid_size=1, ask=2, ask_size=1, ts_event=0, ts_init=0, update_id=number
    )


async def test_of_books_and_quotes_only_the_newest_waits_and_of_trades_all() -> None:
    outbox = Outbox()
    for number in range(100):
        outbox.replace(image(number))
        outbox.replace(quote(number))
        outbox.add(trade(number))
    outbox.replace(image(7, "ETH/USDT"))
    taken = await outbox.take()
    assert [report for report in taken if isinstance(report, TradeTick)] == [trade(number) for number in range(100)]
    assert [report for report in taken if isinstance(report, Image)] == [image(99), image(7, "ETH/USDT")]
    assert [report for report in taken if isinstance(report, QuoteTick)] == [quote(99)]
    assert outbox.conflated == 198


async def test_nothing_from_before_a_gap_is_sent_after_it() -> None:
    outbox = Outbox()
    outbox.replace(image(1))
    outbox.replace(quote(1))
    outbox.replace(image(1, "ETH/USDT"))
    gap = GapSeen(symbol="BTC/USDT", reason="crossed", ts_init=0)
    outbox.interrupt("BTC/USDT", gap)
    outbox.replace(image(2))
    assert await outbox.take() == [gap, image(1, "ETH/USDT"), image(2)]


async def test_taking_waits_for_something() -> None:
    outbox = Outbox()
    taking = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not taking.done()
    outbox.add(Heartbeat())
    assert await taking == [Heartbeat()]


async def test_a_reader_that_never_reads_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "_MAX_WAITING", 3)
    outbox = Outbox()
    for number in range(3):
        outbox.add(trade(number))
    with pytest.raises(ReaderTooSlow):
        outbox.add(trade(3))

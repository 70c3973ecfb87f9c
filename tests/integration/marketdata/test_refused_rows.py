"""A row that the database refuses costs itself only: what waits beside and behind it is stored."""

from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from msgspec.structs import replace
from structlog.testing import capture_logs

from marketdata.feed import rows
from marketdata.feed.isolate import write_isolated
from marketdata.feed.lease import take_lease
from marketdata.feed.recorder import Recorder
from marketdata.models import BarRow, Exchange, FeedEvent, FeedStatus, Instrument
from tests.unit.marketdata.cast import minute

pytestmark = pytest.mark.django_db(transaction=True)


async def leading_recorder() -> tuple[Recorder, int]:
    """With the instrument whose bars it keeps."""
    exchange = await Exchange.objects.acreate(code="refusing", name="Refusing", adapter="binance")
    instrument = await Instrument.objects.acreate(
        exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT",
        tick_size="0.01", lot_size="0.001", min_quantity="0.001", max_quantity="100", min_notional="5",
        updated_at=datetime.now(tz=UTC),
    )  # fmt: skip
    recorder = Recorder(exchange_id=exchange.pk, exchange=exchange.code, enabled=True)
    recorder.epoch = await sync_to_async(take_lease)(exchange_id=exchange.pk, holder="test") or 0
    return recorder, instrument.pk


def status(recorder: Recorder, symbol: str, **fields) -> FeedStatus:
    return FeedStatus(
        exchange_id=recorder._exchange_id, symbol=symbol, state="live", updated_at=datetime.now(tz=UTC), **fields
    )


async def test_a_bar_out_of_bounds_and_one_of_no_instrument_do_not_hold_up_the_others():
    recorder, instrument_id = await leading_recorder()
    for number in range(1, 8):
        recorder.keep_bar(instrument_id, minute(number))
    recorder.keep_bar(instrument_id, replace(minute(8), trades=2**40))
    recorder.keep_bar(instrument_id + 1000, minute(9))
    recorder.keep_bar(instrument_id, minute(10))
    with capture_logs() as logs:
        await recorder.write([])
    assert await BarRow.objects.filter(instrument_id=instrument_id).acount() == 8
    assert recorder.refused == 2
    assert not recorder.is_down
    assert [line["event"] for line in logs] == ["[WS] row refused: left out"] * 2


async def test_history_is_told_although_a_bar_of_it_was_refused():
    recorder, instrument_id = await leading_recorder()
    told: list[bool] = []
    recorder.keep_bar(instrument_id, replace(minute(1), trades=2**40))
    recorder.when_stored(lambda: told.append(True))
    await recorder.write([])
    assert told == [True]


async def test_what_a_venue_says_with_nul_and_half_a_character_is_stored_without():
    recorder, _ = await leading_recorder()
    recorder.note("refused", "bad\x00 ticker \ud800!", at_ns=10**18, symbol="BTC\x00/USDT")
    await recorder.write([])
    stored = await FeedEvent.objects.aget()
    assert (stored.symbol, stored.message) == ("BTC/USDT", "bad ticker ?!")


async def test_an_event_that_no_column_takes_is_left_out():
    recorder, _ = await leading_recorder()
    recorder.note("k" * 100, "too long a kind", at_ns=10**18)
    recorder.note("fine", "the one behind it", at_ns=10**18)
    await recorder.write([])
    assert [event.kind async for event in FeedEvent.objects.all()] == ["fine"]


@pytest.mark.parametrize("fields", [{"reason": "a\x00b"}, {"reason": "\ud800"}, {"gaps": 2**40}])
async def test_a_status_that_is_refused_leaves_the_others(fields):
    recorder, _ = await leading_recorder()
    await recorder.write([status(recorder, "OLD/USDT")])
    await recorder.write(
        [status(recorder, "BTC/USDT"), status(recorder, "BAD/USDT", **fields), status(recorder, "ETH/USDT")]
    )
    stored = [row.symbol async for row in FeedStatus.objects.order_by("symbol")]
    assert stored == ["BTC/USDT", "ETH/USDT"]
    assert recorder.refused == 1


async def test_while_the_database_is_away_nothing_is_refused(monkeypatch):
    recorder, instrument_id = await leading_recorder()
    recorder.keep_bar(instrument_id, minute(1))

    def away(bars):
        raise OperationalError("the server closed the connection unexpectedly")

    with monkeypatch.context() as broken:
        broken.setattr(rows, "write_bars", away)
        await recorder.write([])
        assert not await BarRow.objects.aexists()
    await recorder.write([])
    assert await BarRow.objects.acount() == 1
    assert recorder.refused == 0


async def test_very_many_refused_rows_wait_for_the_next_time():
    stored: list[int] = []

    async def write(part: list[int]) -> bool:
        if any(row < 0 for row in part):
            raise ValueError("below nothing")
        stored.extend(part)
        return True

    refused: list[int] = []
    waiting = await write_isolated([-1] * 50 + [1], write, refused=lambda row, error: refused.append(row))
    assert len(refused) == 20
    assert waiting == [-1] * 30 + [1]
    assert await Instrument.objects.acount() == 0
    waiting = await write_isolated([2, -1, 3], write, refused=lambda row, error: refused.append(row))
    assert (waiting, stored) == ([], [2, 3])

"""Days made of bars of four hours."""

from bots.engine.days import DAY_NS, PARTS, Days
from marketdata.events import Bar

FOUR_H = 4 * 3_600_000_000_000
DAY0 = 19_000 * DAY_NS


def part(i: int, *, closed: bool = True, timeframe: str = "4h") -> Bar:
    """The i-th four hours since DAY0; prices rise by one each."""
    length = DAY_NS if timeframe == "1d" else FOUR_H
    ts = DAY0 + i * length
    return Bar(
        exchange="x", symbol="BTC/USDT", timeframe=timeframe, ts_open=ts, ts_close=ts + length, open=100.0 + i,  # type: ignore[arg-type]
        high=102.0 + i, low=99.0 + i, close=101.0 + i, volume=1.0, taker_buy_volume=0.5, trades=2, closed=closed,
    )  # fmt: skip


def test_stored_days_are_followed_by_those_that_parts_make() -> None:
    days = Days().begin([part(0, timeframe="1d")], [part(i) for i in range(19)])
    assert [day.ts_open for day in days] == [DAY0, DAY0 + DAY_NS, DAY0 + 2 * DAY_NS]
    assert (days[1].open, days[1].close, days[1].volume) == (106.0, 112.0, 6.0)
    assert Days().begin([], []) == []


def test_a_day_closes_with_its_last_part_once() -> None:
    days = Days()
    days.begin([], [part(i) for i in range(4)])
    assert days.close(part(4)) is None
    closed = days.close(part(5))
    assert closed is not None
    assert (closed.ts_open, closed.ts_close, closed.high, closed.low) == (DAY0, DAY0 + DAY_NS, 107.0, 99.0)
    assert days.close(part(6)) is None
    assert days.close(part(7, closed=False)) is None


def test_a_day_with_a_hole_does_not_close() -> None:
    days = Days()
    days.begin([], [part(0), part(1), part(3), part(4)])
    assert days.close(part(5)) is None


def test_the_day_so_far() -> None:
    days = Days()
    days.begin([], [part(i) for i in range(PARTS - 4)])
    forming = days.forming([part(8, closed=False)])
    assert forming is not None
    assert (forming.ts_open, forming.open, forming.close, forming.volume) == (DAY0 + DAY_NS, 106.0, 109.0, 3.0)
    assert not forming.closed
    assert days.forming([part(9, closed=False)]) is None
    assert days.forming([]) is None

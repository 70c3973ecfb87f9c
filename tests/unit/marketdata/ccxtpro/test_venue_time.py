"""How late the data of ccxt's exchanges is: the venue's own time tells, where it tells one."""

from types import SimpleNamespace

import msgspec
import pytest

from marketdata.ccxtpro.answers import Answers
from marketdata.clock import OffsetClock
from marketdata.exchanges.catalog import get_adapter
from marketdata.feed.clock_check import ClockCheck

NOW = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


class Telling:
    """A venue whose clock is right, and that may not tell it."""

    def __init__(self, *, tells: bool) -> None:
        exchange = SimpleNamespace(has={"fetchTime": tells}, fetch_time=self._fetch_time)
        self._answers = Answers(exchange, code="judge", clock_ns=lambda: NOW)

    async def _fetch_time(self) -> int:
        return NOW // 1_000_000

    async def server_time_ns(self) -> int:
        return int(msgspec.msgpack.decode(await self._answers.answer("server_time_ns", {}), type=int))


@pytest.mark.parametrize(("tells", "lag_s"), [(True, 29), (False, 0)])
async def test_records_that_are_all_late_are_found_where_the_venue_tells_its_time(tells, lag_s):
    clock = OffsetClock()
    for number in range(30):
        # Half a minute late, every one: by themselves they look like a clock of ours that was set.
        clock.observe(ts_event=NOW + number - 30 * SECOND, ts_init=NOW + number)
    step_ms = get_adapter("ccxt:kraken").server_time_step_ms
    check = ClockCheck(rest=Telling(tells=tells), clock=clock, step_ms=step_ms, now_ns=lambda: NOW)
    await check.ask()
    assert (clock.now_ns(NOW) - (NOW - 30 * SECOND)) // SECOND == lag_s

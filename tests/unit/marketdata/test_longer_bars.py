"""History at venues that lack timeframes or have less than is asked for."""

from itertools import pairwise

from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from marketdata.exchanges.adapter import UnsupportedTimeframe
from marketdata.history import BOOTSTRAP_BARS, first_minutes, longer_bars

MINUTE_NS = 60_000_000_000
NOW_MINUTE = 28_000_007


class Venue:
    """Bars of a price that counts minutes, in some timeframes, at most `most` of each; the last one is forming."""

    def __init__(self, timeframes: tuple[Timeframe, ...], *, most: int = 100_000) -> None:
        self.timeframes = timeframes
        self.most = most
        self.asked: list[tuple[str, int]] = []

    async def bars(self, venue_symbol, *, symbol, timeframe, limit, start_ns=None) -> list[Bar]:
        self.asked.append((timeframe, limit))
        if timeframe not in self.timeframes:
            raise UnsupportedTimeframe(f"no bars of {timeframe}")
        minutes = TIMEFRAME_SECONDS[timeframe] // 60
        last = NOW_MINUTE // minutes
        return [
            Bar(
                exchange="x", symbol=symbol, timeframe=timeframe, ts_open=number * minutes * MINUTE_NS,
                ts_close=(number + 1) * minutes * MINUTE_NS, open=number * minutes, high=(number + 1) * minutes,
                low=number * minutes, close=(number + 1) * minutes, volume=minutes, taker_buy_volume=None, trades=1,
                closed=number < last, source="rest",
            )
            for number in range(last - min(limit, self.most) + 1, last + 1)
        ]  # fmt: skip


async def history(venue: Venue) -> dict[Timeframe, list[Bar]]:
    found = [bars async for bars in longer_bars(venue, "BTCUSDT", symbol="BTC/USDT")]
    assert [bars[0].timeframe for bars in found] == sorted(
        {bars[0].timeframe for bars in found}, key=lambda name: TIMEFRAME_SECONDS[name]
    )
    return {bars[0].timeframe: bars for bars in found}


async def test_what_is_built_equals_what_the_venue_would_have_sent():
    whole = await history(Venue(tuple(TIMEFRAME_SECONDS)))
    built = await history(Venue(("1m", "5m", "15m", "1h")))
    assert list(built) == ["3m", "5m", "15m", "30m", "1h", "4h", "1d"]
    for timeframe in ("3m", "30m"):
        closed = [bar for bar in whole[timeframe] if bar.closed]
        assert len(built[timeframe]) == BOOTSTRAP_BARS[timeframe]
        theirs = {bar.ts_open: (bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in closed}
        for bar in built[timeframe][1:]:
            assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == theirs[bar.ts_open]
        assert built[timeframe][-1].ts_open == closed[-1].ts_open


async def test_the_longest_that_fits_is_asked_for():
    venue = Venue(("1m", "5m", "15m", "1h"))
    await history(venue)
    assert ("15m", 604) in venue.asked
    assert ("3m", 300) in venue.asked
    assert ("1m", 906) in venue.asked


async def test_a_venue_with_minutes_only_still_has_every_timeframe():
    built = await history(Venue(("1m",), most=1500))
    assert {timeframe: len(bars) for timeframe, bars in built.items()} == {
        "3m": 300, "5m": 299, "15m": 99, "30m": 49, "1h": 24, "4h": 5,
    }  # fmt: skip
    for timeframe, bars in built.items():
        assert {b.ts_open - a.ts_open for a, b in pairwise(bars)} == {TIMEFRAME_SECONDS[timeframe] * 10**9}
        assert all(bar.closed for bar in bars)


async def test_a_venue_with_little_gives_little():
    assert len(await first_minutes(Venue(("1m",), most=3), "BTCUSDT", symbol="BTC/USDT")) == 3
    assert await history(Venue(("1m",), most=3)) == {}

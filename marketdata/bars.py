"""Bars of several timeframes from trade ticks.

The minute is the unit: prints make minutes, minutes make the longer bars. A minute without a print closes by time
with the last price and volume 0, as venues' own klines do. A minute that was not watched from its beginning to its
end is never published: its bar, and every longer bar that it is part of, waits until history fills it (`seed`).
"""

from collections import deque
from collections.abc import Iterable, Sequence

from marketdata.aggregate import merge_bars
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe, TradeTick

NS_PER_MINUTE = 60_000_000_000
# Prints are stamped before they are sent: the minute stays open a little longer.
_GRACE_NS = 250_000_000
_LONGEST_MINUTES = 240
_MAX_FILLED = 1_440
_MAX_KEPT = 20_000
_MAX_PUBLISHED = 2_000


class _Minute:
    """The forming minute."""

    __slots__ = ("close", "complete", "high", "low", "open", "taker_buy", "trades", "ts_open", "volume")

    def __init__(self, ts_open: int, *, complete: bool) -> None:
        self.ts_open = ts_open
        self.complete = complete
        self.open = self.high = self.low = self.close = 0.0
        self.volume = self.taker_buy = 0.0
        self.trades = 0

    def add(self, trade: TradeTick) -> None:
        price = trade.price
        if self.open == 0.0:
            self.open = self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += trade.size
        if not trade.buyer_is_maker:
            self.taker_buy += trade.size
        self.trades += 1


class BarSet:
    """Forming and closed bars of one instrument. Timeframes up to four hours; "1m" is always among them.

    Begins unwatched: call `resume` when prints start to flow, `interrupt` when some may be missed.
    """

    def __init__(
        self, *, exchange: str, symbol: str, timeframes: Iterable[Timeframe], grace_ns: int = _GRACE_NS
    ) -> None:
        self._grace_ns = grace_ns
        self._exchange = exchange
        self._symbol = symbol
        self._longer: tuple[tuple[Timeframe, int], ...] = tuple(
            (name, TIMEFRAME_SECONDS[name] // 60) for name in timeframes if name != "1m"
        )
        if any(minutes > _LONGEST_MINUTES for _, minutes in self._longer):
            raise ValueError("Bars longer than four hours are not built from ticks: fetch them as history.")
        self._minute: _Minute | None = None
        self._minutes: deque[Bar] = deque(maxlen=_LONGEST_MINUTES)
        # Of the forming bars, until the next minute closes: the minute they reach to, and one bar or none.
        self._closed_parts: dict[Timeframe, tuple[int, list[Bar]]] = {}
        # Prints of the forming minute while it is incomplete, to be joined with history.
        self._kept: deque[TradeTick] = deque(maxlen=_MAX_KEPT)
        self._watching = False
        # Minutes that begin from here on (venue's time) are whole even when no print was heard before them.
        self._watched_from_ns = 0
        # When `advance` has something to do; 0 before the first print.
        self.deadline_ns = 0
        # What history fills from here on is published; what is older, consumers load as history themselves.
        self._since_ns: int | None = None
        self._published: set[tuple[Timeframe, int]] = set()
        # The first print heard since prints flow: until then, and before it, some may be missed.
        self._heard_from: int | None = None
        self.needs_history = True

    @property
    def is_joinable(self) -> bool:
        """Whether a print was heard with which history, asked for from now on, can be joined."""
        return self._heard_from is not None

    @property
    def closed_minutes(self) -> Sequence[Bar]:
        """The latest closed one-minute bars, oldest first."""
        return self._minutes

    def add(self, trade: TradeTick) -> list[Bar]:
        """Count a print. Gives the bars that it closes; a print of an earlier minute counts nowhere."""
        ts_open = trade.ts_event - trade.ts_event % NS_PER_MINUTE
        minute = self._minute
        closed: list[Bar] = []
        if minute is None:
            minute = self._begin(ts_open, complete=False)
        elif ts_open > minute.ts_open:
            closed, minute = self._roll(minute, ts_open)
        elif ts_open < minute.ts_open:
            return closed
        minute.add(trade)
        if not minute.complete:
            self._kept.append(trade)
            if self._heard_from is None:
                self._heard_from = trade.trade_id
        return closed

    def advance(self, now_ns: int) -> list[Bar]:
        """Close what is over by `now_ns`, the venue's time."""
        if self._minute is None:
            return []
        if now_ns < self.deadline_ns:
            if now_ns < self._minute.ts_open - NS_PER_MINUTE:
                self._forget_future()
            return []
        now_ns -= self._grace_ns
        return self._roll(self._minute, now_ns - now_ns % NS_PER_MINUTE)[0]

    def resume(self, *, from_ns: int = 0) -> None:
        """Every print arrives from the first one on, and at the latest from `from_ns` on: the next minute is whole."""
        self._watching = True
        self._watched_from_ns = from_ns

    def interrupt(self) -> None:
        """Prints may be missed: the forming minute is incomplete until history fills it."""
        self.needs_history = True
        self._watching = False
        self._heard_from = None
        if self._minute is not None:
            self._minute.complete = False

    def _forget_future(self) -> None:
        """The forming minute has not come yet: a print with a wrong time began it, and would keep all others out."""
        self.interrupt()
        self.resume()
        self._minute = self._since_ns = None
        self.deadline_ns = 0

    def seed(self, minutes: Sequence[Bar], trades: Sequence[TradeTick], *, assume_complete: bool = False) -> list[Bar]:
        """Go on from history: one-minute `minutes` (the forming one may be last) and the latest prints.

        Prints are joined by id, so none counts twice. The forming minute is complete when `trades` reach from before
        its beginning to the first print that was heard, or by `assume_complete`; otherwise its close is left to the next
        history, and the forming bar shows the venue's numbers where `trades` begin too late. Gives the closed bars that
        were missed since watching began.
        """
        closed = [bar for bar in minutes if bar.closed]
        if not closed:
            return []
        history = {bar.ts_open: bar for bar in (*closed, *self._minutes)}
        self._minutes = deque((history[ts] for ts in sorted(history)), maxlen=_LONGEST_MINUTES)
        self._closed_parts.clear()
        ts_open = self._minutes[-1].ts_close
        current = self._minute
        if current is None or current.ts_open < ts_open or (current.ts_open == ts_open and not current.complete):
            self._join(ts_open, minutes[-1], trades, assume_complete=assume_complete)
        if self._since_ns is None:
            self._since_ns = ts_open
        if assume_complete:
            self._watched_from_ns = 0
        self.needs_history = self._minute is None or self._minute.ts_open > ts_open or not self._minute.complete
        return [
            bar for minute in list(self._minutes) if minute.ts_open >= self._since_ns for bar in self._publish(minute)
        ]

    def forming(self) -> list[Bar]:
        """The unfinished bars, shortest first."""
        if self._minute is None or self._minute.open == 0.0:
            return []
        minute = self._bar(self._minute, closed=False)
        bars = [minute]
        for timeframe, count in self._longer:
            length_ns = count * NS_PER_MINUTE
            begin = minute.ts_open - minute.ts_open % length_ns
            parts = self._closed_part(timeframe, begin, length_ns, minute.ts_open)
            bars.append(merge_bars(timeframe, begin, length_ns, [*parts, minute], closed=False))
        return bars

    def _closed_part(self, timeframe: Timeframe, begin: int, length_ns: int, end: int) -> list[Bar]:
        """The closed minutes of a forming bar, merged into one: asked for several times a second."""
        known = self._closed_parts.get(timeframe)
        if known is None or known[0] != end:
            parts = [bar for bar in self._minutes if begin <= bar.ts_open < end]
            merged = [merge_bars(timeframe, begin, length_ns, parts, closed=False)] if parts else []
            known = self._closed_parts[timeframe] = (end, merged)
        return known[1]

    def _begin(self, ts_open: int, *, complete: bool) -> _Minute:
        self._minute = _Minute(ts_open, complete=complete)
        self.deadline_ns = ts_open + NS_PER_MINUTE + self._grace_ns
        if self._since_ns is None:
            self._since_ns = ts_open
        self._kept.clear()
        return self._minute

    def _join(self, ts_open: int, latest: Bar, trades: Sequence[TradeTick], *, assume_complete: bool) -> None:
        prints = {trade.trade_id: trade for trade in (*trades, *self._kept) if trade.ts_event >= ts_open}
        covered = bool(trades) and trades[0].ts_event < ts_open
        # What was printed after history's last print and before the first one heard, nobody told.
        joined = covered and self._heard_from is not None and trades[-1].trade_id >= self._heard_from
        minute = self._begin(ts_open, complete=self._watching and (joined or assume_complete))
        if not covered and latest.ts_open == ts_open and latest.volume > 0:
            minute.open, minute.high, minute.low, minute.close = latest.open, latest.high, latest.low, latest.close
            minute.volume, minute.taker_buy, minute.trades = latest.volume, latest.taker_buy_volume or 0, latest.trades
            newest = max((trade.trade_id for trade in trades), default=0)
            prints = {trade_id: trade for trade_id, trade in prints.items() if trade_id > newest}
        for trade_id in sorted(prints):
            if prints[trade_id].ts_event < ts_open + NS_PER_MINUTE:
                minute.add(prints[trade_id])
                self._kept.append(prints[trade_id])

    def _roll(self, minute: _Minute, ts_next: int) -> tuple[list[Bar], _Minute]:
        """Close the minute and those without a print before `ts_next`, which becomes the forming one."""
        if minute.open == 0.0 and self._minutes and self._minutes[-1].ts_close == minute.ts_open:
            minute.open = minute.high = minute.low = minute.close = self._minutes[-1].close
        empty = range(minute.ts_open + NS_PER_MINUTE, ts_next, NS_PER_MINUTE)
        closed: list[Bar] = []
        # What was not watched, or was silent for longer than a day, is left to history.
        if minute.complete and minute.open > 0.0 and len(empty) <= _MAX_FILLED:
            closed = self._close(minute)
            for ts_open in empty:
                quiet = _Minute(ts_open, complete=True)
                quiet.open = quiet.high = quiet.low = quiet.close = minute.close
                closed += self._close(quiet)
        else:
            self.needs_history = True
        is_heard = self._heard_from is not None or ts_next >= self._watched_from_ns
        return closed, self._begin(ts_next, complete=self._watching and is_heard)

    def _close(self, minute: _Minute) -> list[Bar]:
        bar = self._bar(minute, closed=True)
        self._minutes.append(bar)
        self._closed_parts.clear()
        return self._publish(bar)

    def _publish(self, minute: Bar) -> list[Bar]:
        """The minute and the longer bars that end with it, unless they were published already."""
        bars = [bar for bar in (minute, *self._longer_ending_at(minute.ts_close)) if _key(bar) not in self._published]
        self._published.update(map(_key, bars))
        if len(self._published) > _MAX_PUBLISHED:
            oldest_ns = self._minutes[0].ts_open - _LONGEST_MINUTES * NS_PER_MINUTE
            self._published = {key for key in self._published if key[1] >= oldest_ns}
        return bars

    def _longer_ending_at(self, ts_close: int) -> list[Bar]:
        bars: list[Bar] = []
        for timeframe, count in self._longer:
            length_ns = count * NS_PER_MINUTE
            if ts_close % length_ns:
                continue
            begin = ts_close - length_ns
            parts = [bar for bar in self._minutes if begin <= bar.ts_open < ts_close]
            if len(parts) == count:
                bars.append(merge_bars(timeframe, begin, length_ns, parts, closed=True))
        return bars

    def _bar(self, minute: _Minute, *, closed: bool) -> Bar:
        return Bar(
            exchange=self._exchange,
            symbol=self._symbol,
            timeframe="1m",
            ts_open=minute.ts_open,
            ts_close=minute.ts_open + NS_PER_MINUTE,
            open=minute.open,
            high=minute.high,
            low=minute.low,
            close=minute.close,
            volume=minute.volume,
            taker_buy_volume=minute.taker_buy,
            trades=minute.trades,
            closed=closed,
        )


def _key(bar: Bar) -> tuple[Timeframe, int]:
    return bar.timeframe, bar.ts_open

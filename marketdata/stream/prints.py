"""Trades and what is made of them, bars and volatility; and what the venue tells beside: tickers, slow events."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from marketdata.bars import BarSet
from marketdata.clock import VenueClock
from marketdata.events import Bar, Event, Ticker, Timeframe, TradeTick
from marketdata.numbering import GoingOn
from marketdata.quality import QualityLimits, Reason, check_trade
from marketdata.stream.doubts import Doubts
from marketdata.volatility import realised_volatility

TIMEFRAMES: tuple[Timeframe, ...] = ("1m", "3m", "5m", "15m", "30m", "1h", "4h")

_GRACE_NS = 250_000_000
# Quotes and prints come by channels of their own: for so long one may be ahead of the other.
_PRINT_WAIT_NS = 1_000_000_000
# So many refused prints in a row, in order, are believed.
_REFUSED_PRINTS = 5
# Between the opening of a socket and its first print: the venue may not have agreed to all subscriptions yet.
_JOINING_NS = 10_000_000_000
# What a socket that takes over may tell again is no older than this.
_MAX_RECENT = 64


class Prints(Doubts):
    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        clock: VenueClock,
        limits: QualityLimits,
        is_index: bool,
        timeframes: Iterable[Timeframe],
    ) -> None:
        super().__init__(exchange=exchange, symbol=symbol, clock=clock, limits=limits, is_index=is_index)
        # Bars wait for prints that are late, but still in time.
        grace_ns = max(_GRACE_NS, limits.max_skew_ns // 2)
        self.bars = BarSet(exchange=exchange, symbol=symbol, timeframes=timeframes, grace_ns=grace_ns)
        self.ticker: Ticker | None = None
        self.volatility: float | None = None
        self._last_trade_id = 0
        self._old_trades = GoingOn(in_a_row=_REFUSED_PRINTS)
        # What has no number to know it by when it comes again.
        self._recent: deque[object] = deque(maxlen=_MAX_RECENT)

    @property
    def last_price(self) -> float | None:
        """For people: the newest print, or the middle of the newest quote without the dust of its halving."""
        if self.trade is not None and (self.quote is None or self.trade.ts_init >= self.quote.ts_init):
            return self.trade.price
        return float(f"{self.quote.mid:.10g}") if self.quote is not None else None

    def fill_history(
        self, bars: Iterable[Bar], trades: Iterable[TradeTick], *, assume_complete: bool = False
    ) -> list[Event]:
        """Give minutes (and the latest prints) from REST to the bars. Gives closed bars that were missed."""
        out: list[Event] = list(self.bars.seed(list(bars), list(trades), assume_complete=assume_complete))
        self._measure_volatility()
        return self._counted(out)

    def _take_trade(self, trade: TradeTick, out: list[Event]) -> None:
        self.counts["in.trade"] += 1
        ts_init = trade.ts_init
        self._silence.prints.arrived(ts_init)
        reason = check_trade(trade, self._reference, self._last_trade_id, self._is_index)
        if reason is Reason.OUT_OF_ORDER and ts_init >= self._overlap_until_ns:
            if trade.trade_id != self._last_trade_id:
                # Late, or the number before was damaged: its minute is left to history.
                self._leave_minute()
            if self._old_trades.refused(trade.trade_id, ts_init):
                reason = None
        if reason is Reason.UNCONFIRMED and (self._is_index or self._is_print_confirmed(trade)):
            reason = None
        if reason is not None:
            if reason is Reason.UNCONFIRMED:
                self._hold_print(trade, out)
            else:
                self._reject(reason, "trade", trade.price, ts_init, out)
            return
        if self._doubted_print is not None:
            self._settle_print(trade.price, trade.price, ts_init, out, is_last=True)
        self._count_print(trade, out)

    def _hold_print(self, trade: TradeTick, out: list[Event]) -> None:
        """Wait for another record that says the same. The one that waited before was told by nobody."""
        self._refuse_print(trade.ts_init, out)
        self._doubted_print = trade
        self.counts["held.trade"] += 1
        # Whatever becomes of it, the minute may close meanwhile.
        self._leave_minute()

    def _settle_print(self, bid: float, ask: float, ts_init: int, out: list[Event], *, is_last: bool) -> None:
        """Another record was believed: tell the print that was held back, or refuse it when the record is the last word."""
        doubted = self._doubted_print
        if doubted is None:
            return
        if self._is_between(doubted.price, bid, ask):
            self._doubted_print = None
            if doubted.trade_id > self._last_trade_id:
                self._count_print(doubted, out)
        elif is_last or ts_init - doubted.ts_init > _PRINT_WAIT_NS:
            self._refuse_print(ts_init, out)

    def _count_print(self, trade: TradeTick, out: list[Event]) -> None:
        ts_init = trade.ts_init
        self._observe_time(trade.ts_event, ts_init, out)
        if self._clock.is_ahead(trade.ts_event, ts_init):
            self._leave_minute()
            self._reject(Reason.FROM_FUTURE, "trade", trade.price, ts_init, out)
            return
        self._old_trades.accepted()
        self._last_trade_id = trade.trade_id
        self.trade = trade
        self._silence.printed()
        closed = self.bars.add(trade)
        if closed:
            self._measure_volatility()
            out.extend(closed)
        out.append(trade)
        if self._is_index:
            self._has_fresh_quote = True
            condition = self._condition
            if condition.state != "live" or condition.held is not None:
                self._good(ts_init, out)

    def _take_ticker(self, ticker: Ticker, out: list[Event]) -> None:
        self.counts["in.ticker"] += 1
        if self._is_repeated(ticker, ticker.ts_init):
            self.counts["repeated.ticker"] += 1
            return
        self.ticker = ticker
        if self._last_trade_id and self.trade is not None:
            self._silence.summed_up(ticker.last, printed=self.trade.price, ts_init=ticker.ts_init)
        out.append(ticker)

    def _take_slow(self, event: Any, out: list[Event]) -> None:
        self.counts["in.slow"] += 1
        if self._is_repeated(event, event.ts_init):
            self.counts["repeated.slow"] += 1
            return
        out.append(event)

    def _is_repeated(self, event: Event, ts_init: int) -> bool:
        """Whether a socket that has taken over tells what its predecessor told: alike but for when we heard it."""
        known = (type(event), *msgspec.structs.astuple(msgspec.structs.replace(event, ts_init=0)))
        if ts_init < self._overlap_until_ns and known in self._recent:
            return True
        self._recent.append(known)
        return False

    def _await_prints(self, ts_init: int) -> None:
        """The prints were asked for: a minute is whole again when one came before it, or after a quiet while."""
        self.bars.interrupt()
        # A clock that the stream itself gives knows nothing before the first record.
        self.bars.resume(from_ns=(self._clock.now_ns(ts_init) or ts_init) + _JOINING_NS)

    def _leave_minute(self) -> None:
        """Prints may be missing from the forming minute: history tells."""
        self.bars.interrupt()
        self.bars.resume()

    def _close_bars(self, now_ns: int, out: list[Event]) -> None:
        closed = self.bars.advance(now_ns)
        if closed:
            self._measure_volatility()
            out.extend(closed)

    def _measure_volatility(self) -> None:
        self.volatility = realised_volatility(self.bars.closed_minutes) or self.volatility

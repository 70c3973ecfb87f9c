"""All signal state of one instrument, shared by every bot that trades it.

Pure and deterministic: the same bars and the same events in the same order give the same bits. Not for several threads.
"""

import math
from collections.abc import Iterable

import numpy as np

from marketdata.events import (
    SLOW,
    TIMEFRAME_SECONDS,
    Bar,
    BookSnapshot,
    Event,
    FeedState,
    HistoryReady,
    QuoteTick,
    Ticker,
    Timeframe,
    TradeTick,
)
from quant.features.bars import FormingBar, is_sound
from quant.features.bounds import is_price, is_size
from quant.features.microprice import MicropriceTable
from quant.features.variance_premium import VariancePremium
from quant.reading import BUILT_IN, Component, Phase, Reading
from quant.signals.microstructure import Microstructure
from quant.signals.speed import Speed
from quant.signals.technical import Technical
from quant.signals.volatility import Volatility
from quant.slow_signals import SlowSignals, in_order
from quant.top import TopOfBook, existing_components, is_from_future
from quant.vector import Column, SignalVector, age_limits_s, freshness

__all__ = ["Column", "Component", "Reading", "SignalVector", "SymbolSignals"]

JUMP_DEVIATIONS = 5.0
BROKEN_FEEDS = frozenset({"stale", "resyncing", "disconnected", "failed"})


class SymbolSignals:
    """Events in, a `SignalVector` out.

    The caller routes ticks and bars by instrument: those of others must not come here. Slow observations may come of
    the asset (`BTC`), of any instrument of it (`BTC/USDT:USDT`, any exchange), or of the whole market; others are left
    out. `lead_lag` lets a leader speak in speed, with `on_leader`.
    """

    def __init__(
        self, *, exchange: str, symbol: str, timeframes: tuple[Timeframe, ...] = ("1m",), lead_lag: bool = False
    ) -> None:
        if not timeframes:
            raise ValueError(f"{symbol} on {exchange} needs at least one timeframe, such as 1m")
        self.exchange = exchange
        self.symbol = symbol
        self._technical: dict[Timeframe, Technical] = {}
        self._forming: dict[Timeframe, FormingBar] = {}
        self._speed = Speed(lead_lag=lead_lag)
        self._micro = Microstructure()
        self._slow = SlowSignals(symbol, existing_components(exchange, symbol))
        self._top = TopOfBook()
        self._last_price: float | None = None
        self._trade_ns: int | None = None
        self._trade_event_ns = 0
        self._trade_id = 0
        self._feed_state = "live"
        self._jump_ns: int | None = None
        for timeframe in timeframes:
            self._technical[timeframe] = Technical(timeframe)
            self._forming[timeframe] = FormingBar(timeframe)
        self._base = min(timeframes, key=TIMEFRAME_SECONDS.__getitem__)
        self._volatility = Volatility(self._base)
        self._arrange()

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        return tuple(self._technical)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns `read` gives, in order; they change with `add_timeframe` only."""
        return self._columns

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take closed bars, oldest first, of any of its timeframes; bars already known are left out."""
        for bar in bars:
            if bar.closed:
                self._on_bar(bar)

    def load_observations(self, events: Iterable[Event]) -> None:
        """Begin the slow signals anew from stored observations, in any order; of live ones, older ones are left out."""
        self._slow = SlowSignals(self.symbol, self._slow.exist)
        self._volatility.premium = VariancePremium()
        for event in in_order(events):
            self._on_slow(event)

    def add_timeframe(self, timeframe: Timeframe, bars: Iterable[Bar]) -> None:
        """Begin a timeframe, or begin it anew, from closed bars, oldest first. Volatility stays on the shortest."""
        own = [bar for bar in bars if bar.timeframe == timeframe]
        before = self._technical.get(timeframe)
        self._technical[timeframe] = Technical(timeframe)
        if before is not None:
            self._technical[timeframe].phase = before.phase
        self._forming[timeframe] = FormingBar(timeframe)
        shortest = min(self._technical, key=TIMEFRAME_SECONDS.__getitem__)
        if timeframe == shortest:
            self._base = timeframe
            self._volatility = Volatility(timeframe, premium=self._volatility.premium)
        self._arrange()
        self.warm_up(own)

    def set_phase(self, timeframe: Timeframe, phase: Phase) -> None:
        """Tell technical in what kind of market it is; it counts from the next bar, and at once for the forming one."""
        self._technical[timeframe].phase = phase

    def set_microprice(self, table: MicropriceTable | None) -> None:
        """Take a newly fitted microprice; without one its weight goes to the rest of microstructure."""
        self._micro.set_microprice(table)

    def on_leader(self, ts_ns: int, mid: float) -> None:
        """Take the mid of the instrument that leads this one, by time of receipt."""
        if is_price(mid):
            self._speed.on_leader(ts_ns, mid)

    def update(self, event: Event) -> None:
        """Take one event. What is not finite, crossed, repeated or older than what is known is left out."""
        if isinstance(event, QuoteTick):
            if self._top.on_quote(event):
                self._on_top(event.ts_init)
        elif isinstance(event, TradeTick):
            self._on_trade(event)
        elif isinstance(event, BookSnapshot):
            self._on_book(event)
        elif isinstance(event, Bar):
            if event.closed:
                self._on_bar(event)
            elif event.timeframe in self._forming and is_sound(event):
                self._forming[event.timeframe].replace(event)
        elif isinstance(event, SLOW):
            self._on_slow(event)
        elif not isinstance(event, HistoryReady):
            self._on_state(event)

    def invalidate_book(self) -> None:
        """The book has a gap or is stale: microstructure is silent until the next snapshot."""
        self._micro.invalidate()
        self._top.forget()

    def read(self, *, now_ns: int) -> SignalVector:
        """All signals as they stand at `now_ns`; calculates only what has changed since the last time."""
        readings = self._readings(now_ns)
        values = [math.nan if reading.value is None else reading.value for reading in readings]
        quality = [
            0.0
            if reading.value is None
            else reading.quality * freshness((now_ns - reading.as_of) / 1e9, max_age_s, grace_s)
            for reading, (max_age_s, grace_s) in zip(readings, self._age_limits_s, strict=True)
        ]
        top, volatility = self._top, self._volatility
        return SignalVector(
            exchange=self.exchange,
            symbol=self.symbol,
            now_ns=now_ns,
            columns=self._columns,
            readings=readings,
            exists=self._exists,
            values=np.array(values),
            quality=np.array(quality),
            last_price=self._last_price,
            bid=top.bid,
            ask=top.ask,
            mid=top.mid,
            spread_bps=top.spread_bps,
            spread_median_bps=self._micro.spread_median_bps,
            depth=self._micro.depth,
            depth_median=self._micro.depth_median,
            quote_ns=top.ts,
            trade_ns=self._trade_ns,
            feed_state=self._feed_state,
            book_valid=self._micro.is_valid,
            sigma_annual=volatility.sigma_annual,
            sigma_per_sqrt_s=volatility.sigma_per_sqrt_s,
            sigma_percentile=volatility.percentile,
            atr_pct=volatility.atr_pct,
            size_multiplier=volatility.size_multiplier,
            return_1m=self._speed.return_1m,
            jump_ns=self._jump_ns,
        )

    def _arrange(self) -> None:
        columns: list[Column] = []
        for timeframe in self._technical:
            for forming in (False, True):
                columns.append(Column(component=Component.TECHNICAL, timeframe=timeframe, forming=forming))
        columns.extend(Column(component=c) for c in BUILT_IN if c is not Component.TECHNICAL)
        self._columns = tuple(columns)
        self._exists = np.array([c.component in self._slow.exist for c in columns])
        self._exists.flags.writeable = False
        self._age_limits_s = tuple(age_limits_s(c, self._base) for c in columns)

    def _readings(self, now_ns: int) -> tuple[Reading, ...]:
        readings: list[Reading] = []
        for timeframe, technical in self._technical.items():
            readings.append(technical.reading)
            readings.append(technical.peek(self._forming[timeframe]))
        readings.append(self._speed.read())
        readings.append(self._micro.read())
        readings.extend(self._slow.readings(now_ns))
        readings.append(self._volatility.reading)
        return tuple(readings)

    def _on_top(self, ts_ns: int) -> None:
        top = self._top
        if top.mid is None:
            return
        self._micro.on_top(ts_ns, (top.bid or 0.0, top.bid_size, top.ask or 0.0, top.ask_size))
        if self._speed.on_mid(ts_ns, top.mid):
            self._watch_jump(ts_ns, self._speed.return_1m, 60.0)

    def _on_book(self, book: BookSnapshot) -> None:
        verdict = self._top.on_book(book)
        if verdict.sound:
            self._micro.on_book(book.ts_init, book.bids, book.asks)
        if verdict.newer:
            self._on_top(book.ts_init)

    def _on_trade(self, tick: TradeTick) -> None:
        repeated = tick.ts_event == self._trade_event_ns and 0 < tick.trade_id <= self._trade_id
        if repeated or tick.ts_event < self._trade_event_ns or is_from_future(tick.ts_event, tick.ts_init):
            return
        if not is_price(tick.price) or not is_size(tick.size):
            return
        self._trade_event_ns, self._trade_id = tick.ts_event, tick.trade_id
        self._trade_ns = tick.ts_init if self._trade_ns is None else max(self._trade_ns, tick.ts_init)
        self._last_price = tick.price
        self._speed.on_trade(tick.ts_init)
        self._micro.on_trade(tick.ts_init, tick.sign, tick.size)
        for forming in self._forming.values():
            forming.print(tick)

    def _on_bar(self, bar: Bar) -> None:
        technical = self._technical.get(bar.timeframe)
        if technical is None:
            return
        sigma = self._volatility.sigma_per_sqrt_s
        if not technical.update(bar) or bar.timeframe != self._base:
            return
        self._volatility.update(bar)
        if self._trade_ns is None:
            self._last_price = bar.close
        seconds = float(TIMEFRAME_SECONDS[bar.timeframe])
        if sigma is not None and seconds <= 60.0:
            self._watch_jump(bar.ts_close, math.log(bar.close / bar.open), seconds, sigma)

    def _on_slow(self, event: Event) -> None:
        exist = self._slow.exist
        if self._slow.update(event):
            self._volatility.observe(event)
        if self._slow.exist is not exist:
            self._arrange()

    def _on_state(self, event: Event) -> None:
        if isinstance(event, FeedState):
            self._feed_state = event.state
            if event.state in BROKEN_FEEDS:
                self.invalidate_book()
        elif isinstance(event, Ticker):
            if self._last_price is None and is_price(event.last):
                self._last_price = event.last
            if is_price(event.volume):
                self._micro.set_daily_volume(event.volume)

    def _watch_jump(self, ts_ns: int, moved: float | None, seconds: float, sigma: float | None = None) -> None:
        sigma = self._volatility.sigma_per_sqrt_s if sigma is None else sigma
        if moved is not None and sigma is not None and abs(moved) > JUMP_DEVIATIONS * sigma * math.sqrt(seconds):
            self._jump_ns = ts_ns if self._jump_ns is None else max(self._jump_ns, ts_ns)

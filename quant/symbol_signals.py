"""All signal state of one instrument, shared by every bot that trades it.

Pure and deterministic: the same bars and the same events in the same order give the same bits. Not for several threads.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from msgspec import structs

from marketdata.events import (
    SLOW,
    TIMEFRAME_SECONDS,
    Bar,
    BookSnapshot,
    Event,
    FeedState,
    Funding,
    HistoryReady,
    QuoteTick,
    Ticker,
    Timeframe,
    TradeTick,
)
from quant.failures import FAILURES, Failures, is_told, left_out
from quant.features.bars import FormingBar, is_sound
from quant.features.bounds import is_price, is_size
from quant.features.garch import GarchParameters
from quant.features.microprice import MicropriceTable
from quant.features.skew import Skew
from quant.layout import Variant, ages_of, columns_of
from quant.observed import Observed, nearest_funding_ns, observe, observe_premium
from quant.reading import LEARNED, Component, Reading
from quant.regime import RegimeState
from quant.regimes import Regimes
from quant.signals.microstructure import Microstructure
from quant.signals.speed import Speed
from quant.signals.technical import Technical
from quant.signals.volatility import Volatility
from quant.slow_signals import SlowSignals
from quant.strategies import without
from quant.top import TopOfBook, existing_components
from quant.vector import Column, SignalVector, freshness
from quant.votes import AgeLimits, Votes

__all__ = ["Column", "Component", "Reading", "SignalVector", "SymbolSignals"]

JUMP_DEVIATIONS = 5.0
BROKEN_FEEDS = frozenset({"connecting", "resyncing", "stale", "disconnected", "failed", "refused", "closed"})


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
        self._lead_lag = lead_lag
        self._speed = Speed(lead_lag=lead_lag)
        self._micro = Microstructure()
        self._microprice: MicropriceTable | None = None
        self._slow = SlowSignals(symbol, existing_components(exchange, symbol))
        self._top = TopOfBook()
        self._last_price: float | None = None
        self._trade_ns: int | None = None
        self._trade_event_ns = 0
        self._skew = Skew()
        self._trade_id = 0
        self._feed_state = "live"
        self._jump_ns: int | None = None
        self._funding: Funding | None = None
        self._votes = Votes()
        self._failures = Failures()
        self._variants: tuple[Variant, ...] = ()
        self._regimes = Regimes()
        for timeframe in timeframes:
            self._regimes.begin(timeframe)
            self._technical[timeframe] = Technical(timeframe)
            self._forming[timeframe] = FormingBar(timeframe)
        self._base = min(timeframes, key=TIMEFRAME_SECONDS.__getitem__)
        self._garch: tuple[Timeframe, GarchParameters] | None = None
        self._volatility = Volatility(self._base)
        self._arrange()

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        return tuple(self._technical)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns `read` gives, in order; they change with `add_timeframe` and `follow_variants` only."""
        return self._columns

    @property
    def regimes(self) -> Mapping[Timeframe, RegimeState]:
        """What kind of market each timeframe that is followed sees."""
        return self._regimes.states

    def follow_regime(self, timeframe: Timeframe, bars: Iterable[Bar] = ()) -> None:
        """Tell the regime of a timeframe, begun anew from closed bars; those of technical are told in any case."""
        self._regimes.begin(timeframe, (bar for bar in bars if bar.timeframe == timeframe))

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take closed bars, oldest first, of any of its timeframes; bars already known are left out."""
        for bar in bars:
            if bar.closed:
                self._on_bar(bar)

    def load_observations(self, events: Iterable[Event]) -> None:
        """Begin the slow signals anew from stored observations, in any order; of live ones, older ones are left out."""
        self.take_observations(self.observed(events))

    def observed(self, events: Iterable[Event]) -> Observed:
        """What `load_observations` would make of them. Changes nothing here: another thread may do it."""
        return observe(self.symbol, self._slow.exist, self._base, events)

    def take_observations(self, observed: Observed) -> None:
        self._slow, self._volatility.premium, self._funding = observed
        self._arrange()

    def add_timeframe(self, timeframe: Timeframe, bars: Iterable[Bar]) -> None:
        """Begin a timeframe, or begin it anew, from closed bars, oldest first. Volatility stays on the shortest."""
        own = [bar for bar in bars if bar.timeframe == timeframe]
        self._regimes.begin(timeframe)
        self._technical[timeframe] = Technical(timeframe)
        self._forming[timeframe] = FormingBar(timeframe)
        shortest = min(self._technical, key=TIMEFRAME_SECONDS.__getitem__)
        if timeframe == shortest:
            self._base = timeframe
            self._begin_volatility()
        self._arrange()
        self.warm_up(own)

    def set_vote(self, component: Component, reading: Reading | None, *, bar_s: float | None = None) -> None:
        """Take a vote of a learned model or policy, or a remote server's value in place of a built-in signal.

        A learned component exists while it has a vote; None withdraws it. A built-in signal speaks again once the vote
        in its place is withdrawn, has no value, or has aged out: as the built-in one would, or by `bar_s`, as in
        Votes.set, which also says what raises ValueError.
        """
        self._votes.set(component, reading, bar_s=bar_s)
        if component in LEARNED:
            self._arrange()

    def follow_variants(self, variants: Collection[Variant]) -> None:
        """Give technical also without certain strategies: (names, sorted) of each variant that somebody weighs."""
        wanted = tuple(sorted(set(variants) - {()}))
        if wanted != self._variants:
            self._variants = wanted
            self._arrange()

    def set_microprice(self, table: MicropriceTable | None) -> None:
        """Take a newly fitted microprice; without one its weight goes to the rest of microstructure."""
        self._microprice = table
        self._micro.set_microprice(table)

    def set_garch(self, timeframe: Timeframe, parameters: GarchParameters | None) -> None:
        """Take what was newly fitted to bars of a timeframe; it counts where volatility is on that timeframe."""
        self._garch = None if parameters is None else (timeframe, parameters)
        self._follow_garch()

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
        readings, limits_s = self._readings(now_ns)
        funding_ns = (
            None if self._funding is None or ":" not in self.symbol else nearest_funding_ns(self._funding, now_ns)
        )
        values = [math.nan if reading.value is None else reading.value for reading in readings]
        quality = [
            0.0
            if reading.value is None
            else reading.quality * freshness((now_ns - reading.as_of) / 1e9, max_age_s, grace_s)
            for reading, (max_age_s, grace_s) in zip(readings, limits_s, strict=True)
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
            depth=self._micro.depth(now_ns),
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
            funding_ns=funding_ns,
            regimes=self._regimes.states,
            late_ms=top.late_ms,
        )

    def _arrange(self) -> None:
        self._columns = columns_of(self._technical, self._variants)
        exist = self._slow.exist | self._votes.exist
        self._exists = np.array([column.component in exist for column in self._columns])
        self._exists.flags.writeable = False
        self._age_limits_s = ages_of(self._columns, self._base, self._votes.ages_s)

    def _readings(self, now_ns: int) -> tuple[tuple[Reading, ...], Sequence[AgeLimits]]:
        """What each column says, and how what it says ages."""
        readings: list[Reading] = []
        limits_s: Sequence[AgeLimits] = self._age_limits_s
        for timeframe, technical in self._technical.items():
            try:
                forming = technical.peek(self._forming[timeframe])
            except FAILURES as error:
                technical = self._begin_technical(timeframe, error)
                forming = technical.reading
            for reading in (technical.reading, forming):
                readings.append(reading)
                for less in self._variants:
                    readings.append(without(reading, less))
        first = len(readings)
        try:
            speed = self._speed.read()
        except FAILURES as error:
            self._begin_speed(error)
            speed = self._speed.read()
        try:
            micro = self._micro.read(now_ns)
        except FAILURES as error:
            self._begin_micro(error)
            micro = self._micro.read(now_ns)
        if why := self._top.left_out:
            speed, micro = (structs.replace(r, reason=r.reason or why) for r in (speed, micro))
        readings += (speed, micro)
        readings.extend(self._slow.readings(now_ns))
        readings.append(self._volatility.reading)
        if self._failures:
            readings = [
                self._failures.told(column.component, reading, timeframe=column.timeframe)
                for column, reading in zip(self._columns, readings, strict=False)
            ]
        if any(not is_told(reading) for reading in readings):
            readings = [
                reading if is_told(reading) else left_out(column.name, reading)
                for column, reading in zip(self._columns, readings, strict=False)
            ]
        if self._votes.overrides:
            limits_s = list(limits_s)
            for i in range(first, len(readings)):
                vote = self._votes.over(self._columns[i].component, readings[i], now_ns=now_ns, limits_s=limits_s[i])
                if vote is not None:
                    readings[i], limits_s[i] = vote
        readings.extend(self._votes.learned())
        return tuple(readings), limits_s

    def _on_top(self, ts_ns: int) -> None:
        top = self._top
        if top.mid is None:
            return
        try:
            self._micro.on_top(ts_ns, (top.bid or 0.0, top.bid_size, top.ask or 0.0, top.ask_size))
        except FAILURES as error:
            self._begin_micro(error)
        try:
            if self._speed.on_mid(ts_ns, top.mid):
                self._watch_jump(ts_ns, self._speed.return_1m, 60.0)
        except FAILURES as error:
            self._begin_speed(error)

    def _on_book(self, book: BookSnapshot) -> None:
        verdict = self._top.on_book(book)
        if verdict.sound:
            try:
                self._micro.on_book(book.ts_init, book.bids, book.asks)
            except FAILURES as error:
                self._begin_micro(error)
        if verdict.newer:
            self._on_top(book.ts_init)

    def _on_trade(self, tick: TradeTick) -> None:
        repeated = tick.ts_event == self._trade_event_ns and 0 < tick.trade_id <= self._trade_id
        if repeated or tick.ts_event < self._trade_event_ns:
            return
        if not is_price(tick.price) or not is_size(tick.size) or self._skew.refuses(tick.ts_event, tick.ts_init):
            return
        self._trade_event_ns, self._trade_id = tick.ts_event, tick.trade_id
        self._trade_ns = tick.ts_init if self._trade_ns is None else max(self._trade_ns, tick.ts_init)
        self._last_price = tick.price
        try:
            self._speed.on_trade(tick.ts_init)
        except FAILURES as error:
            self._begin_speed(error)
        try:
            self._micro.on_trade(tick.ts_init, tick.sign, tick.size)
        except FAILURES as error:
            self._begin_micro(error)
        for forming in self._forming.values():
            forming.print(tick)

    def _on_bar(self, bar: Bar) -> None:
        technical = self._technical.get(bar.timeframe)
        if technical is None:
            self._regimes.update(bar)
            return
        sigma = self._volatility.sigma_per_sqrt_s
        try:
            is_new = technical.update(bar)
        except FAILURES as error:
            technical = self._begin_technical(bar.timeframe, error)
            is_new = True
        if self._regimes.update(bar):
            # It counts from the next bar, and at once for the forming one.
            technical.phase = self._regimes.states[bar.timeframe].phase
        if not is_new or bar.timeframe != self._base:
            return
        try:
            self._volatility.update(bar)
        except FAILURES as error:
            self._failures.note(Component.VOLATILITY, error)
            self._begin_volatility()
        if self._trade_ns is None:
            self._last_price = bar.close
        seconds = float(TIMEFRAME_SECONDS[bar.timeframe])
        if sigma is not None and seconds <= 60.0:
            self._watch_jump(bar.ts_close, math.log(bar.close / bar.open), seconds, sigma)

    def _on_slow(self, event: Event) -> None:
        exist = self._slow.exist
        if self._slow.update(event):
            observe_premium(self._volatility, event)
            if isinstance(event, Funding):
                self._funding = event
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

    def _begin_technical(self, timeframe: Timeframe, error: Exception) -> Technical:
        self._failures.note(Component.TECHNICAL, error, timeframe=timeframe)
        made = self._technical[timeframe] = Technical(timeframe)
        return made

    def _begin_volatility(self) -> None:
        self._volatility = Volatility(self._base, premium=self._volatility.premium)
        self._follow_garch()

    def _follow_garch(self) -> None:
        fits = self._garch is not None and self._garch[0] == self._base
        self._volatility.set_garch(self._garch[1] if self._garch is not None and fits else None)

    def _begin_micro(self, error: Exception) -> None:
        self._failures.note(Component.MICROSTRUCTURE, error)
        self._micro = Microstructure()
        self._micro.set_microprice(self._microprice)

    def _begin_speed(self, error: Exception) -> None:
        self._failures.note(Component.SPEED, error)
        self._speed = Speed(lead_lag=self._lead_lag)

    def _watch_jump(self, ts_ns: int, moved: float | None, seconds: float, sigma: float | None = None) -> None:
        sigma = self._volatility.sigma_per_sqrt_s if sigma is None else sigma
        if moved is not None and sigma is not None and abs(moved) > JUMP_DEVIATIONS * sigma * math.sqrt(seconds):
            self._jump_ns = ts_ns if self._jump_ns is None else max(self._jump_ns, ts_ns)

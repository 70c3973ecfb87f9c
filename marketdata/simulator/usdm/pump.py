"""Drives the perpetuals and publishes what happens in them, while anyone listens."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from marketdata.simulator import public_messages
from marketdata.simulator.bars import INTERVALS_MS, BarQuery
from marketdata.simulator.hub import Hub
from marketdata.simulator.market import day_statistics
from marketdata.simulator.pump import LONGEST_CATCH_UP_S
from marketdata.simulator.synthetic import Step, SyntheticMarket
from marketdata.simulator.usdm import messages
from marketdata.simulator.usdm.account import FuturesVenue

# How often a market without readers looks for some.
IDLE_S = 0.1
# So many prints from one that liquidates somebody to the next.
FORCED_EVERY = 61

Row = Mapping[str, object]


class UsdmPump:
    """One perpetual's publisher. `premium` gives the row of GET premiumIndex."""

    def __init__(
        self,
        market: SyntheticMarket,
        *,
        hub: Hub,
        now_ms: Callable[[], int],
        stands_still: Callable[[], bool],
        premium: Callable[[str, int], Row],
        customers: FuturesVenue,
    ) -> None:
        self._market = market
        self._hub = hub
        self._now_ms = now_ms
        self._stands_still = stands_still
        self._premium = premium
        self._customers = customers
        self._symbol = market.spec.id
        self._stream = market.spec.id.lower()
        self._tenth = self._second = 0

    async def run(self) -> None:
        market = self._market
        while True:
            if self._stands_still():
                self._publish_depth(market.now_ms())
                await asyncio.sleep(0.01)
                continue
            if not self._is_watched:
                await asyncio.sleep(IDLE_S)
                continue
            due = market.slot_at(self._now_ms())
            if due - market.slot > LONGEST_CATCH_UP_S * market.rate:
                market.skip_to(due)
            while market.slot < due:
                self._tell(market.advance())
            await asyncio.sleep(max(0.001, (market.time_of(market.slot + 1) - self._now_ms()) / 1000))

    @property
    def _is_watched(self) -> bool:
        return self._hub.wants_symbol(self._stream) or self._customers.waits_in(self._symbol)

    def catch_up(self) -> None:
        """Move a market that nobody listens to up to now: someone asks about it."""
        due = self._market.slot_at(self._now_ms())
        if due > self._market.slot and not self._stands_still() and not self._is_watched:
            self._market.skip_to(due)
            self._market.depth_changes()

    def _tell(self, step: Step) -> None:
        market, hub, trade = self._market, self._hub, step.trade
        if trade is not None:
            hub.publish(f"{self._stream}@trade", messages.trade(self._symbol, trade))
            hub.publish(f"{self._stream}@aggTrade", messages.aggregate_trade(self._symbol, trade))
            if trade.id % FORCED_EVERY == 0:
                text = messages.forced_order(self._symbol, trade)
                hub.publish(f"{self._stream}@forceOrder", text)
                hub.publish("!forceOrder@arr", text)
            self._customers.public_trade(self._symbol, trade)
        if step.quote_changed:
            text = messages.book_ticker(self._symbol, step.time_ms, market.update_id, market.best())
            hub.publish(f"{self._stream}@bookTicker", text)
            self._customers.public_quote(self._symbol, now_ms=step.time_ms)
        if step.time_ms // 100 != self._tenth:
            self._tenth = step.time_ms // 100
            self._publish_depth(step.time_ms)
        if step.time_ms // 1000 != self._second:
            self._second = step.time_ms // 1000
            self._publish_each_second(step.time_ms)

    def _publish_depth(self, time_ms: int) -> None:
        changes = self._market.depth_changes()
        if changes is not None:
            text = messages.depth_update(self._symbol, time_ms, *changes)
            self._hub.publish(f"{self._stream}@depth@100ms", text)

    def _publish_each_second(self, time_ms: int) -> None:
        hub = self._hub
        if hub.wants(f"{self._stream}@markPrice@1s"):
            row = self._premium(self._symbol, time_ms)
            hub.publish(f"{self._stream}@markPrice@1s", messages.mark_price(row))
        if hub.wants(f"{self._stream}@ticker"):
            event = msgspec.json.encode(messages.ticker(day_statistics(self._market))).decode()
            hub.publish(f"{self._stream}@ticker", event)
        for interval, width in INTERVALS_MS.items():
            if hub.wants(f"{self._stream}@kline_{interval}"):
                self._publish_bar(interval, width, time_ms)

    def _publish_bar(self, interval: str, width: int, time_ms: int) -> None:
        """The bar that forms; the one before it too, when it has just closed."""
        bars = self._market.bars(BarQuery(width_ms=width, limit=2))
        for bar in bars:
            opened, count = int(str(bar[0])), int(str(bar[8]))
            closed = opened + width <= time_ms
            if closed and time_ms - (opened + width) >= 1000:
                continue
            first_id = self._market.tape.number(opened // 60_000, 0)
            text = public_messages.kline(
                self._symbol,
                interval,
                bar,
                time_ms=time_ms,
                first_id=first_id,
                last_id=first_id + count - 1,
                closed=closed,
            )
            self._hub.publish(f"{self._stream}@kline_{interval}", text)

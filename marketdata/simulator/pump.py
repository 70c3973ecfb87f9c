"""Drives the synthetic markets by the clock and publishes what happens in them."""

import asyncio
from collections.abc import Callable

import msgspec

from marketdata.simulator import public_messages
from marketdata.simulator.bars import DAY, INTERVALS_MS, BarQuery
from marketdata.simulator.hub import Hub
from marketdata.simulator.market import Level, day_statistics
from marketdata.simulator.matching import Engine
from marketdata.simulator.synthetic import Step, SyntheticMarket

# After a longer pause (the process was suspended) the market jumps to now.
LONGEST_CATCH_UP_S = 5
PARTIAL_DEPTHS = (5, 10, 20)


class Pump:
    """One synthetic market's publisher."""

    def __init__(
        self,
        market: SyntheticMarket,
        *,
        hub: Hub,
        engine: Engine,
        now_ms: Callable[[], int],
        stands_still: Callable[[], bool],
    ) -> None:
        self._market = market
        self._hub = hub
        self._engine = engine
        self._now_ms = now_ms
        self._stands_still = stands_still
        self._symbol = market.spec.id
        self._stream = market.spec.id.lower()
        self._tenth = self._second = 0
        # Changes since the last frame of the slow depth stream: (first id, bids, asks).
        self._slow: tuple[int, dict[int, int], dict[int, int]] | None = None

    async def run(self) -> None:
        market = self._market
        while True:
            if self._stands_still():
                # What has changed until now is still told.
                self._publish_depth(market.now_ms())
                await asyncio.sleep(0.01)
                continue
            due = market.slot_at(self._now_ms())
            if due - market.slot > LONGEST_CATCH_UP_S * market.rate:
                market.skip_to(due)
            while market.slot < due:
                self._tell(market.advance())
            await asyncio.sleep(max(0.001, (market.time_of(market.slot + 1) - self._now_ms()) / 1000))

    def _tell(self, step: Step) -> None:
        market, hub = self._market, self._hub
        if step.trade is not None:
            hub.publish(f"{self._stream}@trade", public_messages.trade(self._symbol, step.trade))
            if hub.wants(f"{self._stream}@aggTrade"):
                hub.publish(f"{self._stream}@aggTrade", public_messages.aggregate_trade(self._symbol, step.trade))
            self._engine.public_trade(
                self._symbol,
                price=step.trade.price,
                quantity=step.trade.quantity,
                buyer_is_maker=step.trade.buyer_is_maker,
                now_ms=step.time_ms,
            )
        if step.quote_changed and hub.wants(f"{self._stream}@bookTicker"):
            text = public_messages.book_ticker(self._symbol, market.update_id, market.best())
            hub.publish(f"{self._stream}@bookTicker", text)
        self._engine.public_quote(self._symbol, now_ms=step.time_ms)
        if step.minute_closed is not None:
            self._publish_closed_bars((step.minute_closed + 1) * 60_000, step.time_ms)
        if step.time_ms // 100 != self._tenth:
            self._tenth = step.time_ms // 100
            self._publish_depth(step.time_ms)
        if step.time_ms // 1000 != self._second:
            self._second = step.time_ms // 1000
            self._publish_each_second(step.time_ms)
            if self._second % 60 == 30 + market.phase_ms % 25:
                market.prepare_ahead()

    # Depth

    def _publish_depth(self, time_ms: int) -> None:
        market, hub = self._market, self._hub
        changes = market.depth_changes()
        if changes is None:
            return
        first, last, bids, asks = changes
        if self._slow is None:
            self._slow = (first, {}, {})
        self._slow[1].update(bids)
        self._slow[2].update(asks)
        if hub.wants(f"{self._stream}@depth@100ms"):
            text = public_messages.depth_update(self._symbol, time_ms, first, last, bids, asks)
            hub.publish(f"{self._stream}@depth@100ms", text)
        self._publish_partial("@100ms")

    def _publish_slow_depth(self, time_ms: int) -> None:
        slow, self._slow = self._slow, None
        if slow is not None and self._hub.wants(f"{self._stream}@depth"):
            first, bids, asks = slow
            # Up to the last frame of the fast stream: what came after it is still pending.
            last = self._market.pending.first_id - 1
            by_price: list[Level] = sorted(bids.items(), reverse=True)
            text = public_messages.depth_update(self._symbol, time_ms, first, last, by_price, sorted(asks.items()))
            self._hub.publish(f"{self._stream}@depth", text)
        self._publish_partial("")

    def _publish_partial(self, suffix: str) -> None:
        for levels in PARTIAL_DEPTHS:
            stream = f"{self._stream}@depth{levels}{suffix}"
            if self._hub.wants(stream):
                market = self._market
                bids, asks = market.bids(levels), market.asks(levels)
                self._hub.publish(stream, public_messages.partial_depth(market.update_id, bids, asks))

    # Bars and statistics

    def _publish_each_second(self, time_ms: int) -> None:
        self._publish_slow_depth(time_ms)
        for interval, width in INTERVALS_MS.items():
            if self._hub.wants(f"{self._stream}@kline_{interval}"):
                self._publish_bar(interval, BarQuery(width_ms=width, limit=1), time_ms, closed=False)
        wanted = [
            (stream, form)
            for stream, form in (
                (f"{self._stream}@ticker", public_messages.ticker),
                (f"{self._stream}@miniTicker", public_messages.mini_ticker),
                ("!ticker@arr", public_messages.ticker),
                ("!miniTicker@arr", public_messages.mini_ticker),
            )
            if self._hub.wants(stream)
        ]
        if wanted:
            day = day_statistics(self._market)
            for stream, form in wanted:
                event = msgspec.json.encode(form(day)).decode()
                self._hub.publish(stream, f"[{event}]" if stream.startswith("!") else event)

    def _publish_closed_bars(self, closed_ms: int, time_ms: int) -> None:
        for interval, width in INTERVALS_MS.items():
            shift = 4 * DAY if width == 7 * DAY else 0
            if (closed_ms - shift) % width == 0 and self._hub.wants(f"{self._stream}@kline_{interval}"):
                query = BarQuery(width_ms=width, start_ms=closed_ms - width, limit=1)
                self._publish_bar(interval, query, time_ms, closed=True)

    def _publish_bar(self, interval: str, query: BarQuery, time_ms: int, *, closed: bool) -> None:
        bars = self._market.bars(query)
        if not bars:
            return
        opened, count = int(str(bars[0][0])), int(str(bars[0][8]))
        first_id = self._market.tape.number(opened // 60_000, 0)
        text = public_messages.kline(
            self._symbol,
            interval,
            bars[0],
            time_ms=time_ms,
            first_id=first_id,
            last_id=first_id + count - 1,
            closed=closed,
        )
        self._hub.publish(f"{self._stream}@kline_{interval}", text)

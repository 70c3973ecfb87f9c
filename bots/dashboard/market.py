"""One followed symbol as browsers see it: ticks in at any rate, at most one price and candle out per flush. Pure."""

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from marketdata.events import TIMEFRAME_SECONDS, Bar, Batch, FeedState, QuoteTick, Ticker, Timeframe, TradeTick
from marketdata.stream import TIMEFRAMES

NS_PER_S = 1_000_000_000
SPANS_NS = {timeframe: TIMEFRAME_SECONDS[timeframe] * NS_PER_S for timeframe in TIMEFRAMES}
_MAX_UNSEEDED_TRADES = 5_000


class Candle:
    """A forming candle. Times in nanoseconds."""

    __slots__ = ("close", "high", "low", "open", "ts_open", "volume")

    def __init__(self, ts_open: int, price: float) -> None:
        self.ts_open = ts_open
        self.open = self.high = self.low = self.close = price
        self.volume = 0.0

    @classmethod
    def of(cls, bar: Bar) -> "Candle":
        candle = cls(bar.ts_open, bar.open)
        candle.high, candle.low, candle.close, candle.volume = bar.high, bar.low, bar.close, bar.volume
        return candle

    def add(self, trade: TradeTick) -> None:
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.close = trade.price
        self.volume += trade.size


class MarketView:
    """What is shown of one symbol. `take` what arrives; `drain` gives the messages that are due."""

    def __init__(self, exchange: str, symbol: str) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.timeframes: set[Timeframe] = set()
        self._candles: dict[Timeframe, Candle] = {}
        self._closed: list[Bar] = []
        self._changed: set[Timeframe] = set()
        self._price_changed = False
        self._bid: float | None = None
        self._ask: float | None = None
        self._last: float | None = None
        self._volume: float | None = None
        self._state: FeedState | None = None
        self._ts_event = 0
        # Trades since joining, until the feed's own forming candles arrive, with the batch that carried them.
        self._unseeded: deque[tuple[int, TradeTick]] | None = deque(maxlen=_MAX_UNSEEDED_TRADES)

    def take(self, batch: Batch) -> None:
        for event in batch.events:
            if isinstance(event, QuoteTick):
                self._bid, self._ask = event.bid, event.ask
                self._moved(event.ts_event)
            elif isinstance(event, TradeTick):
                self._last = event.price
                self._moved(event.ts_event)
                self._trade(batch.sequence, event)
            elif isinstance(event, Ticker):
                self._volume = event.volume
                self._last = event.last if self._last is None else self._last
                self._moved(event.ts_event)
            elif isinstance(event, Bar) and event.closed:
                self._closed.append(event)
            elif isinstance(event, FeedState):
                self._state = event

    def seed(self, forming: Iterable[Bar], *, sequence: int) -> None:
        """Go on from the feed's forming candles, which hold the trades of batches up to `sequence`. Once."""
        if self._unseeded is None:
            return
        self._candles = {bar.timeframe: Candle.of(bar) for bar in forming}
        later = [trade for number, trade in self._unseeded if number > sequence]
        self._unseeded = None
        for trade in later:
            self._trade(sequence + 1, trade)

    def show(self, *, bid: float, ask: float, last: float, volume: float | None, ts_event: int) -> None:
        """Begin from a cached price, unless something newer has arrived."""
        if ts_event > self._ts_event:
            self._bid, self._ask, self._last, self._volume = bid, ask, last, volume
            self._moved(ts_event)

    def touch(self) -> None:
        """Tell everything again: somebody has come who knows nothing."""
        self._price_changed = self._ts_event > 0
        self._changed |= set(self._candles)

    def drain(self) -> list[tuple[str, dict[str, Any]]]:
        """Messages due, with the channel of each: closed candles, then newest price and forming candles."""
        due: list[tuple[str, dict[str, Any]]] = []
        for bar in self._closed:
            due.append((self._candle_channel(bar.timeframe), self._candle_message(bar.timeframe, bar, closed=True)))
        self._closed.clear()
        if self._state is not None:
            due.append(("feeds", self._state_message(self._state)))
            self._state = None
        if self._price_changed:
            self._price_changed = False
            due.append((f"prices:{self.exchange}:{self.symbol}", self.price_message()))
        for timeframe in sorted(self._changed & self.timeframes):
            candle = self._candles[timeframe]
            due.append((self._candle_channel(timeframe), self._candle_message(timeframe, candle, closed=False)))
        self._changed.clear()
        return due

    def price_message(self) -> dict[str, Any]:
        price = self._last
        if price is None and self._bid is not None and self._ask is not None:
            price = (self._bid + self._ask) / 2
        return {
            "type": "price_update",
            "exchange": self.exchange,
            "symbol": self.symbol,
            "price": price,
            "bid": self._bid,
            "ask": self._ask,
            "volume": self._volume,
            "timestamp": _iso(self._ts_event),
        }

    def _moved(self, ts_event: int) -> None:
        self._ts_event = max(self._ts_event, ts_event)
        self._price_changed = True

    def _trade(self, sequence: int, trade: TradeTick) -> None:
        if self._unseeded is not None:
            self._unseeded.append((sequence, trade))
            return
        for timeframe, span in SPANS_NS.items():
            ts_open = trade.ts_event - trade.ts_event % span
            candle = self._candles.get(timeframe)
            if candle is None or ts_open > candle.ts_open:
                candle = self._candles[timeframe] = Candle(ts_open, trade.price)
            elif ts_open < candle.ts_open:
                continue
            candle.add(trade)
            self._changed.add(timeframe)

    def _candle_channel(self, timeframe: str) -> str:
        return f"candles:{self.exchange}:{self.symbol}:{timeframe}"

    def _candle_message(self, timeframe: str, candle: Candle | Bar, *, closed: bool) -> dict[str, Any]:
        return {
            "type": "candle",
            "exchange": self.exchange,
            "symbol": self.symbol,
            "timeframe": timeframe,
            "ts_open": candle.ts_open,
            "time": candle.ts_open // NS_PER_S,
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "volume": candle.volume,
            "closed": closed,
        }

    def _state_message(self, state: FeedState) -> dict[str, Any]:
        return {
            "type": "feed_state",
            "exchange": self.exchange,
            "symbol": self.symbol,
            "state": state.state,
            "source": state.source,
            "reason": state.reason,
        }


def _iso(ts_ns: int) -> str:
    return (
        datetime.fromtimestamp(ts_ns // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )

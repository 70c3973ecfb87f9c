"""REST requests in the child process: each of `CcxtRest`'s methods, answered by ccxt, as msgpack."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from marketdata.ccxtpro.records import (
    NS_PER_MS,
    NS_PER_US,
    event_ns,
    levels,
    to_bar,
    to_listing,
    to_ticker,
    to_trade,
)
from marketdata.ccxtpro.trade_ids import TradeIds
from marketdata.ccxtpro.wire import Image
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe

# A page that every venue gives; those with less give less, which is noticed.
_PAGE_BARS = 500
_MAX_PAGES = 400


class UnsupportedTimeframe(Exception):
    """The venue has no bars of this length."""


class Answers:
    """Answers calls by their method's name. Raises ccxt's errors and UnsupportedTimeframe."""

    def __init__(self, exchange: Any, *, code: str, clock_ns: Callable[[], int]) -> None:
        self._exchange = exchange
        self._code = code
        self._clock_ns = clock_ns
        self._methods: dict[str, Callable[..., Awaitable[Any]]] = {
            "server_time_ns": self._server_time_ns,
            "listings": self._listings,
            "bars": self._bars,
            "book": self._book,
            "trades": self._trades,
            "ticker": self._ticker,
        }

    async def answer(self, method: str, arguments: Mapping[str, Any]) -> bytes:
        return msgspec.msgpack.encode(await self._methods[method](**arguments))

    async def _now_ms(self) -> int:
        """The venue's time, or ours where it tells none."""
        if self._exchange.has.get("fetchTime"):
            return int(await self._exchange.fetch_time())
        return self._clock_ns() // NS_PER_MS

    async def _server_time_ns(self) -> int:
        """The venue's own, or 0: ours would say nothing about how late its data is."""
        return await self._now_ms() * NS_PER_MS if self._exchange.has.get("fetchTime") else 0

    async def _listings(self) -> list[Any]:
        exchange = self._exchange
        markets = await exchange.load_markets(True)
        found = (to_listing(market, precision_mode=exchange.precisionMode) for market in markets.values())
        return [listing for listing in found if listing is not None]

    async def _bars(self, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None) -> list[Bar]:
        exchange = self._exchange
        if not exchange.has.get("fetchOHLCV") or timeframe not in (exchange.timeframes or {}):
            raise UnsupportedTimeframe(f"{exchange.id} has no bars of {timeframe}")
        now_ms = await self._now_ms()
        length_ms = TIMEFRAME_SECONDS[timeframe] * 1000
        # The latest: the forming bar and those before it.
        first_ms = now_ms // length_ms * length_ms - (limit - 1) * length_ms
        since_ms = first_ms if start_ns is None else -(-start_ns // NS_PER_MS)
        bars: dict[int, Bar] = {}
        for _ in range(_MAX_PAGES):
            if len(bars) >= limit or since_ms > now_ms:
                break
            page = min(_PAGE_BARS, limit - len(bars))
            rows = await exchange.fetch_ohlcv(symbol, timeframe, since_ms, page)
            fresh = [row for row in rows if row[0] is not None and row[0] >= since_ms]
            for row in fresh:
                bar = to_bar(row, exchange=self._code, symbol=symbol, timeframe=timeframe, now_ms=now_ms)
                if bar is not None:
                    bars[bar.ts_open] = bar
            # An empty page may be a time without trades, or before the venue's memory: what follows is asked for.
            since_ms = int(fresh[-1][0]) + length_ms if fresh else since_ms + page * length_ms
        return [bars[ts_open] for ts_open in sorted(bars)][:limit]

    async def _book(self, symbol: str, limit: int) -> Image:
        exchange = self._exchange
        market = exchange.market(symbol)
        # Venues accept different limits each: all give at least what they give unasked.
        book = await exchange.fetch_order_book(symbol)
        ts_init = self._clock_ns()
        return Image(
            exchange=self._code,
            symbol=symbol,
            bids=levels(market, book["bids"], limit),
            asks=levels(market, book["asks"], limit),
            update_id=ts_init // NS_PER_US,
            ts_event=event_ns(book),
            ts_init=ts_init,
        )

    async def _trades(self, symbol: str, limit: int) -> list[Any]:
        exchange = self._exchange
        market = exchange.market(symbol)
        rows = await exchange.fetch_trades(symbol)
        ids, trades, ts_init = TradeIds(), [], self._clock_ns()
        for row in sorted(rows, key=lambda row: row.get("timestamp") or 0)[-limit:]:
            number = ids.number(row.get("id"), time_ms=event_ns(row) // NS_PER_MS)
            if number is not None:
                trades.append(
                    to_trade(row, exchange=self._code, symbol=symbol, market=market, trade_id=number, ts_init=ts_init)
                )
        return trades

    async def _ticker(self, symbol: str) -> Any:
        row = await self._exchange.fetch_ticker(symbol)
        return to_ticker(row, exchange=self._code, symbol=symbol, ts_init=self._clock_ns())

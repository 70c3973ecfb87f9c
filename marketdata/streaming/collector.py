"""Keeps what streams brought, in memory, for scripts that look now and then."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

Candles = Sequence[Sequence[float]]


class StreamDataCollector:
    """Its callbacks fit those of WebSocketManager. Of each stream the newest `buffer_size` updates are kept."""

    def __init__(self, buffer_size: int = 1000) -> None:
        if buffer_size < 1:
            raise ValueError(f"buffer_size must be at least 1, not {buffer_size}.")
        self.buffer_size = buffer_size
        self._candles: dict[tuple[str, str, str], deque[Candles]] = {}
        self._tickers: dict[tuple[str, str], deque[Mapping[str, Any]]] = {}

    async def ohlcv_callback(self, exchange: str, symbol: str, timeframe: str, ohlcv: Candles) -> None:
        """Keep an update: a list of [time in ms, open, high, low, close, volume]. An empty one is nothing."""
        if ohlcv:
            key = (exchange, symbol, timeframe)
            self._candles.setdefault(key, deque(maxlen=self.buffer_size)).append(ohlcv)

    async def ticker_callback(self, exchange: str, symbol: str, ticker: Mapping[str, Any]) -> None:
        """Keep a ticker, as ccxt shapes it."""
        self._tickers.setdefault((exchange, symbol), deque(maxlen=self.buffer_size)).append(ticker)

    def get_latest_ohlcv(self, exchange: str, symbol: str, timeframe: str) -> Candles | None:
        """The newest update, or None before the first."""
        updates = self._candles.get((exchange, symbol, timeframe))
        return updates[-1] if updates else None

    def get_latest_ticker(self, exchange: str, symbol: str) -> Mapping[str, Any] | None:
        """The newest ticker, or None before the first."""
        tickers = self._tickers.get((exchange, symbol))
        return tickers[-1] if tickers else None

    def get_ohlcv(self, exchange: str, symbol: str, timeframe: str) -> list[Candles]:
        """Every update that is kept, oldest first."""
        return list(self._candles.get((exchange, symbol, timeframe), ()))

    def get_tickers(self, exchange: str, symbol: str) -> list[Mapping[str, Any]]:
        """Every ticker that is kept, oldest first."""
        return list(self._tickers.get((exchange, symbol), ()))

    def clear(self) -> None:
        self._candles.clear()
        self._tickers.clear()

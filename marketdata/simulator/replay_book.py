"""The book of a replayed market, built from the capture's snapshot and diffs. Prices and sizes in units of 1e-8."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from marketdata.simulator.capture import Snapshot
from marketdata.simulator.market import Level


def units(text: str) -> int:
    """A recorded price or quantity; Binance always sends eight decimals."""
    if text[-9:-8] != ".":
        raise ValueError(f"expected eight decimals: {text!r}")
    return int(text[:-9] + text[-8:])


class ReplayBook:
    """Levels by price on both sides."""

    def __init__(self) -> None:
        self.update_id = 0
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        # Prices in rising order.
        self._bid_prices: list[int] = []
        self._ask_prices: list[int] = []

    def reset(self, snapshot: Snapshot | None) -> None:
        """Start from the capture's snapshot, or empty."""
        self._bids = {units(price): units(size) for price, size in snapshot.bids} if snapshot else {}
        self._asks = {units(price): units(size) for price, size in snapshot.asks} if snapshot else {}
        self._bid_prices, self._ask_prices = sorted(self._bids), sorted(self._asks)
        self.update_id = snapshot.last_update_id if snapshot else 0

    def apply(self, last_id: int, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]) -> bool:
        """Apply a diff unless the snapshot contains it already; true when applied."""
        if last_id <= self.update_id:
            return False
        for changes, levels, prices in ((bids, self._bids, self._bid_prices), (asks, self._asks, self._ask_prices)):
            for price_text, size_text in changes:
                price, size = units(price_text), units(size_text)
                if size:
                    if price not in levels:
                        insort(prices, price)
                    levels[price] = size
                elif price in levels:
                    del levels[price]
                    del prices[bisect_left(prices, price)]
        self.update_id = last_id
        return True

    def bids(self, limit: int) -> list[Level]:
        return [(price, self._bids[price]) for price in self._bid_prices[: -limit - 1 : -1]]

    def asks(self, limit: int) -> list[Level]:
        return [(price, self._asks[price]) for price in self._ask_prices[:limit]]

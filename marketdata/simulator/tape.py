"""The trades of a synthetic market as the venue numbers and times them, from any minute of its path."""

from collections.abc import Callable

import numpy as np

from marketdata.simulator.market import PublicTrade, TradeQuery
from marketdata.simulator.path import FIRST_MINUTE, MINUTE_MS, Path, Trades


class Tape:
    """`time_of` gives the time of a slot in ms."""

    def __init__(self, path: Path, *, time_of: Callable[[int], int], slots_per_minute: int, listed_ms: int) -> None:
        self._path = path
        self._time_of = time_of
        self._slots_per_minute = slots_per_minute
        self._listed_ms = listed_ms
        # Printed beside the path: every id moves up by them.
        self.extra = 0

    def number(self, minute: int, place: int) -> int:
        """The id of a trade."""
        return self._path.trade_id(minute, place) + self.extra

    def trade(self, trades: Trades, row: int, place: int) -> PublicTrade:
        minute, spec = int(trades.minute[row]), self._path.spec
        return PublicTrade(
            id=self.number(minute, place),
            price=int(trades.price[row, place]) * spec.tick,
            quantity=int(trades.quantity[row, place]) * spec.step,
            time_ms=self._time_of(minute * self._slots_per_minute + int(trades.slot[row, place])),
            buyer_is_maker=bool(trades.buyer_is_maker[row, place]),
        )

    def find(self, query: TradeQuery, *, newest: int) -> list[PublicTrade]:
        """Trades up to the `newest`, counted from the epoch."""
        per_minute = self._path.trades_per_minute
        oldest = self._listed_ms // MINUTE_MS * per_minute
        if query.from_id is not None:
            first = query.from_id - self.extra + FIRST_MINUTE * per_minute
        elif query.start_ms is not None:
            first = query.start_ms // MINUTE_MS * per_minute
        elif query.end_ms is not None:
            first = (query.end_ms // MINUTE_MS + 1) * per_minute - query.limit - per_minute
        else:
            first = newest - query.limit + 1
        first = max(first, oldest)
        # A span may begin late in its first minute, so look one minute further than the limit.
        last = min(newest, first + query.limit - 1 + per_minute)
        if last < first:
            return []
        numbers = np.arange(first // per_minute, last // per_minute + 1, dtype=np.int64)
        trades = self._path.trades(numbers)
        found = [
            self.trade(trades, index // per_minute - int(numbers[0]), index % per_minute)
            for index in range(first, last + 1)
        ]
        if query.start_ms is not None:
            found = [trade for trade in found if trade.time_ms >= query.start_ms]
        if query.end_ms is not None:
            found = [trade for trade in found if trade.time_ms <= query.end_ms]
            return found[-query.limit :] if query.start_ms is None and query.from_id is None else found[: query.limit]
        return found[: query.limit]

"""A market that stands still until a test moves it."""

import numpy as np

from marketdata.simulator.bars import EMPTY, BarQuery
from marketdata.simulator.market import Best, Level, PublicTrade, TradeQuery
from marketdata.simulator.noise import Ints
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.symbols import CATALOG

TICK = CATALOG["BTC/USDT"].tick
STEP = CATALOG["BTC/USDT"].step


class QuietMarket:
    """BTC/USDT with the levels it is given."""

    def __init__(self, *, bids: list[Level], asks: list[Level], last_price: int = 100 * UNIT) -> None:
        self.spec = CATALOG["BTC/USDT"]
        self.last_price = last_price
        self.update_id = 1
        self.bid_levels = bids
        self.ask_levels = asks

    def best(self) -> Best | None:
        if not self.bid_levels or not self.ask_levels:
            return None
        return Best(
            bid=self.bid_levels[0][0],
            bid_size=self.bid_levels[0][1],
            ask=self.ask_levels[0][0],
            ask_size=self.ask_levels[0][1],
        )

    def bids(self, limit: int) -> list[Level]:
        return self.bid_levels[:limit]

    def asks(self, limit: int) -> list[Level]:
        return self.ask_levels[:limit]

    async def prepare(self, query: BarQuery) -> None:
        """Nothing to do."""

    def bars(self, query: BarQuery) -> list[list[object]]:
        return []

    def raw_bars(self, query: BarQuery) -> Ints:
        return np.array(EMPTY)

    def trades(self, query: TradeQuery) -> list[PublicTrade]:
        return []

    def now_ms(self) -> int:
        return 1_000

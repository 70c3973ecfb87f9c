"""The order book of a synthetic market at a slot: a function of seed, quotes and time.

Levels lie on a grid of about half a basis point. A level keeps its size for a while of its own and then draws another
(some draw none), so the book breathes without being stored.
"""

import numpy as np

from marketdata.simulator.noise import Ints, gauss, hashed, subseed, uniform
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.symbols import SymbolSpec

LEVELS = 240


class SyntheticBook:
    """Signed sizes (bids positive, asks negative, in steps) over a window of the grid around the price."""

    def __init__(self, spec: SymbolSpec, *, seed: int, rate: int) -> None:
        self._seed = subseed(seed, spec.name, "book")
        self.grid = max(1, round(spec.price * 0.5e-4 / (spec.tick / UNIT)))
        steps = spec.trade_value * 2.5 / spec.price / (spec.step / UNIT)
        self._sizes = np.maximum(1, np.rint(steps * np.exp(0.9 * gauss(self._seed, np.arange(4096))))).astype(np.int64)
        # One draw in sixteen leaves the level empty.
        self._sizes[::16] = 0
        self._rate = rate
        self.centre = 0
        self._places = np.empty(0, dtype=np.int64)
        self._life = np.empty(0, dtype=np.int64)
        self._phase = np.empty(0, dtype=np.int64)

    def must_move(self, bid: int) -> bool:
        """Whether the price left the middle of the window."""
        return not self._places.size or abs(bid // self.grid - self.centre) >= LEVELS // 4

    def follow(self, bid: int) -> bool:
        """Move the window when it must; true when it moved."""
        if not self.must_move(bid):
            return False
        place = self.centre = bid // self.grid
        self._places = np.arange(place - LEVELS, place + LEVELS, dtype=np.int64)
        self._life = (self._rate * (0.5 + 12.0 * uniform(self._seed + 1, self._places))).astype(np.int64) + 1
        self._phase = hashed(self._seed + 2, self._places).astype(np.int64) & 0xFFFF
        return True

    @property
    def prices(self) -> Ints:
        """Of each place of the window, in ticks."""
        return self._places * self.grid

    def place_of(self, price: int) -> int | None:
        """The place of a price in the window; None beside the grid or outside the window."""
        level, beside = divmod(price, self.grid)
        place = level - self.centre + LEVELS
        return place if beside == 0 and 0 <= place < 2 * LEVELS else None

    def sizes(self, *, slot: int, bid: int, ask: int, bid_factor: float, ask_factor: float) -> Ints:
        """Signed sizes at each place; the best levels are the caller's, whether or not they lie on the grid."""
        draw = (slot + self._phase) // self._life
        sizes = self._sizes[
            (hashed(self._seed + 3, self._places * 1_000_003 + draw) & np.uint64(4095)).astype(np.int64)
        ]
        prices = self.prices
        near = np.abs(prices - bid) < 20 * self.grid
        bids = np.where(near & (sizes > 0), np.maximum(1, sizes * bid_factor), sizes).astype(np.int64)
        asks = np.where(near & (sizes > 0), np.maximum(1, sizes * ask_factor), sizes).astype(np.int64)
        return np.where(prices < bid, bids, np.where(prices > ask, -asks, 0))

    def best_size(self, price: int, slot: int) -> int:
        """The size of a best level, in steps."""
        index = np.array([price * 7 + slot // (2 + price % 3)], dtype=np.int64)
        return max(1, int(self._sizes[int(hashed(self._seed + 4, index)[0]) & 4095]))

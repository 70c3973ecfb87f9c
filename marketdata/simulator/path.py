"""The price of a synthetic market as a function of seed and time, and the trades of any minute.

The log price at a minute is a sum of smooth noises from one minute to three weeks, each with the square root of its
period as amplitude, which together diffuse as a random walk over minutes to days and stay bounded over months. A slow
regime scales the fast ones (volatility clusters), another the middle ones (trends and ranges). Inside a minute a
Brownian bridge joins the minutes. Every call evaluates the same function, so the past need not be stored.
"""

from dataclasses import dataclass

import numpy as np

from marketdata.simulator.noise import Floats, Ints, gauss, smooth, subseed, uniform
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.symbols import SymbolSpec

MINUTE_MS = 60_000
FAST = (2, 4)
MIDDLE = (8, 16, 32, 64)
SLOW = tuple(2**k for k in range(7, 16))
# 2020-01-01, so that trade ids stay readable.
FIRST_MINUTE = 26_297_280


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """The trades of some minutes, one row a minute: prices in ticks, quantities in steps."""

    minute: Ints
    price: Ints
    quantity: Ints
    buyer_is_maker: np.ndarray
    # The venue's slot inside the minute in which the trade happens.
    slot: Ints
    # Unrounded middle of the quotes at each trade, in ticks, and the spread of the minute in ticks.
    middle: Floats
    spread: Ints


class Path:
    """One symbol's market: `rate` slots a second, a trade in every `slots_per_trade` of them.

    Another `variant` of the same seed follows the same prices from minute to minute with trades of its own.
    """

    def __init__(self, spec: SymbolSpec, *, seed: int, rate: int, offset: float = 0.0, variant: str = "") -> None:
        self.spec = spec
        self.rate = rate
        self.slots_per_trade = min(5, rate)
        self.trades_per_minute = 60 * rate // self.slots_per_trade
        self.log_price = float(np.log(spec.price)) + offset
        self._seed = {name: subseed(seed, spec.name, name) for name in ("walk", "volatility", "trend", "activity")} | {
            name: subseed(seed, spec.name, name + variant) for name in ("bridge", "side", "size", "slot")
        }
        # (first slot, slot after the last, shift of the log price): jumps that an operator wanted.
        self.gaps: list[tuple[int, int, float]] = []
        # The minute's return collects about 2.5 times the amplitude of its parts.
        self._amplitude = spec.vol_bps * 1e-4 / 2.5

    def volatility(self, minute: Ints) -> Floats:
        """The regime's multiplier of the usual volatility, about 0.3 to 3."""
        seed = self._seed["volatility"]
        noise = (
            0.4 * smooth(seed, minute, 12)
            + 0.35 * smooth(seed + 1, minute, 150)
            + 0.25 * smooth(seed + 2, minute, 1440)
        )
        return np.asarray(np.exp(noise))

    def anchors(self, minute: Ints) -> Floats:
        """The log price at the start of each minute."""
        seed, trend_seed = self._seed["walk"], self._seed["trend"]
        fast = gauss(seed, minute)
        for period in FAST:
            fast = fast + np.sqrt(period) * smooth(seed + period, minute, period)
        middle = np.zeros(minute.shape)
        for period in MIDDLE:
            middle = middle + np.sqrt(period) * smooth(seed + period, minute, period)
        slow = np.zeros(minute.shape)
        for period in SLOW:
            slow = slow + np.sqrt(period) * smooth(seed + period, minute, period)
        trend = 1.0 + 0.6 * np.tanh(1.5 * smooth(trend_seed, minute, 90))
        return np.asarray(self.log_price + self._amplitude * (fast * self.volatility(minute) + middle * trend + slow))

    def shift(self, slot: Ints) -> Floats:
        """What gaps add to the log price in these slots, counted from the epoch."""
        total = np.zeros(slot.shape)
        for first, end, shift in self.gaps:
            total += np.where((slot >= first) & (slot < end), shift, 0.0)
        return total

    def trades(self, minute: Ints) -> Trades:
        """All trades of the minutes (each a number of minutes since the epoch), shape (minutes, trades_per_minute)."""
        count = self.trades_per_minute
        place = np.arange(count, dtype=np.int64)
        index = minute[:, None] * count + place
        volatility = self.volatility(minute)[:, None]
        start, end = self.anchors(minute)[:, None], self.anchors(minute + 1)[:, None]
        done = (place + 1) / count
        walk = np.cumsum(gauss(self._seed["bridge"], index), axis=1)
        bridge = walk - done * walk[:, -1:]
        step_size = 0.6 * self.spec.vol_bps * 1e-4 / np.sqrt(count) * volatility
        log_middle = start + (end - start) * done + step_size * bridge
        slot = place * self.slots_per_trade + (uniform(self._seed["slot"], index) * self.slots_per_trade).astype(
            np.int64
        )
        # Buyers are more likely before a rise: the flow of orders tells a little of what comes.
        ahead = (
            np.diff(log_middle, axis=1, append=end) / step_size
            + 6.0 * (end - start) / (self.spec.vol_bps * 1e-4) / count**0.5
        )
        sell = uniform(self._seed["side"], index) > 0.5 + 0.3 * np.tanh(ahead)
        tick = self.spec.tick / UNIT
        middle = np.exp(log_middle + self.shift(minute[:, None] * 60 * self.rate + slot)) / tick
        spread = np.maximum(
            1, np.rint(middle[:, 0] * self.spec.spread_bps * 1e-4 * (0.4 + 0.6 * volatility[:, 0]))
        ).astype(np.int64)
        bid = self.best_bid(middle, spread[:, None])
        return Trades(
            minute=minute,
            price=np.where(sell, bid, bid + spread[:, None]),
            quantity=self._quantities(minute, index, middle * tick, volatility),
            buyer_is_maker=sell,
            slot=slot,
            middle=middle,
            spread=spread,
        )

    @staticmethod
    def best_bid(middle: Floats, spread: Ints) -> Ints:
        """The best bid in ticks for a middle price in ticks."""
        return np.floor(middle - spread / 2.0 + 0.5).astype(np.int64)

    def _quantities(self, minute: Ints, index: Ints, price: Floats, volatility: Floats) -> Ints:
        activity = np.exp(0.5 * smooth(self._seed["activity"], minute, 7))[:, None] * volatility
        value = self.spec.trade_value * np.exp(1.2 * gauss(self._seed["size"], index) - 0.7) * activity
        return np.maximum(1, np.rint(value / price / (self.spec.step / UNIT))).astype(np.int64)

    def trade_id(self, minute: int, place: int) -> int:
        return (minute - FIRST_MINUTE) * self.trades_per_minute + place

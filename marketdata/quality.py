"""Is what a venue sent plausible? Reasons why not, and nothing else: no state is changed by asking."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf, sqrt

from marketdata.events import Bar, QuoteTick, TradeTick


class Reason(StrEnum):
    CROSSED = "crossed"
    ZERO = "zero"
    NEGATIVE = "negative"
    NOT_A_NUMBER = "not a number"
    SPIKE = "spike"
    OUT_OF_ORDER = "out of order"
    SKEWED = "late"
    FROM_FUTURE = "from the future"
    # Far from what was told a moment before: believed when another record says the same.
    UNCONFIRMED = "unconfirmed"


# With these the symbol is held until something plausible arrives. Repeated and overtaken records are merely dropped.
HOLDING = frozenset({Reason.CROSSED, Reason.ZERO, Reason.NEGATIVE, Reason.NOT_A_NUMBER, Reason.SPIKE})


# What the column of stored bars takes; no market has so many in a month.
_MAX_TRADES = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """What still counts as plausible."""

    # Distance from the recent median, as a fraction of it.
    spike: float = 0.2
    # What one record alone may move a side of the market, as a fraction, where it is calm and its spread narrow.
    near: float = 0.001
    # Beyond this factor a price is never believed, however often it is repeated.
    absurd_factor: float = 10.0
    # A move beyond `spike` is believed after so many prices in a row that agree within `spike`.
    confirmations: int = 30
    max_skew_ns: int = 500_000_000


# How much wider than what was seen of late a move may be that nothing else confirms.
_RANGES = 2.0
_SPREADS = 2.0
_FORGOTTEN = 0.98
_EVERY = 8


class PriceReference:
    """The recent median of accepted prices, and what is near the newest, both recomputed every few prices.

    Either side of a quote, and a print, is near within `tolerance` (a fraction) of the middle: some times the spread, the
    recent range and the moves that were confirmed, whichever is the widest.
    """

    __slots__ = ("_learnt", "_outliers", "_prices", "_range", "_since", "highest", "limits", "lowest", "median",
                 "near_highest", "near_lowest", "tolerance")  # fmt: skip

    def __init__(self, limits: QualityLimits) -> None:
        self.limits = limits
        self.median = 0.0
        # What is no spike. The first prices are accepted as they come.
        self.lowest, self.highest = 0.0, inf
        self.near_lowest, self.near_highest = 0.0, inf
        self.tolerance = limits.near
        self._range = self._learnt = 0.0
        self._prices: deque[float] = deque(maxlen=31)
        self._since = 0
        self._outliers: list[float] = []

    def accept(self, bid: float, ask: float) -> None:
        self._prices.append((bid + ask) / 2)
        self._since -= 1
        if self._since < 0:
            self._since = _EVERY
            self._measure(self._prices)
            self._outliers.clear()
            self._learnt *= _FORGOTTEN
            self.centre(bid, ask)

    def is_near(self, bid: float, ask: float) -> bool:
        """Whether both sides are about where the market was."""
        return self.near_lowest <= bid and ask <= self.near_highest

    def centre(self, bid: float, ask: float, *, age_ns: int = 0) -> None:
        """Near is what is near these prices, which were told `age_ns` ago: the longer ago, the farther they may be."""
        middle = (bid + ask) / 2
        tolerance = max(self.limits.near, _SPREADS * (ask - bid) / middle, _RANGES * self._range, self._learnt)
        if age_ns > 0:
            tolerance *= sqrt(1 + age_ns / 1e9)
        self.tolerance = tolerance = min(tolerance, self.limits.spike)
        self.near_lowest = max(self.lowest, middle * (1 - tolerance))
        self.near_highest = min(self.highest, middle * (1 + tolerance))

    def learn(self, price: float) -> None:
        """A price outside of what is near was confirmed: this market moves so far at once."""
        middle = (self.near_lowest + self.near_highest) / 2
        if middle < inf:
            self._learnt = max(self._learnt, abs(price / middle - 1))

    def leave(self) -> None:
        """What comes next is of another time: anything that is no spike is near."""
        self.near_lowest, self.near_highest = self.lowest, self.highest
        self._since = 0

    def reject(self, price: float) -> None:
        """Remember a spike; enough that agree move the reference, for markets do move."""
        factor = self.limits.absurd_factor
        if not self.median / factor < price < self.median * factor:
            return
        if self._outliers and abs(price / self._outliers[0] - 1) > self.limits.spike:
            self._outliers.clear()
        self._outliers.append(price)
        if len(self._outliers) >= self.limits.confirmations:
            self._prices.clear()
            self._prices.extend(self._outliers)
            self._measure(self._outliers)
            self._outliers.clear()
            self.leave()

    def _measure(self, prices: Iterable[float]) -> None:
        ordered = sorted(prices)
        middle = len(ordered) // 2
        # statistics.median does the same, several times slower.
        self.median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
        self._range = (ordered[-1] - ordered[0]) / self.median
        self.lowest = self.median * (1 - self.limits.spike)
        self.highest = self.median * (1 + self.limits.spike)


def _number_problem(value: float) -> Reason | None:
    if value == 0.0:
        return Reason.ZERO
    if value < 0.0:
        return Reason.NEGATIVE
    return None if value < inf else Reason.NOT_A_NUMBER


def check_quote(quote: QuoteTick, reference: PriceReference, last_update_id: int) -> Reason | None:
    """Why a quote must not be used, or None; UNCONFIRMED asks for another witness. Sizes of zero are refused too: nobody trades against them."""
    bid, ask = quote.bid, quote.ask
    if 0.0 < bid < ask < inf and 0.0 < quote.bid_size < inf and 0.0 < quote.ask_size < inf:
        # Some venues' quotes have no number: 0 compares with nothing.
        if 0 < quote.update_id < last_update_id:
            return Reason.OUT_OF_ORDER
        # What is near is no spike either: one question for almost every quote.
        if reference.near_lowest <= bid and ask <= reference.near_highest:
            return None
        return Reason.UNCONFIRMED if reference.lowest <= (bid + ask) / 2 <= reference.highest else Reason.SPIKE
    for value in (bid, ask, quote.bid_size, quote.ask_size):
        problem = _number_problem(value)
        if problem is not None:
            return problem
    return Reason.CROSSED


def check_trade(
    trade: TradeTick, reference: PriceReference, last_trade_id: int, sizeless: bool = False
) -> Reason | None:
    """Why a print must not be used, or None; UNCONFIRMED asks for another witness. `sizeless`: an index, whose prints are of nothing."""
    price = trade.price
    if 0.0 < price < inf and (0.0 < trade.size < inf or (sizeless and trade.size == 0.0)):
        if trade.trade_id <= last_trade_id:
            return Reason.OUT_OF_ORDER
        if reference.near_lowest <= price <= reference.near_highest:
            return None
        return Reason.UNCONFIRMED if reference.lowest <= price <= reference.highest else Reason.SPIKE
    return _number_problem(trade.price) or _number_problem(trade.size)


def is_sound_bar(bar: Bar) -> bool:
    """Whether a bar's numbers can be, whoever made it."""
    if not (0.0 < bar.low <= bar.open <= bar.high < inf and bar.low <= bar.close <= bar.high):
        return False
    buys = bar.taker_buy_volume
    return 0.0 <= bar.volume < inf and (buys is None or 0.0 <= buys < inf) and 0 <= bar.trades <= _MAX_TRADES

"""How a bot has done: equity, ratios, drawdown. None where a number is not defined."""

import math
from decimal import Decimal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from bots.trading.money import ZERO

DAY_S = 86_400
YEAR_S = 365 * DAY_S
# Crypto trades every day of the year; below this many returns a ratio is noise.
MINIMUM_RETURNS = 20


class Performance(Struct, frozen=True, kw_only=True):
    """Money in quote. `realised_pnl` is after fees; `maximum_drawdown` is a fraction of the peak."""

    equity: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    fees: Decimal
    trades: int
    win_rate: float | None
    profit_factor: float | None
    sharpe: float | None
    sortino: float | None
    maximum_drawdown: float


def returns_of(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Simple returns between points of an equity curve. equity: (n,), positive; gives (n - 1,)."""
    return np.diff(equity) / equity[:-1]


def sharpe(returns: NDArray[np.float64], *, period_s: float) -> float | None:
    """Annual Sharpe ratio over a risk-free rate of zero. None below MINIMUM_RETURNS or without variation."""
    if len(returns) < MINIMUM_RETURNS:
        return None
    deviation = float(np.std(returns, ddof=1))
    if deviation <= 1e-15:
        return None
    return float(np.mean(returns)) / deviation * math.sqrt(YEAR_S / period_s)


def sortino(returns: NDArray[np.float64], *, period_s: float) -> float | None:
    """Annual Sortino ratio: downside deviation about zero over all returns. None as for `sharpe`."""
    if len(returns) < MINIMUM_RETURNS:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside <= 1e-15:
        return None
    return float(np.mean(returns)) / downside * math.sqrt(YEAR_S / period_s)


def maximum_drawdown(equity: NDArray[np.float64]) -> float:
    """The deepest fall from a peak, as a fraction of it. equity: (n,), oldest first; 0 for fewer than two points."""
    if len(equity) < 2:
        return 0.0
    peaks = np.maximum.accumulate(equity)
    return float(np.max((peaks - equity) / peaks))


class Totals(Struct, frozen=True, kw_only=True):
    """What a bot's trades and open positions add up to, in quote. Gained, lost and realised are after fees; lost is positive."""

    trades: int = 0
    wins: int = 0
    gained: Decimal = ZERO
    lost: Decimal = ZERO
    fees: Decimal = ZERO
    open_realised: Decimal = ZERO
    unrealised: Decimal = ZERO

    @property
    def realised(self) -> Decimal:
        return self.gained - self.lost + self.open_realised

    @property
    def result(self) -> Decimal:
        return self.realised + self.unrealised


class Track(Struct, frozen=True, kw_only=True):
    """How a result ran so far, in so many numbers however long it ran. Results are what was won or lost, in quote.

    mean, squares: of the returns and of their deviations from it, by Welford's method. downside: sum of squared losses.
    """

    peak_result: Decimal = ZERO
    maximum_drawdown: float = 0.0
    sampled_result: Decimal | None = None
    returns: int = 0
    mean: float = 0.0
    squares: float = 0.0
    downside: float = 0.0
    elapsed_s: float = 0.0

    @property
    def sharpe(self) -> float | None:
        """As `sharpe`, of all returns so far."""
        if self.returns < MINIMUM_RETURNS:
            return None
        deviation = math.sqrt(self.squares / (self.returns - 1))
        return self.mean / deviation * self._per_year if deviation > 1e-15 else None

    @property
    def sortino(self) -> float | None:
        """As `sortino`, of all returns so far."""
        if self.returns < MINIMUM_RETURNS:
            return None
        downside = math.sqrt(self.downside / self.returns)
        return self.mean / downside * self._per_year if downside > 1e-15 else None

    @property
    def _per_year(self) -> float:
        return math.sqrt(YEAR_S / (self.elapsed_s / self.returns))


def advance(track: Track, *, capital: Decimal, result: Decimal, elapsed_s: float) -> Track:
    """The track with a result more, `elapsed_s` after the last.

    A return is of the equity before; other capital is no gain. Without equity there are no returns.
    """
    peak = max(track.peak_result, result)
    fall = float((peak - result) / (capital + peak))
    moved = replace(
        track,
        peak_result=peak,
        maximum_drawdown=max(track.maximum_drawdown, fall),
        sampled_result=result,
    )
    if track.sampled_result is None or elapsed_s <= 0 or capital + track.sampled_result <= 0:
        return moved
    gain = float((result - track.sampled_result) / (capital + track.sampled_result))
    count = track.returns + 1
    off = gain - track.mean
    mean = track.mean + off / count
    return replace(
        moved,
        returns=count,
        mean=mean,
        squares=track.squares + off * (gain - mean),
        downside=track.downside + min(gain, 0.0) ** 2,
        elapsed_s=track.elapsed_s + elapsed_s,
    )


def summarise(*, capital: Decimal, totals: Totals, track: Track) -> Performance:
    """One summary of what was won and how it ran, the present included."""
    return Performance(
        equity=capital + totals.result,
        realised_pnl=totals.realised,
        unrealised_pnl=totals.unrealised,
        fees=totals.fees,
        trades=totals.trades,
        win_rate=totals.wins / totals.trades if totals.trades else None,
        profit_factor=float(totals.gained / totals.lost) if totals.lost else None,
        sharpe=track.sharpe,
        sortino=track.sortino,
        maximum_drawdown=track.maximum_drawdown,
    )

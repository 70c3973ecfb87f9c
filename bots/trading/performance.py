"""How a bot has done: equity, ratios, drawdown. None where a number is not defined."""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from msgspec import Struct
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


def win_rate(net_pnls: Sequence[Decimal]) -> float | None:
    """Share of trades that gained."""
    if not net_pnls:
        return None
    return sum(1 for pnl in net_pnls if pnl > 0) / len(net_pnls)


def profit_factor(net_pnls: Sequence[Decimal]) -> float | None:
    """Gains over losses; None without losses."""
    lost = -sum((pnl for pnl in net_pnls if pnl < 0), ZERO)
    gained = sum((pnl for pnl in net_pnls if pnl > 0), ZERO)
    return float(gained / lost) if lost else None


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


def summarise(
    *,
    capital: Decimal,
    net_pnls: Sequence[Decimal],
    open_realised: Decimal,
    unrealised: Decimal,
    fees: Decimal,
    equity_curve: Sequence[Decimal],
    period_s: float,
) -> Performance:
    """One summary.

    net_pnls: after fees, of each closed trade. open_realised: realised after fees in positions still open.
    equity_curve: earlier equity, oldest first, every `period_s`; the present equity is added at its end.
    """
    realised = sum(net_pnls, ZERO) + open_realised
    equity = capital + realised + unrealised
    curve = np.array([float(point) for point in (*equity_curve, equity)])
    usable = curve if bool(np.all(curve > 0)) else np.array([])
    returns = returns_of(usable)
    return Performance(
        equity=equity,
        realised_pnl=realised,
        unrealised_pnl=unrealised,
        fees=fees,
        trades=len(net_pnls),
        win_rate=win_rate(net_pnls),
        profit_factor=profit_factor(net_pnls),
        sharpe=sharpe(returns, period_s=period_s),
        sortino=sortino(returns, period_s=period_s),
        maximum_drawdown=maximum_drawdown(usable),
    )

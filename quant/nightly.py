"""The nightly fit of volatility from stored bars: GARCH(1,1), and whether moves go on or are taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import structlog

from marketdata.events import Bar, Timeframe
from marketdata.history import load_bars
from quant.evidence.compute import followed
from quant.features.garch import GarchParameters, fit
from quant.features.variance_ratio import variance_ratio
from quant.models import VolatilityFit

log = structlog.get_logger(__name__)

TIMEFRAME: Timeframe = "1m"
BARS = 5_000
RATIO_BARS = 5
# Parameters that could not be fitted anew are used for as long.
MAX_AGE_DAYS = 7


def fit_all(*, now: datetime) -> dict[str, str]:
    """Fit every instrument that somebody follows; why not, by "exchange symbol", empty where it was fitted."""
    told = {f"{exchange} {symbol}": fit_one(exchange, symbol, now=now) for exchange, symbol in followed()}
    log.info("volatility.fitted", instruments=len(told), failed={name: why for name, why in told.items() if why})
    return told


def fit_one(exchange: str, symbol: str, *, now: datetime) -> str:
    """Fit one from the newest bars without a hole; why it could not be, or nothing."""
    prices = newest_run(load_bars(exchange, symbol, TIMEFRAME, BARS))
    found: dict[str, Any] = {"returns": max(0, len(prices) - 1), "reason": "", "tried_at": now}
    logs = np.log(np.asarray(prices, dtype=np.float64))
    try:
        found["parameters"] = msgspec.to_builtins(fit(100.0 * np.diff(logs)))
        found["fitted_at"] = now
        found["variance_ratio"], found["variance_ratio_z"] = variance_ratio(logs, RATIO_BARS)
    except ValueError as error:
        found["reason"] = str(error)[:300]
    VolatilityFit.objects.update_or_create(exchange=exchange, symbol=symbol, defaults=found)
    return str(found["reason"])


def newest_run(bars: Sequence[Bar]) -> list[float]:
    """Closes, oldest first, of the newest bars that follow on each other."""
    closes: list[float] = []
    opened: int | None = None
    for bar in reversed(bars):
        if bar.close <= 0.0 or (opened is not None and bar.ts_close != opened):
            break
        closes.append(bar.close)
        opened = bar.ts_open
    return closes[::-1]


def load_parameters(*, now: datetime) -> Mapping[tuple[str, str], GarchParameters]:
    """(exchange, symbol) -> what was fitted, where it is not too old."""
    found = {}
    for row in VolatilityFit.objects.filter(parameters__isnull=False):
        if row.fitted_at is None or (now - row.fitted_at).days >= MAX_AGE_DAYS:
            continue
        try:
            found[row.exchange, row.symbol] = msgspec.convert(row.parameters, GarchParameters)
        except (msgspec.ValidationError, ValueError) as error:
            log.error("volatility.unusable", symbol=row.symbol, exchange=row.exchange, reason=str(error))
    return found

"""What the evidence page tells besides coefficients: weights as evidence would have them, and the night's volatility."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bots.templatetags.figures import component_name, score
from marketdata.events import TIMEFRAME_SECONDS
from quant.blend import DEFAULT_WEIGHTS
from quant.evidence.blending import column_of
from quant.evidence.drift import Seen, drifted
from quant.models import EvidenceKind, EvidenceRow, VolatilityFit

SIGNIFICANT_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A weight as a fraction: what bots begin with, and what evidence would make of it."""

    name: str
    prior: float
    moved: float


def drifts(rows: Iterable[EvidenceRow], horizon_s: int) -> list[Drift]:
    """Of the default blend's signals that have been weighed at the horizon; technical on its shortest timeframe."""
    prior = {component.value: weight for component, weight in DEFAULT_WEIGHTS.items() if weight > 0.0}
    seen: dict[str, tuple[int, Seen]] = {}
    for row in rows:
        if (row.kind, row.horizon_s, row.regime) != (EvidenceKind.COMPONENT, horizon_s, ""):
            continue
        column = column_of(row.component)
        if column is None or row.ic is None or row.n_eff is None or row.needed is None:
            continue
        length_s = TIMEFRAME_SECONDS[column.timeframe] if column.timeframe else 0
        name = column.component.value
        if name not in seen or length_s < seen[name][0]:
            seen[name] = (length_s, Seen(ic=row.ic, n_eff=row.n_eff, needed=row.needed))
    if not seen:
        return []
    moved = drifted(prior, {name: found for name, (_, found) in seen.items()})
    return [Drift(name=component_name(name), prior=weight, moved=moved[name]) for name, weight in prior.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """The newest fit in words; `refused` is why the last try gave nothing."""

    ratio: str
    garch: str
    refused: str
    tried_at: datetime


def night(exchange: str, symbol: str) -> Night | None:
    """None before the first night."""
    row = VolatilityFit.objects.filter(exchange=exchange, symbol=symbol).first()
    return (
        None if row is None else Night(ratio=_ratio(row), garch=_garch(row), refused=row.reason, tried_at=row.tried_at)
    )


def _ratio(row: VolatilityFit) -> str:
    ratio, z = row.variance_ratio, row.variance_ratio_z
    if ratio is None or z is None:
        return ""
    if abs(z) < SIGNIFICANT_Z:
        meaning = "no different from a random walk"
    else:
        meaning = "moves go on" if ratio > 1.0 else "moves are taken back"
    return f"{ratio:.2f} over 5 minutes, z {score(z, 1)}: {meaning}"


def _garch(row: VolatilityFit) -> str:
    given = row.parameters
    if not given:
        return ""
    kept = given["alpha"] + given["beta"]
    half = (
        f"a shock halves in {math.log(0.5) / math.log(kept):,.0f} min"
        if 0.0 < kept < 1.0
        else "a shock is gone at once"
    )
    usual = math.sqrt(given["omega"] / (1.0 - kept))
    return f"alpha {given['alpha']:.3f}, beta {given['beta']:.3f}: {half}; {usual:.3f} % a minute in the long run"

"""How fast a signal's coefficient fades with the horizon."""

import math
from collections.abc import Sequence


def half_life_s(horizons_s: Sequence[float], coefficients: Sequence[float | None]) -> float | None:
    """Horizon at which |IC| has fallen to half of its peak, between measured ones by the logarithm of the horizon.

    None when it never has, or nothing was measured. A change of sign counts as zero.
    """
    known = [
        (horizon, ic) for horizon, ic in zip(horizons_s, coefficients, strict=True) if ic is not None and horizon > 0
    ]
    if len(known) < 2:
        return None
    peak = max(range(len(known)), key=lambda i: abs(known[i][1]))
    sign, half = math.copysign(1.0, known[peak][1]), abs(known[peak][1]) / 2.0
    if half <= 0.0:
        return None
    before_s, before = known[peak][0], abs(known[peak][1])
    for horizon_s, ic in known[peak + 1 :]:
        left = max(0.0, sign * ic)
        if left <= half:
            share = (before - half) / (before - left)
            return float(math.exp(math.log(before_s) + share * (math.log(horizon_s) - math.log(before_s))))
        before_s, before = horizon_s, left
    return None

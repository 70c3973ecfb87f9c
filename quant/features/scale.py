"""Bringing a raw forecast to [-1, 1]. Source: Carver, Systematic Trading, ch. 7 (forecast scalars)."""

import math

LEARNED_AFTER = 500
# 10 / mean|x| of a standard normal: what a standardised input needs to have a mean strength of 10 of 20.
NORMAL_SCALAR = 10.0 / math.sqrt(2.0 / math.pi)


class ForecastScale:
    """`clip(k·x, ±20)/20`, with k a prior until 500 observations have been seen and 10/mean|x| of all past ones after.

    Zeros are not observations. A value is scaled with what was known before it: nothing is filled backwards.
    """

    __slots__ = ("_prior", "_sum", "count")

    def __init__(self, prior: float = NORMAL_SCALAR) -> None:
        self._prior = prior
        self._sum = 0.0
        self.count = 0

    @property
    def k(self) -> float:
        return self._prior if self.count < LEARNED_AFTER else 10.0 * self.count / self._sum

    def observe(self, x: float) -> None:
        if x != 0.0 and math.isfinite(x):
            self.count += 1
            self._sum += abs(x)

    def norm(self, x: float) -> float:
        scaled = self.k * x / 20.0
        return -1.0 if scaled < -1.0 else 1.0 if scaled > 1.0 else scaled

"""Exponentially weighted mean and deviation, O(1) an observation.

The weights are those of pandas' `ewm(adjust=True)`: the newest observation weighs 1 and every step multiplies the older
ones by `decay`, which is `1 - 2/(span + 1)` per bar or `exp(-elapsed/tau)` in time.
"""

import math


def span_decay(span: float) -> float:
    return 1.0 - 2.0 / (span + 1.0)


def time_decay(elapsed_s: float, tau_s: float) -> float:
    """Weight left after `elapsed_s`; time that runs backwards decays nothing."""
    return math.exp(-elapsed_s / tau_s) if elapsed_s > 0 else 1.0


class EwMoments:
    """Mean and unbiased standard deviation (West 1979, with pandas' bias correction)."""

    __slots__ = ("_m2", "_weight", "_weight2", "count", "mean")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._weight = 0.0
        self._weight2 = 0.0
        self._m2 = 0.0

    def update(self, x: float, decay: float) -> None:
        self.mean, self._m2, self._weight, self._weight2 = self._next(x, decay)
        self.count += 1

    def peek_std(self, x: float, decay: float) -> float | None:
        """The standard deviation that `update` would lead to."""
        _, m2, weight, weight2 = self._next(x, decay)
        return _std(m2, weight, weight2)

    @property
    def std(self) -> float | None:
        """None until two observations differ in time."""
        return _std(self._m2, self._weight, self._weight2)

    def z(self, x: float, *, min_count: int = 10, limit: float = 4.0) -> float | None:
        """Standard score clipped to ±`limit`; None in warm-up or without any deviation."""
        if self.count < min_count:
            return None
        std = self.std
        if std is None or std <= 0.0:
            return None
        score = (x - self.mean) / std
        return -limit if score < -limit else limit if score > limit else score

    def _next(self, x: float, decay: float) -> tuple[float, float, float, float]:
        weight = self._weight * decay + 1.0
        weight2 = self._weight2 * decay * decay + 1.0
        delta = x - self.mean
        mean = self.mean + delta / weight
        m2 = self._m2 * decay + delta * (x - mean)
        return mean, m2, weight, weight2


def _std(m2: float, weight: float, weight2: float) -> float | None:
    spread = weight * weight - weight2
    if spread <= 1e-12 * weight2:
        return None
    variance = m2 * weight / spread
    return math.sqrt(variance) if variance > 0.0 else 0.0


class EwMean:
    """Recursive mean seeded with its first observation, as a filter's output needs no bias correction."""

    __slots__ = ("_alpha", "value")

    def __init__(self, span: float) -> None:
        self._alpha = 2.0 / (span + 1.0)
        self.value: float | None = None

    def update(self, x: float) -> float:
        self.value = self.peek(x)
        return self.value

    def peek(self, x: float) -> float:
        return x if self.value is None else self.value + self._alpha * (x - self.value)


class EwRatio:
    """EW(numerator) / EW(denominator) over bars, as two decaying sums; None where the denominators are all 0."""

    __slots__ = ("_decay", "denominator", "numerator")

    def __init__(self, span: float) -> None:
        self._decay = span_decay(span)
        self.numerator = 0.0
        self.denominator = 0.0

    def update(self, numerator: float, denominator: float) -> None:
        self.numerator = self.numerator * self._decay + numerator
        self.denominator = self.denominator * self._decay + denominator

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator > 0.0 else None

    def peek(self, numerator: float, denominator: float) -> float | None:
        below = self.denominator * self._decay + denominator
        return (self.numerator * self._decay + numerator) / below if below > 0.0 else None


class DecayingRatio:
    """EW(numerator) / EW(denominator) over irregular times, as two decaying sums."""

    __slots__ = ("_tau_s", "denominator", "numerator")

    def __init__(self, tau_s: float) -> None:
        self._tau_s = tau_s
        self.numerator = 0.0
        self.denominator = 0.0

    def update(self, numerator: float, denominator: float, elapsed_s: float) -> None:
        decay = time_decay(elapsed_s, self._tau_s)
        self.numerator = self.numerator * decay + numerator
        self.denominator = self.denominator * decay + denominator

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator > 0.0 else None

"""The deviation that a fitted GARCH(1,1) expects of the next bar, bar by bar in O(1)."""

import math
from collections import deque

from quant.features.garch import GarchFilter, GarchParameters

# After as many the variance it began with is forgotten, for all but the most persistent of markets.
KEPT_RETURNS = 500


class Clustering:
    """Log returns in, `sigma` out: of log returns over one bar, None while nothing has been fitted."""

    def __init__(self) -> None:
        self._parameters: GarchParameters | None = None
        self._filter: GarchFilter | None = None
        self._returns: deque[float] = deque(maxlen=KEPT_RETURNS)

    def follow(self, parameters: GarchParameters | None) -> None:
        """Take new parameters, and go over the last returns with them."""
        self._parameters = parameters
        self._filter = None if parameters is None else GarchFilter(parameters)
        if self._filter is not None:
            for return_pct in self._returns:
                self._filter.update(return_pct)

    def forget(self) -> None:
        """The bars begin anew; what was fitted stays."""
        self._returns.clear()
        self.follow(self._parameters)

    def update(self, log_return: float) -> None:
        self._returns.append(100.0 * log_return)
        if self._filter is not None:
            self._filter.update(100.0 * log_return)

    @property
    def sigma(self) -> float | None:
        return None if self._filter is None else math.sqrt(self._filter.variance) / 100.0

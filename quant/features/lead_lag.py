"""A leader's last moves as a forecast of the follower's next one, learned as they come.

Sources: Hayashi & Yoshida (2005) for choosing the lag offline; recursive least squares with forgetting.
"""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

LAGS = 5
FORGETTING = 0.999
LEARNED_AFTER = 300
_START = 1e6
_LARGEST = 1e12

Floats = NDArray[np.float64]


class LeadLag:
    """Least squares of the follower's return on the leader's last returns, in steps of one second. O(lags²) a step."""

    def __init__(self) -> None:
        self._beta = np.zeros(LAGS)
        self._p = np.eye(LAGS) * _START
        self._past: deque[float] = deque(maxlen=LAGS)
        self._error2 = 0.0
        self.count = 0

    def step(self, leader: float, follower: float) -> None:
        """Take both returns over the last step; the leader's of the same step tells only of later ones."""
        if len(self._past) == LAGS:
            x = np.array(self._past)
            error = follower - float(self._beta @ x)
            px = self._p @ x
            gain = px / (FORGETTING + float(x @ px))
            self._beta = self._beta + gain * error
            self._p = (self._p - np.outer(gain, px)) / FORGETTING
            # Without anything to learn from, forgetting lets the matrix grow without bound.
            if not np.all(np.abs(self._p) < _LARGEST):
                self._p = np.eye(LAGS) * _START
            self.count += 1
        self._past.appendleft(leader)

    @property
    def forecast(self) -> float | None:
        """The follower's return over the next step; None while it has learned too little."""
        if self.count < LEARNED_AFTER:
            return None
        value = float(self._beta @ np.array(self._past))
        return value if math.isfinite(value) else None


def hayashi_yoshida(
    leader_ns: NDArray[np.int64], leader: Floats, follower_ns: NDArray[np.int64], follower: Floats, *, lag_ns: int
) -> float:
    """Correlation of two irregular price paths with the leader's shifted `lag_ns` into the future, in about [-1, 1].

    Times are (n,) and (m,) of receipt, ascending; prices are (n,) and (m,). NaN where one of them never moves.
    """
    one, other = np.diff(np.log(leader)), np.diff(np.log(follower))
    starts, ends = leader_ns[:-1] + lag_ns, leader_ns[1:] + lag_ns
    # Of each step of the leader, the steps of the follower that overlap it: a slice, because both ascend.
    first = np.searchsorted(follower_ns[1:], starts, side="right")
    last = np.searchsorted(follower_ns[:-1], ends, side="left")
    sums = np.concatenate(([0.0], np.cumsum(other)))
    covariance = float(np.sum(one * (sums[np.maximum(last, first)] - sums[first])))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return covariance / scale if scale > 0.0 else math.nan

"""How much the signals of an instrument say the same: what the diversification multiplier is made of.

Correlations of values sampled once a minute, exponentially weighted over a week, floored at 0: two signals that were
opposed may not count as more than two. They begin as the identity, and what was seen counts by n/(n + 500).
Source: Carver, Systematic Trading, ch. 8; pysystemtrade floors them as well.
"""

import numpy as np

from quant.features.ew import time_decay
from quant.vector import Column, Floats, SignalVector

TAU_S = 7 * 86_400.0
EVERY_NS = 60_000_000_000
PRIOR_SAMPLES = 500.0
# Moments, each (columns, columns) over the samples in which both columns spoke: their number, the sums of the row's and
# the column's values, of its squares and theirs, and of products.
_WEIGHT, _ROW, _COLUMN, _ROW2, _COLUMN2, _PRODUCT = range(6)


class CorrelationEstimator:
    """Correlations of one instrument's columns. Columns of one component begin as the same voice.

    `matrix` is (columns, columns) in the order of `columns`, in [0, 1] with ones on its diagonal.
    """

    def __init__(self, columns: tuple[Column, ...], *, tau_s: float = TAU_S) -> None:
        self.columns = columns
        self._tau_s = tau_s
        self._moments = np.zeros((6, len(columns), len(columns)))
        self._sampled_ns: int | None = None
        self.matrix = self._estimate()

    def observe(self, vector: SignalVector) -> bool:
        """Take the values as they stand, at most once a minute. True when they were taken.

        `matrix` fits the vector in any case: where columns have joined or left, what is known of the others stays.
        """
        if vector.columns is not self.columns and vector.columns != self.columns:
            self._rearrange(vector.columns)
        if self._sampled_ns is not None and vector.now_ns - self._sampled_ns < EVERY_NS:
            return False
        self.learn(vector.now_ns, np.where(vector.quality > 0.0, vector.values, np.nan))
        return True

    def learn(self, ts_ns: int, values: Floats) -> None:
        """Take one sample, (columns,) with NaN where one is silent: of a vector, or stored before a restart."""
        elapsed_s = 0.0 if self._sampled_ns is None else (ts_ns - self._sampled_ns) / 1e9
        self._sampled_ns = ts_ns
        spoke = np.isfinite(values)
        x = np.where(spoke, values, 0.0)
        both = np.outer(spoke, spoke).astype(np.float64)
        self._moments *= time_decay(elapsed_s, self._tau_s)
        self._moments += (
            both,
            both * x[:, None],
            both * x[None, :],
            both * (x * x)[:, None],
            both * (x * x)[None, :],
            np.outer(x, x),
        )
        self.matrix = self._estimate()

    def _estimate(self) -> Floats:
        m = self._moments
        n = np.maximum(m[_WEIGHT], 1.0)
        variances = (m[_ROW2] / n - (m[_ROW] / n) ** 2, m[_COLUMN2] / n - (m[_COLUMN] / n) ** 2)
        covariance = m[_PRODUCT] / n - (m[_ROW] / n) * (m[_COLUMN] / n)
        # A signal that has stood still, to rounding, has been seen to say nothing.
        moved = (variances[0] > 1e-12) & (variances[1] > 1e-12)
        scale = np.sqrt(np.where(moved, variances[0] * variances[1], 1.0))
        seen = np.where(moved, m[_WEIGHT] / (m[_WEIGHT] + PRIOR_SAMPLES), 0.0)
        same = np.array([[float(a.component is b.component) for b in self.columns] for a in self.columns])
        matrix: Floats = seen * covariance / scale + (1.0 - seen) * same
        matrix = np.clip((matrix + matrix.T) / 2.0, 0.0, 1.0)
        np.fill_diagonal(matrix, 1.0)
        matrix.flags.writeable = False
        return matrix

    def _rearrange(self, columns: tuple[Column, ...]) -> None:
        """Keep what is known of the columns that stay."""
        kept = [(new, self.columns.index(column)) for new, column in enumerate(columns) if column in self.columns]
        moments = np.zeros((6, len(columns), len(columns)))
        if kept:
            new, old = (np.array(places) for places in zip(*kept, strict=True))
            moments[:, new[:, None], new[None, :]] = self._moments[:, old[:, None], old[None, :]]
        self.columns, self._moments = columns, moments
        self.matrix = self._estimate()

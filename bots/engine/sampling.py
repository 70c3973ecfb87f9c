"""A symbol's signals once a minute, kept as evidence: what they said before anybody knew what came of it."""

import numpy as np

from bots.engine.symbol import SymbolWorker
from marketdata.events import Bar
from quant.blend import blend, weight_row
from quant.candidates import Candidates
from quant.evidence.samples import SampleWriter
from quant.regime import regime_of
from quant.vector import Column, Floats


class Sampling:
    """Blends by the weights that everybody begins with, whatever the symbol's bots weigh."""

    def __init__(self, writer: SampleWriter) -> None:
        self.writer = writer
        self._candidates = Candidates()
        self._weights: dict[tuple[Column, ...], Floats] = {}

    def on_bar(self, worker: SymbolWorker, bar: Bar, now_ns: int) -> None:
        """At the close of a minute."""
        if bar.timeframe != "1m" or bar.source == "synthetic":
            return
        vector = worker.signals.read(now_ns=now_ns)
        combined = float(blend(self._row(vector.columns), vector).signal[0])
        self.writer.add(
            vector,
            combined=None if np.isnan(combined) else combined,
            regime=regime_of(vector.regimes),
            now_ns=now_ns,
            candidates=self._candidates.of(vector),
        )

    def _row(self, columns: tuple[Column, ...]) -> Floats:
        found = self._weights.get(columns)
        if found is None:
            if len(self._weights) > 100:
                self._weights.clear()
            found = self._weights[columns] = weight_row(columns, timeframe_weights={"1m": 1.0}, forming=False)[None, :]
        return found

"""Skew, put/call ratio and flow of an option chain. It needs 30 days of chains before it may speak."""

from marketdata.events import OptionsSummary
from quant.reading import Reading, missing


class OptionsFlowSignal:
    """Counts what has arrived; without a recorded history there is no z-score, so no value."""

    def __init__(self) -> None:
        self._as_of = 0
        self._n = 0

    def update(self, event: OptionsSummary) -> None:
        self._n += 1
        self._as_of = max(self._as_of, event.ts_init)

    def read(self) -> Reading:
        what = "a history of 30 days to compare with" if self._n else "option chain"
        return missing(f"no data: {what}", as_of=self._as_of, n_obs=self._n)

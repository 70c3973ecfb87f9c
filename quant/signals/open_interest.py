"""Open interest and funding of a perpetual. It needs 7 days of both before it may speak."""

import math

from marketdata.events import Funding, OpenInterest
from quant.reading import Reading, missing


class OpenInterestSignal:
    """Counts what has arrived; without a recorded history there is no z-score, so no value."""

    def __init__(self) -> None:
        self._as_of = 0
        self._n_open_interest = 0
        self._n_funding = 0

    def update(self, event: OpenInterest | Funding) -> None:
        if isinstance(event, OpenInterest):
            self._n_open_interest += math.isfinite(event.contracts)
        else:
            self._n_funding += math.isfinite(event.rate)
        self._as_of = max(self._as_of, event.ts_init)

    def read(self) -> Reading:
        lacking = [
            name
            for name, count in (("open interest", self._n_open_interest), ("funding", self._n_funding))
            if count == 0
        ]
        what = " and ".join(lacking) if lacking else "a history of 7 days to compare with"
        return missing(f"no data: {what}", as_of=self._as_of, n_obs=self._n_open_interest)

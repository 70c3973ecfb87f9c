"""Fear and greed, and headlines. It needs 90 days of the index before it may speak."""

from marketdata.events import Sentiment
from quant.reading import Reading, missing


class SentimentSignal:
    """Counts what has arrived; without a recorded history its sign is a guess, so no value."""

    def __init__(self) -> None:
        self._as_of = 0
        self._n = 0

    def update(self, event: Sentiment) -> None:
        self._n += 0.0 <= event.index <= 100.0
        self._as_of = max(self._as_of, event.ts_init)

    def read(self) -> Reading:
        what = "a history of 90 days to compare with" if self._n else "fear and greed index, headlines"
        return missing(f"no data: {what}", as_of=self._as_of, n_obs=self._n)

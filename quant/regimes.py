"""The regimes of one instrument: a detector for each timeframe that somebody follows."""

from collections.abc import Iterable

from marketdata.events import Bar, Timeframe
from quant.regime import RegimeState
from quant.regime_detector import RegimeDetector


class Regimes:
    """Closed bars in, a state a timeframe out. Pure; equal bars give equal states."""

    def __init__(self) -> None:
        self._detectors: dict[Timeframe, RegimeDetector] = {}
        self.states: dict[Timeframe, RegimeState] = {}

    def __contains__(self, timeframe: Timeframe) -> bool:
        return timeframe in self._detectors

    def begin(self, timeframe: Timeframe, bars: Iterable[Bar] = ()) -> None:
        """Begin a timeframe, or begin it anew, from closed bars, oldest first."""
        detector = self._detectors[timeframe] = RegimeDetector(timeframe)
        for bar in bars:
            detector.update(bar)
        self.states = {**self.states, timeframe: detector.state}

    def update(self, bar: Bar) -> bool:
        """Take a closed bar; whether the state of its timeframe is another now."""
        detector = self._detectors.get(bar.timeframe)
        if detector is None:
            return False
        before = detector.state
        detector.update(bar)
        if detector.state is before:
            return False
        # A new mapping: who holds the old one has what was known then.
        self.states = {**self.states, bar.timeframe: detector.state}
        return True

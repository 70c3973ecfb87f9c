"""Signals that failed: left out with a reason while they begin anew, without effect on the others."""

from msgspec import structs

from marketdata.events import Timeframe
from quant.reading import Component, Reading, missing

# What calculations raise. A broken invariant of the program is not among them: that must end the symbol's worker.
FAILURES = (ArithmeticError, ValueError, LookupError, TypeError, AttributeError)


def is_told(reading: Reading) -> bool:
    """Whether it has no value, or one that a blend can take."""
    value = reading.value
    return value is None or (-1.0 <= value <= 1.0 and 0.0 <= reading.quality <= 1.0)


def left_out(name: str, reading: Reading) -> Reading:
    """In place of a reading that `is_told` refuses."""
    return missing(
        f"{name} said {reading.value} with quality {reading.quality}: left out",
        as_of=reading.as_of,
        n_obs=reading.n_obs,
        parts=reading.parts,
    )


class Failures:
    """Why components were begun anew, newest of each."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[Component, Timeframe | None], str] = {}
        self.count = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def note(self, component: Component, error: Exception, *, timeframe: Timeframe | None = None) -> None:
        self._reasons[(component, timeframe)] = f"failed ({type(error).__name__}: {error}) and begun anew"
        self.count += 1

    def told(self, component: Component, reading: Reading, *, timeframe: Timeframe | None = None) -> Reading:
        """The reading, with why it is missing where it failed before."""
        why = self._reasons.get((component, timeframe))
        if why is None or reading.value is not None:
            return reading
        return structs.replace(reading, reason=f"{why}: {reading.reason}" if reading.reason else why)

"""Votes from outside: of a learned model or policy, and a remote server's values in place of built-in signals."""

import math

from quant.reading import BUILT_IN, LEARNED, Component, Reading, missing

# (age at which a vote no longer counts, age up to which it counts in full), where none is given: two bars of a minute.
LEARNED_AGE_S = (120.0, 60.0)


class Votes:
    """The newest vote of each component that was given one. Pure: whoever asks elsewhere brings the answers here."""

    def __init__(self) -> None:
        self._votes: dict[Component, Reading] = {}
        self.learned_age_s: dict[Component, tuple[float, float]] = {}

    def set(self, component: Component, reading: Reading | None, *, bar_s: float | None = None) -> None:
        """Take a vote; None withdraws it. `bar_s`: it is made once in so many seconds, and counts for twice as long.

        Raises ValueError for a value outside [-1, 1], a quality outside [0, 1], or technical, which has a reading for
        each timeframe and is never given from outside.
        """
        if component is Component.TECHNICAL:
            raise ValueError("technical cannot be voted from outside: its bars are here")
        if reading is None:
            self._votes.pop(component, None)
            self.learned_age_s.pop(component, None)
            return
        value = reading.value
        if value is not None and not (math.isfinite(value) and -1.0 <= value <= 1.0):
            raise ValueError(f"the vote of {component} is {value!r}, must be from -1 to 1")
        if not 0.0 <= reading.quality <= 1.0:
            raise ValueError(f"the quality of the vote of {component} is {reading.quality!r}, must be from 0 to 1")
        self._votes[component] = reading
        if component in LEARNED:
            self.learned_age_s[component] = LEARNED_AGE_S if bar_s is None else (2.0 * bar_s, bar_s)

    @property
    def exist(self) -> frozenset[Component]:
        """Learned components that vote; the others exist or not whoever speaks for them."""
        return frozenset(component for component in self._votes if component in LEARNED)

    @property
    def overrides(self) -> bool:
        return any(component in BUILT_IN for component in self._votes)

    def over(self, component: Component, built_in: Reading, *, now_ns: int, max_age_s: float) -> Reading:
        """The vote in place of the built-in reading, while it has a value that counts."""
        vote = self._votes.get(component)
        if vote is None or vote.value is None or not 0 <= now_ns - vote.as_of <= max_age_s * 1e9:
            return built_in
        return vote

    def learned(self) -> list[Reading]:
        return [self._votes.get(component) or missing(f"no {component} votes here") for component in LEARNED]

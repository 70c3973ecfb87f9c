"""Votes from outside: of a learned model or policy, and a remote server's values in place of built-in signals."""

import math

from msgspec.structs import replace

from quant.reading import BUILT_IN, LEARNED, Component, Reading, missing

# (age at which a vote no longer counts, age up to which it counts in full), in seconds.
AgeLimits = tuple[float, float]

# Of a learned component where none is given: two bars of a minute.
LEARNED_AGE_S: AgeLimits = (120.0, 60.0)


class Votes:
    """The newest vote of each component that was given one. Pure: whoever asks elsewhere brings the answers here."""

    def __init__(self) -> None:
        self._votes: dict[Component, Reading] = {}
        self._ages_s: dict[Component, AgeLimits] = {}

    def set(self, component: Component, reading: Reading | None, *, bar_s: float | None = None) -> None:
        """Take a vote; None withdraws it. `bar_s`: it is made once in so many seconds, counts in full as long, and
        fades until twice as long; without it, a vote in place of a built-in signal ages as that does.

        Raises ValueError for a value outside [-1, 1], a quality outside [0, 1], or technical, which has a reading for
        each timeframe and is never given from outside.
        """
        if component is Component.TECHNICAL:
            raise ValueError("technical cannot be voted from outside: its bars are here")
        if reading is None:
            self._votes.pop(component, None)
            self._ages_s.pop(component, None)
            return
        value = reading.value
        if value is not None and not (math.isfinite(value) and -1.0 <= value <= 1.0):
            raise ValueError(f"the vote of {component} is {value!r}, must be from -1 to 1")
        if not 0.0 <= reading.quality <= 1.0:
            raise ValueError(f"the quality of the vote of {component} is {reading.quality!r}, must be from 0 to 1")
        self._votes[component] = reading
        if bar_s is not None:
            self._ages_s[component] = (2.0 * bar_s, bar_s)
        elif component in LEARNED:
            self._ages_s[component] = LEARNED_AGE_S
        else:
            self._ages_s.pop(component, None)

    @property
    def exist(self) -> frozenset[Component]:
        """Learned components that vote; the others exist or not whoever speaks for them."""
        return frozenset(component for component in self._votes if component in LEARNED)

    @property
    def overrides(self) -> bool:
        return any(component in BUILT_IN for component in self._votes)

    @property
    def ages_s(self) -> dict[Component, AgeLimits]:
        """How the votes of learned components age."""
        return {component: limits_s for component, limits_s in self._ages_s.items() if component in LEARNED}

    def over(
        self, component: Component, built_in: Reading, *, now_ns: int, limits_s: AgeLimits
    ) -> tuple[Reading, AgeLimits] | None:
        """The vote in place of the built-in reading and how it ages, while it has a value that counts.

        limits_s: how the built-in reading ages. While that counts, what it measured stays beside the vote: size,
        vetoes and models go by it whoever gives the value.
        """
        vote = self._votes.get(component)
        own_age_s, limits_s = limits_s[0], self._ages_s.get(component, limits_s)
        if vote is None or vote.value is None or not 0 <= now_ns - vote.as_of <= limits_s[0] * 1e9:
            return None
        if built_in.value is not None and now_ns - built_in.as_of <= own_age_s * 1e9:
            vote = replace(vote, parts={**built_in.parts, **vote.parts})
        return vote, limits_s

    def learned(self) -> list[Reading]:
        return [self._votes.get(component) or missing(f"no {component} votes here") for component in LEARNED]

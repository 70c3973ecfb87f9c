"""Synthetic quantities between minutes of noise: a walk that stays bounded, for anything that is no price."""

import numpy as np

from marketdata.simulator.noise import Floats, Ints, smooth, subseed, uniform

MINUTE_MS = 60_000


class Chance:
    """Numbers as a function of seed, name and time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def waves(self, name: str, time_ms: Ints, *periods: int) -> Floats:
        """A smooth noise of about unit size at each time: the mean of one for each period, in minutes."""
        minute = time_ms // MINUTE_MS
        parts = [smooth(subseed(self._seed, "slow", name, period), minute, period) for period in periods]
        return np.asarray(np.sum(parts, axis=0) / len(periods) ** 0.5)

    def wave(self, name: str, time_ms: int, *periods: int) -> float:
        return float(self.waves(name, np.array([time_ms], dtype=np.int64), *periods)[0])

    def rolls(self, name: str, index: Ints) -> Floats:
        """Numbers in [0, 1), the same at every call."""
        return uniform(subseed(self._seed, "slow", name), index)

    def roll(self, name: str, index: int) -> float:
        return float(self.rolls(name, np.array([index], dtype=np.int64))[0])

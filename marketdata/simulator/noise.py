"""Randomness as a function: hashed numbers at any index, and smooth noise at any time, without state."""

import hashlib

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_16 = np.uint64(0xFFFF)
# Four uniform 16-bit numbers: mean and standard deviation of their sum.
_SUM_MEAN = 2 * 65535.0
_SUM_DEVIATION = float(np.sqrt(4 * (65536.0**2 - 1) / 12))


def subseed(*parts: object) -> int:
    """A 64-bit seed for this combination of names and numbers."""
    text = "|".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def hashed(seed: int, index: Ints) -> npt.NDArray[np.uint64]:
    """One 64-bit hash for each index (splitmix64)."""
    z = index.astype(np.uint64) * _GOLDEN + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def uniform(seed: int, index: Ints) -> Floats:
    """Numbers in [0, 1)."""
    return (hashed(seed, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gauss(seed: int, index: Ints) -> Floats:
    """Nearly normal numbers, within ±3.46: a sum of four uniforms, exact on every machine."""
    z = hashed(seed, index)
    total = (z & _LOW_16) + ((z >> np.uint64(16)) & _LOW_16) + ((z >> np.uint64(32)) & _LOW_16) + (z >> np.uint64(48))
    return np.asarray((total.astype(np.float64) - _SUM_MEAN) / _SUM_DEVIATION)


def smooth(seed: int, time: Ints, period: int) -> Floats:
    """Value noise: a hashed normal every `period`, eased between them."""
    cell = time // period
    f = (time - cell * period).astype(np.float64) / period
    start = gauss(seed, cell)
    return start + (gauss(seed, cell + 1) - start) * (f * f * (3.0 - 2.0 * f))

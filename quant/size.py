"""How much smaller than usual a position should be, by the state of the market, with its reasons.

Flow that is one-sided as on one day in twenty (VPIN above its 95th
percentile): half. Options that expect more of the next week than of the next quarter (a falling term structure): .7.
Volatility is not among them: whoever sizes aims at one already.
Source: Easley, López de Prado & O'Hara (2012) for VPIN; the factors are priors of our own.
"""

from enum import StrEnum

from msgspec import Struct

from quant.reading import Component
from quant.vector import SignalVector
from quant.veto import fresh_parts

MAX_VPIN_PERCENTILE = 0.95
VPIN_FACTOR = 0.5
STRESS_FACTOR = 0.7


class SizeCode(StrEnum):
    VPIN = "vpin"
    TERM_STRESS = "term_stress"


class SizeCause(Struct, frozen=True, kw_only=True):
    """One factor of the size, and what it comes from."""

    code: SizeCode
    factor: float
    text: str


class Size(Struct, frozen=True, kw_only=True):
    """`multiplier` in [.35, 1] is the product of the causes' factors; 1 without any."""

    multiplier: float
    causes: tuple[SizeCause, ...] = ()

    @property
    def text(self) -> str:
        """In words, "size x0.35: flow is one-sided … (x0.5); the term structure … (x0.7)"."""
        if not self.causes:
            return "size x1: nothing asks for another"
        words = "; ".join(f"{cause.text} (x{cause.factor:.2g})" for cause in self.causes)
        return f"size x{self.multiplier:.2g}: {words}"


def size_of(vector: SignalVector) -> Size:
    """What the market says of size; what is not known changes nothing."""
    causes = []
    percentile = fresh_parts(vector, Component.MICROSTRUCTURE).get("vpin_percentile")
    if percentile is not None and percentile > MAX_VPIN_PERCENTILE:
        text = f"flow is one-sided, VPIN at its {percentile:.1%} percentile"
        causes.append(SizeCause(code=SizeCode.VPIN, factor=VPIN_FACTOR, text=text))
    slope = fresh_parts(vector, Component.OPTIONS_FLOW).get("term_slope")
    if slope is not None and slope < 0.0:
        text = f"options expect more of the next week than of the next quarter, slope {slope:.3f}"
        causes.append(SizeCause(code=SizeCode.TERM_STRESS, factor=STRESS_FACTOR, text=text))
    multiplier = 1.0
    for cause in causes:
        multiplier *= cause.factor
    return Size(multiplier=multiplier, causes=tuple(causes))

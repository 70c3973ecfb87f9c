"""When a p-value is looked at, so that watching it for as long as one likes passes no more useless models than one test.

A look waits until there are twice the trades of the one before, and the k-th asks for p < .05/(k(k+1)): all looks
together spend .05. What was passed once stays passed. Source: Bonferroni over looks; Lan & DeMets (1983) on spending.
"""

from msgspec import Struct

from quant.learning.judge import MAX_P


class Looks(Struct, frozen=True, kw_only=True):
    """How often it was looked, at how many trades the last time, and what was seen then."""

    count: int = 0
    trades: int = 0
    p_value: float | None = None
    passed: bool = False

    @property
    def level(self) -> float:
        """What the last look asked for."""
        return level_of(max(1, self.count))

    def is_due(self, trades: int, *, least: int) -> bool:
        return not self.passed and trades >= max(least, 2 * self.trades)

    def after(self, trades: int, p_value: float) -> "Looks":
        count = self.count + 1
        return Looks(count=count, trades=trades, p_value=p_value, passed=p_value < level_of(count))


def level_of(look: int) -> float:
    """Of the first look, counted from 1: .025; then .0083, .0042 and so on."""
    return MAX_P / (look * (look + 1))

"""A strategy within a signal that fails for itself alone: it begins anew, and is silent until it has seen enough again."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from quant.failures import FAILURES
from quant.reading import MIN_OBSERVATIONS

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class Strategy(Protocol[S_co]):
    """Bar by bar; what it says is a score, or a tuple that begins with one."""

    @property
    def update(self) -> Callable[..., S_co]: ...
    @property
    def peek(self) -> Callable[..., S_co]: ...


class Guarded(Generic[S]):
    """`made` gives the strategy as it begins, `nothing` is what is said in place of one that is left out.

    `reason` tells why it was left out the last time, and is empty where it was not.
    """

    __slots__ = ("_bars", "_failed", "_make", "_name", "_nothing", "_strategy", "reason")

    def __init__(self, name: str, make: Callable[[], Strategy[S]], nothing: S) -> None:
        self._name, self._make, self._nothing = name, make, nothing
        self._strategy = make()
        self._failed = ""
        self._bars = 0
        self.reason = ""

    def update(self, *bar: Any) -> S:
        """Take a closed bar."""
        try:
            said = self._strategy.update(*bar)
        except FAILURES as error:
            return self._begin(error)
        self._bars += 1
        return self._told(said)

    def peek(self, *bar: Any) -> S:
        """As if the forming bar closed now."""
        try:
            said = self._strategy.peek(*bar)
        except FAILURES as error:
            return self._begin(error)
        return self._told(said)

    def _told(self, said: S) -> S:
        score: Any = said[0] if isinstance(said, tuple) else said
        if self._failed:
            if self._bars < MIN_OBSERVATIONS:
                self.reason = f"{self._failed}: {self._bars} of {MIN_OBSERVATIONS} bars"
                return self._nothing
            self._failed = ""
        if score is not None and not -1.0 <= score <= 1.0:
            self.reason = f"{self._name} said {score}: left out"
            return self._nothing
        self.reason = ""
        return said

    def _begin(self, error: Exception) -> S:
        self._strategy = self._make()
        self._bars = 0
        self._failed = f"{self._name} failed ({type(error).__name__}: {error}) and begun anew"
        self.reason = f"{self._failed}: 0 of {MIN_OBSERVATIONS} bars"
        return self._nothing

"""What a drill is, and what one showed."""

from collections.abc import Callable

from msgspec import Struct


class CannotDrill(RuntimeError):
    """Why a drill was not begun; nothing was broken."""


class Moment(Struct, frozen=True, kw_only=True):
    """Something that was done or seen, so many seconds after the beginning."""

    at_s: float
    text: str


class Told(Struct, frozen=True, kw_only=True):
    """What a drill showed. `problems` is empty where all happened as expected."""

    drill: str
    expected: str
    moments: tuple[Moment, ...]
    problems: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        return not self.problems


class Drill(Struct, frozen=True, kw_only=True):
    """`act` breaks something, waits for what is expected and says what it saw; what is missing raises NotSeen."""

    name: str
    breaks: str
    expected: str
    act: Callable[["Stage"], None]


class NotSeen(RuntimeError):
    """What was expected did not happen in time."""


class Stage(Struct, kw_only=True):
    """What a drill works with: how it tells, waits, and reaches the exchange and the processes."""

    say: Callable[[str], None]
    wait: Callable[[Callable[[], bool], str, float], float]
    fault: Callable[..., None]
    engine_pid: Callable[[], int]

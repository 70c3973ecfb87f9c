"""An event loop whose clock jumps to the next timer as soon as nothing is read from a socket."""

import asyncio
import selectors
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

# A database that says nothing for so long (real seconds) is waiting for a lock that nobody will give back.
STUCK_S = 30.0


class Stuck(AssertionError):
    """Nothing can happen any more."""


class _Selector(selectors.DefaultSelector):
    """Waits for sockets in real time; where there is none to wait for, time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        # The loop's own wake-up is always registered.
        if timeout is None or len(self.get_map()) > 1:
            ready = super().select(STUCK_S)
            if not ready:
                raise Stuck("no task can go on: a lock in the database is never given back")
            return ready
        self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`began_ns` is the wall clock's time at its beginning."""

    def __init__(self, began_ns: int) -> None:
        self._virtual = _Selector()
        self._offset_ns = began_ns - int(self._virtual.now_s * 1e9)
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def monotonic_ns(self) -> int:
        return int(self._virtual.now_s * 1e9)

    def time_ns(self) -> int:
        return self.monotonic_ns() + self._offset_ns

    def clock(self) -> SimpleNamespace:
        """What stands in for the module `time`."""
        return SimpleNamespace(monotonic=self.time, monotonic_ns=self.monotonic_ns, time_ns=self.time_ns)


@contextmanager
def virtual_time(began_ns: int) -> Iterator[VirtualLoop]:
    """A loop of its own, whose time is the engine's as well."""
    from bots.engine import venues  # noqa: F401 - with all that it needs

    reading = [module for name, module in sys.modules.items() if name.startswith("bots.") and _reads(module)]
    loop = VirtualLoop(began_ns)
    with pytest.MonkeyPatch.context() as patch:
        for module in reading:
            patch.setattr(module, "time", loop.clock())
        try:
            yield loop
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()


def _reads(module: ModuleType) -> bool:
    return getattr(module, "time", None) is time


def run_in(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    return loop.run_until_complete(work)

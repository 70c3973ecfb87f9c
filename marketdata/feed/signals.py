"""Signals of the feed process: the first SIGTERM or SIGINT stops gently, a second one at once; SIGHUP reads again."""

import asyncio
import signal
import sys
from collections.abc import Callable


class Signals:
    """Must be made inside a running loop. `stop` is set when the process is asked to end."""

    def __init__(self, *, reload: Callable[[], None]) -> None:
        self.stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._gently, name)
        loop.add_signal_handler(signal.SIGHUP, reload)

    def _gently(self, name: signal.Signals) -> None:
        if self.stop.is_set():
            sys.exit(128 + name)
        self.stop.set()

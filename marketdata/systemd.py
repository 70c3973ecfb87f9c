"""Telling a supervisor how the process is: systemd's notification protocol, in the standard library.

Source: sd_notify(3). Without NOTIFY_SOCKET everything here does nothing.
"""

import os
import socket
import time
from collections.abc import Mapping

# What must not be lost may hold the process up for so long; the rest comes again.
_WAIT_S = 0.5


class Notifier:
    """Sends states to the socket that the supervisor named. A supervisor that is away is no reason to stop."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._watchdog_s = _watchdog_s(environ)
        self._beat_s = 0.0
        self._status = ""

    def ready(self) -> None:
        self._send("READY=1", wait_s=_WAIT_S)

    def reloading(self, monotonic_ns: int) -> None:
        """Follow it with `ready` when all was read again. `monotonic_ns`: of CLOCK_MONOTONIC."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns // 1000}", wait_s=_WAIT_S)

    def stopping(self) -> None:
        self._send("STOPPING=1", wait_s=_WAIT_S)

    def status(self, text: str) -> None:
        """One line for `systemctl status`, sent when it changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text.splitlines()[0] if text else ''}")

    def beat(self, now_s: float) -> None:
        """Call often: half as often as the watchdog allows, it hears that we live. `now_s` is monotonic."""
        if self._watchdog_s and now_s - self._beat_s >= self._watchdog_s / 2:
            self._beat_s = now_s
            self._send("WATCHDOG=1")

    def _send(self, text: str, *, wait_s: float = 0.0) -> None:
        """`wait_s`: how long it may take a busy supervisor to make room for it."""
        if not self._address:
            return
        # A leading @ is systemd's spelling of an abstract address.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(wait_s)
                out.sendto(text.encode(), address)
        except OSError:
            return


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """How often the supervisor wants to hear of us; 0: never. WATCHDOG_PID tells whom it means."""
    text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not text.isdecimal() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(text) / 1e6


def monotonic_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

"""Child processes that do not outlive us, even after `kill -9`."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import IO

import psutil

from tradingsite.servers.account import Account

PR_SET_PDEATHSIG = 1
# Below the range the system hands out to outgoing connections, so that none takes the port before the server does.
PORTS = range(20_000, 32_000)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """What a child calls before exec: the kernel sends it death_signal when the thread that started it ends.

    Linux only; elsewhere a leftover is stopped by the next start.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if LIBC is None:
            return
        LIBC.prctl(PR_SET_PDEATHSIG, death_signal.value)
        # The parent may have died before the line above.
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    cwd: Path,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start command in a session of its own, so that a terminal's Ctrl-C reaches only us. Call from the main thread."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent(death_signal),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def stop(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send each (signal, seconds to wait) until the process has ended, then kill."""
    for number, wait_s in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=wait_s)
            return
    process.kill()
    process.wait()


def stop_leftover(pid_file: Path, *, folder: Path, number: signal.Signals) -> None:
    """Stop the process named by pid_file when it works inside folder; a recycled pid is left alone."""
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n")[0]))
        # Not the command line: Valkey overwrites its own.
        if not Path(process.cwd()).is_relative_to(folder):
            return
        process.send_signal(number)
        try:
            process.wait(timeout=15)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return


def free_port() -> int:
    random = SystemRandom()
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(ready: Callable[[], bool], *, timeout_s: float, alive: Callable[[], bool]) -> bool:
    """Ask `ready` every 20 ms; gives False when time is up or the process is no longer alive."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and alive():
        if ready():
            return True
        time.sleep(0.02)
    return False

"""Watching processes that tests start."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def said(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")


def wait_for(
    happened: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path, *, timeout_s: float = 60
) -> None:
    """Until it happened; fails when the process ends first or time is up, with what it said."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert process.poll() is None, f"ended with code {process.returncode}: {said(folder)}"
        assert time.monotonic() < deadline, said(folder)
        time.sleep(0.1)

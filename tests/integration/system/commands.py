"""The site's commands as real processes, each with its output in a file."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]


class Command:
    """One running command."""

    def __init__(self, arguments: tuple[str, ...], *, log: Path, env: Mapping[str, str]) -> None:
        self.name = arguments[0]
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """What `--json` printed under this name, oldest first."""
        lines = [line for line in self.said.splitlines() if line.startswith('{"')]
        return [found for line in lines if (found := json.loads(line)).get("event") == name]

    def until(self, happened: Callable[[], Any], *, timeout_s: float = PATIENCE_S, every_s: float = 0.1) -> Any:
        """The first true answer; fails with the output when the command ends or time is up before."""
        deadline = time.monotonic() + timeout_s
        while not (answer := happened()):
            assert self.process.poll() is None, f"ended with code {self.process.returncode}: {self.said[-4000:]}"
            assert time.monotonic() < deadline, f"what was waited for did not happen: {self.said[-4000:]}"
            time.sleep(every_s)
        return answer

    def kill(self) -> None:
        """As a crash or the out-of-memory killer would end it."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> int:
        """Stop gently; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)


class Commands:
    """Starts commands in one environment, and ends what is left of them."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._started: list[Command] = []
        self.env = dict(os.environ) | dict(env)

    def start(self, *arguments: str, **env: str) -> Command:
        """Run Python with these arguments, e.g. "manage.py", "runfeed"."""
        log = self._folder / f"{len(self._started)}.log"
        command = Command(arguments, log=log, env=self.env | env)
        self._started.append(command)
        return command

    def manage(self, *arguments: str, **env: str) -> Command:
        return self.start("manage.py", *arguments, **env)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.env | env, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip

    def stop(self) -> None:
        for command in self._started:
            command.kill()

"""What `runlocal` prints: one stream of lines, each beginning with the process it comes from."""

import os
import sys
from typing import TextIO

COLOURS = {"exchange": 35, "web": 36, "feed": 34, "engine": 32, "monitor": 33, "jobs": 95, "beat": 90, "runlocal": 97}
NAME_WIDTH = max(len(name) for name in COLOURS)
WARNING_COLOUR = 31


class Console:
    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.coloured = "NO_COLOR" not in os.environ and (self.stream.isatty() or "FORCE_COLOR" in os.environ)

    def line(self, name: str, text: str) -> None:
        """One line of a process."""
        prefix = f"{name:<{NAME_WIDTH}} │"
        if self.coloured:
            prefix = f"\033[{COLOURS.get(name, 37)}m{prefix}\033[0m"
        self.write(f"{prefix} {text}")

    def say(self, text: str) -> None:
        self.line("runlocal", text)

    def warn(self, text: str) -> None:
        self.line("runlocal", f"\033[{WARNING_COLOUR}m{text}\033[0m" if self.coloured else text)

    def banner(self, lines: list[str]) -> None:
        """What a person must not miss."""
        rule = "─" * max(len(line) for line in lines)
        self.write("\n".join(["", rule, *lines, rule, ""]))

    def write(self, text: str) -> None:
        try:
            print(text, file=self.stream, flush=True)
        except BrokenPipeError:
            # `make run | head`: nobody reads any more, and the processes go on until they are told to stop.
            self.stream = open(os.devnull, "w")  # noqa: SIM115 - stands in for stdout until we end

"""What `trainmodel` prints: a progress bar for people, JSON lines for programs."""

import json
import sys
from types import FrameType, TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from quant.learning.watch import Cancelled
from quant.models import TrainingRun


class Interrupted:
    """Remembers a signal; the training ends at its next look."""

    def __init__(self) -> None:
        self.code = 0

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.code = 128 + number


class ConsoleWatch:
    """A `Watch`, and the bar that it moves."""

    def __init__(self, *, as_json: bool, interrupted: Interrupted) -> None:
        self.as_json = as_json or not sys.stdout.isatty()
        self._interrupted = interrupted
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            console=Console(markup=False, highlight=False), disable=self.as_json,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=1.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def say(self, share: float, words: str) -> None:
        self._progress.update(self._task, completed=share, description=words)
        if self.as_json:
            _line({"event": "progress", "share": round(share, 4), "phase": words})
        self.check()

    def check(self) -> None:
        if self._interrupted.code:
            raise Cancelled


def report(run: TrainingRun, *, as_json: bool) -> None:
    """How it ended."""
    version = getattr(run, "version", None)
    refusals = [] if version is None else version.refusals
    if as_json:
        _line(
            {"event": "end", "run": run.pk, "state": run.state, "error": run.error, "metrics": run.metrics}
            | {"model": None if version is None else str(version), "refusals": refusals}
        )
        return
    console = Console(markup=False, highlight=False)
    console.print(run.error or run.phase)
    if version is not None:
        holdout = run.metrics["holdout"]
        console.print(
            f"On the holdout: skill {holdout['skill']:+.2%} (logistic regression {holdout['baseline_skill']:+.2%}), "
            f"{holdout['trades']} trades"
            + ("" if holdout["mean_bps"] is None else f" of {holdout['mean_bps']:+.1f} bps after costs")
        )
        for sentence in refusals:
            console.print(f"  against it: {sentence}")


def _line(fields: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()

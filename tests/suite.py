"""`make test`: most tests side by side, then those whose clocks must not be disturbed, then each that needs the machine.

    python -m tests.suite --workers 3 tests/unit -q

Processes and sockets on a machine without time to spare fail for reasons that say nothing about them: a few integration
or browser tests that failed are run once more when the others are through, and are named at the end with both results. A
unit test's failure is final. This module is pytest's plugin too, that tells which tests failed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OUTCOME = "TESTS_OUTCOME_FILE"
ONLY_FILES = "TESTS_ONLY_FILES"
LATER = ("punctual", "alone")
TRIED_AGAIN = ("tests/integration/", "tests/browser/")
OK, FAILED, NONE_FOUND = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED

_failed: set[str] = set()
# Files with tests of later phases: to collect all others again would cost every process a quarter of a minute.
_later: set[str] = set()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path.suffix != ".py" or ONLY_FILES not in os.environ:
        return None
    # What was named must be found.
    named = {str((config.invocation_params.dir / argument.split("::")[0]).resolve()) for argument in config.args}
    return None if str(collection_path) in {*os.environ[ONLY_FILES].split(os.pathsep), *named} else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _later.update(str(item.path) for item in items if any(item.get_closest_marker(name) for name in LATER))
    if hasattr(config, "workeroutput"):
        config.workeroutput["later"] = sorted(_later)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _later.update(getattr(node, "workeroutput", {}).get("later", []))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Processes of pytest-xdist tell their controller.
    if OUTCOME in os.environ and not hasattr(session.config, "workerinput"):
        was_cut_short = bool(session.shouldfail or session.shouldstop)
        Path(os.environ[OUTCOME]).write_text(
            json.dumps({"failed": sorted(_failed), "later": sorted(_later), "was_cut_short": was_cut_short})
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    options: Sequence[str]
    # More failures than these have another cause than a busy machine.
    most_again: int
    how_failed: str


def run_pytest(arguments: Sequence[str]) -> tuple[int, list[str]]:
    """Exit code, and the failed tests; of a run that was cut short none, as what did not run cannot pass.

    After a whole run the next ones look only at the files of later phases.
    """
    with tempfile.TemporaryDirectory(prefix="tests-outcome-") as folder:
        outcome = Path(folder) / "outcome.json"
        command = [sys.executable, "-m", "pytest", "-p", "tests.suite", *arguments]
        code = subprocess.run(command, env=os.environ | {OUTCOME: str(outcome)}, check=False).returncode
        told: dict[str, Any] = json.loads(outcome.read_text()) if outcome.exists() else {"was_cut_short": True}
    if told["was_cut_short"]:
        return code, []
    os.environ.setdefault(ONLY_FILES, os.pathsep.join(told["later"]))
    return code, list(told["failed"])


def may_try_again(code: int, failed: Sequence[str], *, most: int) -> bool:
    return code == FAILED and 0 < len(failed) <= most and all(name.startswith(TRIED_AGAIN) for name in failed)


def run(phase: Phase, arguments: Sequence[str]) -> tuple[int, list[str]]:
    """Exit code, and lines about tests that passed only when tried again."""
    code, failed = run_pytest([*phase.options, *arguments])
    if not may_try_again(code, failed, most=phase.most_again):
        return code, []
    how_many = "1 test" if len(failed) == 1 else f"{len(failed)} tests"
    print(f"\n{how_many} failed {phase.how_failed}; once more without others:", *failed, sep="\n  ", flush=True)
    code = subprocess.run([sys.executable, "-m", "pytest", *failed], check=False).returncode
    if code != OK:
        return code, []
    return OK, [f"{how_many} failed {phase.how_failed} and passed alone: {', '.join(failed)}"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description=__doc__, allow_abbrev=False)
    parser.add_argument("--workers", default="3", help="processes side by side")
    options, arguments = parser.parse_known_args()
    # Ctrl-C is pytest's, which stops its servers.
    signal.signal(signal.SIGINT, lambda *_: None)
    # Most tests wait for sockets: three at a time keep two cores busy. A file stays together, so do its servers.
    beside = ["-n", options.workers, "--dist", "loadfile", "-m"]
    codes: list[int] = []
    notes: list[str] = []
    for phase in (
        Phase(options=[*beside, "not alone and not punctual"], most_again=10, how_failed="beside others"),
        Phase(options=[*beside, "punctual"], most_again=5, how_failed="beside others"),
        Phase(options=["-m", "alone"], most_again=5, how_failed="at first"),
    ):
        code, lines = run(phase, arguments)
        codes.append(code)
        notes += lines
        if code not in (OK, NONE_FOUND) or os.environ.get(ONLY_FILES) == "":
            break
    print(*notes, sep="\n", end="\n" if notes else "")
    # In some phase there may be none of what was asked for.
    return NONE_FOUND if set(codes) == {NONE_FOUND} else max(code for code in codes if code != NONE_FOUND)


if __name__ == "__main__":
    sys.exit(main())

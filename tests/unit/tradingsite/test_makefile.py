"""Every documented target of the Makefile is one that make can follow."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
TARGETS = re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE)


def test_the_promised_targets_are_there():
    assert {"run", "test", "lint", "bench", "lock"} <= set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_what_to_do_for(target):
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", target], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

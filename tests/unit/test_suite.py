"""A second try: for integration tests that failed beside others, never for unit tests, and never hidden."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
FAILS_ONCE = """
from pathlib import Path

def test_it():
    tried = Path("tried")
    if not tried.exists():
        tried.touch()
        raise AssertionError("the first time")
"""
FAILS = "def test_it(): raise AssertionError('always')"
ELEVEN = "\n".join(f"def test_{n}(): raise AssertionError('always')" for n in range(11))
PASSES = "def test_it(): pass"
ALONE = f"import pytest\npytestmark = pytest.mark.alone\n{FAILS_ONCE}"


@pytest.mark.parametrize(
    ("kind", "text", "options", "code", "told"),
    [
        ("integration", PASSES, [], 0, []),
        ("integration", FAILS_ONCE, [], 0, ["once more", "1 test failed beside others and passed alone: tests/integr"]),
        ("browser", ALONE, [], 0, ["once more", "1 test failed at first and passed alone: tests/browser"]),
        ("integration", FAILS, [], 1, ["once more"]),
        ("unit", FAILS_ONCE, [], 1, []),
        ("integration", ELEVEN, [], 1, []),
        ("integration", ALONE, ["-x"], 1, []),
        ("integration", PASSES, ["-k", "nothing_such"], 5, []),
    ],
)
def test_who_gets_a_second_try(tmp_path, kind, text, options, code, told):
    folder = tmp_path / "tests" / kind
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tests.suite", "--workers", "0", *options],
        cwd=tmp_path, env=os.environ | QUICK, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    for words in ("once more", "and passed alone"):
        assert (words in done.stdout) == any(words in line for line in told)
    assert all(words in done.stdout for words in told)
    assert ("AssertionError" in done.stdout) == (text is not PASSES)

"""Which code made a model."""

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def code_revision() -> str:
    """The commit, with + where files differ from it; CODE_REVISION of an image; or "unknown"."""
    if named := os.environ.get("CODE_REVISION", ""):
        return named[:64]
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(("git", *arguments), cwd=ROOT, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()

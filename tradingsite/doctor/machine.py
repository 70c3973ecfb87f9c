"""Checks of this machine: Python, packages, disk, files for browsers."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from packaging.requirements import Requirement

from tradingsite.doctor.finding import Finding, failed, fine, warning
from tradingsite.servers.account import present_data_folder

PYTHON_MIN = (3, 11)
DISK_FREE_LOW_GB, DISK_FREE_MIN_GB = 2, 0.2


def check_python() -> Finding:
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return failed("python", running, "Python 3.11 or newer is needed.")
    return fine("python", running)


def check_packages() -> Finding:
    """Installed packages against requirements.txt."""
    wanted = list(locked_requirements(settings.BASE_DIR / "requirements.txt"))
    wrong = [f"{wish.name} {found} instead of {wish.specifier}" for wish in wanted if (found := unmet(wish))]
    if wrong:
        return failed("packages", "; ".join(wrong[:5]), "Run `make install`.")
    return fine("packages", f"{len(wanted)} as locked")


def locked_requirements(path: Path) -> Iterator[Requirement]:
    """What the lock wants on this platform."""
    for line in path.read_text().splitlines():
        if line[:1].isalnum():
            wish = Requirement(line.rstrip(" \\"))
            if wish.marker is None or wish.marker.evaluate():
                yield wish


def unmet(wish: Requirement) -> str:
    """What is installed instead; empty when the wish is met."""
    try:
        installed = version(wish.name)
    except PackageNotFoundError:
        return "missing"
    return "" if wish.specifier.contains(installed, prereleases=True) else installed


def check_disk() -> Finding:
    folder = present_data_folder(settings.LOCAL_DIR)
    free_gb = shutil.disk_usage(folder).free / 1e9
    message = f"{free_gb:.1f} GB free at {folder}"
    if free_gb < DISK_FREE_MIN_GB:
        return failed("disk", message, "Free space: without it nothing can be stored, and no order is sent.")
    if free_gb < DISK_FREE_LOW_GB:
        return warning("disk", message, "Free space, or lower SIGNAL_RETENTION_DAYS.")
    return fine("disk", message)


def check_recordings() -> Finding:
    """The folder where the feed records raw frames, when it is to."""
    if not settings.RECORD_DIR:
        return fine("recordings", "nothing is recorded (RECORD_DIR)")
    folder = Path(settings.RECORD_DIR)
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        return failed("recordings", f"{folder} cannot be written", "Give the user of the feed a folder in RECORD_DIR.")
    free_gb = shutil.disk_usage(parent).free / 1e9
    message = f"{free_gb:.1f} GB free at {folder}"
    if free_gb < DISK_FREE_LOW_GB:
        return warning("recordings", message, "A busy venue fills some GB a day: move old recordings away.")
    return fine("recordings", message)


def check_charts() -> Finding:
    if not any(Path(settings.CHART_DIR).glob("*.standalone.production.*")):
        return warning("charts", "the chart library is missing", "Run `npm ci`; all but the charts works without it.")
    return fine("charts", "lightweight-charts is installed")


def check_static_files() -> Finding:
    if not settings.STATIC_HASHED:
        return fine("pages", "files are served from their sources")
    if not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        return failed("pages", f"no files in {settings.STATIC_ROOT}", "Run `manage.py collectstatic`, or `make run`.")
    return fine("pages", f"files collected in {settings.STATIC_ROOT}")

"""Files in LOCAL_DIR by which other commands find a running installation."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tradingsite.environment import SERVERS_FILE

PROCESSES_FILE = "processes.json"
LOGIN_FILE = "login.txt"
LOCK_FILE = "runlocal.lock"


class AlreadyRunning(Exception):
    """Another runlocal holds LOCAL_DIR; the message names it."""


def take_lock(local_dir: Path) -> IO[bytes]:
    """Hold LOCAL_DIR until the file is closed or the process ends. Raises AlreadyRunning."""
    local_dir.mkdir(parents=True, exist_ok=True)
    lock = (local_dir / LOCK_FILE).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        running = read_processes(local_dir)
        raise AlreadyRunning(
            f"Already running as process {running.get('supervisor', '?')} at {running.get('site', 'an unknown address')}. "
            "Use that one, stop it with Ctrl-C in its terminal, or give this one its own LOCAL_DIR and PORT."
        ) from None
    return lock


def write_servers(local_dir: Path, servers: Mapping[str, str]) -> None:
    """Addresses and passwords, for settings of commands in other terminals. Readable by the owner only."""
    write_private(local_dir / SERVERS_FILE, json.dumps(servers, indent=2))


def write_processes(local_dir: Path, *, site: str, children: Mapping[str, int]) -> None:
    content = {"supervisor": os.getpid(), "site": site, "children": dict(children)}
    write_private(local_dir / PROCESSES_FILE, json.dumps(content, indent=2))


def read_processes(local_dir: Path) -> dict[str, Any]:
    """supervisor (pid), site (address), children ({name: pid}); empty when nothing runs."""
    try:
        content = json.loads((local_dir / PROCESSES_FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def remove_state(local_dir: Path) -> None:
    for name in (SERVERS_FILE, PROCESSES_FILE):
        (local_dir / name).unlink(missing_ok=True)


def write_private(path: Path, content: str) -> None:
    """Replace path as a whole: a reader sees the old content or the new."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    new.replace(path)

"""Reading settings: the environment first, then what `manage.py runlocal` wrote, checked against their range.

Every error is an ImproperlyConfigured that names the variable, the value and what is allowed.
"""

import json
import os
import secrets
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

SERVERS_FILE = "servers.json"
SECRET_KEY_FILE = "secret_key"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def number(name: str, default: float, *, low: float, high: float) -> float:
    """A number in [low, high]."""
    text = os.environ.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(f"{name}={text!r}: allowed is a number from {low:g} to {high:g}.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}={text!r}: allowed is a number from {low:g} to {high:g}.")
    return value


def integer(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number in [low, high]."""
    text = os.environ.get(name, "").strip()
    message = f"{name}={text!r}: allowed is a whole number from {low} to {high}."
    try:
        value = int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(message) from None
    if not low <= value <= high:
        raise ImproperlyConfigured(message)
    return value


def switch(name: str, *, default: bool) -> bool:
    """true or false, in the usual spellings."""
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in ("true", "1", "yes", "on"):
        return True
    if text in ("false", "0", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name}={text!r}: allowed is true or false.")


def choice(name: str, default: str, *, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name, "").strip() or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: allowed is one of {', '.join(allowed)}.")
    return value


def choices(name: str, default: str, *, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Some of `allowed`, separated by commas. "none" is none of them."""
    value = os.environ.get(name, "").strip() or default
    chosen = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if chosen == ("none",):
        return ()
    for part in chosen:
        if part not in allowed:
            raise ImproperlyConfigured(f"{name}={value!r}: {part!r} is not among {', '.join(allowed)} (or none).")
    return chosen


def url(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    """An address with a host and one of the schemes; an empty one is kept empty."""
    value = os.environ.get(name, "").strip() or default
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.netloc:
        shown = value if "@" not in value else f"{parts.scheme}://…@{value.rsplit('@', 1)[1]}"
        raise ImproperlyConfigured(f"{name}={shown!r}: allowed is an address starting {'://, '.join(schemes)}://.")
    return value.rstrip("/")


def words(name: str, default: list[str]) -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()] or default


def read_servers_file(local_dir: Path) -> dict[str, str]:
    """What a running `manage.py runlocal` wrote: database_url, redis_url, simulator_url. Empty without it."""
    try:
        content = (local_dir / SERVERS_FILE).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        raise ImproperlyConfigured(
            f"{local_dir / SERVERS_FILE} belongs to another user. Run as the user of `make run`, or set DATABASE_URL."
        ) from None
    try:
        return cast(dict[str, str], json.loads(content))
    except json.JSONDecodeError as error:
        raise ImproperlyConfigured(
            f"{local_dir / SERVERS_FILE} is damaged ({error}). Delete it and run `make run`."
        ) from None


def secret_key(local_dir: Path) -> str:
    """SECRET_KEY from the environment, else from a 0600 file in local_dir, made on first use."""
    if given := os.environ.get("SECRET_KEY", "").strip():
        return given
    path = local_dir / SECRET_KEY_FILE
    local_dir.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of several processes starting at once one writes, the others read.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key

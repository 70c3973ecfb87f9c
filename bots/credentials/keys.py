"""The installation's own keys, which seal those of accounts: from the settings, else from a file outside the database."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings
from msgspec import Struct

KEYS_FILE = "account_keys"
HOW_TO_MAKE = '`python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"` makes one'


class BadKeys(RuntimeError):
    """The installation's keys cannot be used; says where they are and what to do."""


class Keyring(Struct, frozen=True, kw_only=True):
    """Keys for Fernet, the one that seals first. `where` names their place for people."""

    keys: tuple[str, ...]
    where: str

    def __repr__(self) -> str:
        return f"Keyring({len(self.keys)} from {self.where})"

    __str__ = __repr__

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(key_id(key) for key in self.keys)


def key_id(key: str) -> str:
    """Names a key without telling it: 8 hexadecimal digits of its hash."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def keys_path() -> Path:
    return Path(settings.LOCAL_DIR) / KEYS_FILE


def keyring() -> Keyring:
    """The keys as they are now; empty where nothing was ever sealed here. Raises BadKeys."""
    if settings.ACCOUNT_KEYS:
        return _checked(settings.ACCOUNT_KEYS, "ACCOUNT_KEYS")
    path = keys_path()
    try:
        is_open = path.stat().st_mode & 0o077
        text = path.read_text()
    except FileNotFoundError:
        return Keyring(keys=(), where=str(path))
    except PermissionError:
        raise BadKeys(f"{path} belongs to another user: run as the user of the installation.") from None
    if is_open:
        raise BadKeys(f"{path} can be read by other users of this machine: run `chmod 600 {path}`.")
    return _checked([line.strip() for line in text.splitlines() if line.strip()], str(path))


def keyring_to_seal() -> Keyring:
    """As keyring(); makes the file with a first key where there are none."""
    found = keyring()
    if found.keys:
        return found
    path = keys_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft([Fernet.generate_key().decode()])
    try:
        # A link fails where the file is there: of several processes that come at once one makes it, the others read.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return keyring()


def add_key() -> Keyring:
    """Put a new key before those of the file. Raises BadKeys where the keys come from the settings."""
    if settings.ACCOUNT_KEYS:
        raise BadKeys(
            "The keys come from ACCOUNT_KEYS: put a new one first there for every process, the old ones after it, "
            f"restart, and run this without --generate. {HOW_TO_MAKE}."
        )
    present = keyring()
    os.replace(_draft([Fernet.generate_key().decode(), *present.keys]), keys_path())
    return keyring()


def _draft(keys: Sequence[str]) -> Path:
    """A complete file beside the real one, on disk and for its user alone."""
    descriptor, name = tempfile.mkstemp(dir=keys_path().parent, prefix=f"{KEYS_FILE}.")
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _checked(keys: Sequence[str], where: str) -> Keyring:
    for number, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise BadKeys(
                f"Key {number} in {where} is not a key (32 bytes in URL-safe base64): {HOW_TO_MAKE}."
            ) from None
    return Keyring(keys=tuple(keys), where=where)

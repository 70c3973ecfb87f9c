"""The account servers run under, and where their data lies.

PostgreSQL refuses to run as root, so under root both servers get an unprivileged account, with their data outside
root's home, which that account cannot enter.
"""

import os
import pwd
import secrets
from dataclasses import dataclass
from pathlib import Path

from tradingsite.servers.errors import ServersFailed

ROOT_DATA_DIR = Path("/var/lib/tradingsite")
POINTER_FILE = "servers_folder"
ACCOUNT_NAMES = ("nobody", "daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """The account to change to; None when we are not root and servers run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise ServersFailed(
        f"PostgreSQL does not run as root and this machine has no account {' or '.join(ACCOUNT_NAMES)}. "
        "Run as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def make_folder(path: Path, account: Account | None) -> Path:
    """A folder only its account can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account:
        account.own(path)
    return path


def present_data_folder(local_dir: Path) -> Path:
    """Where data of local_dir lie or will lie, by what is there; makes nothing."""
    pointer = local_dir / POINTER_FILE
    if pointer.exists():
        folder = Path(pointer.read_text().strip())
    else:
        folder = ROOT_DATA_DIR if os.geteuid() == 0 else local_dir
    return next(path for path in (folder, *folder.parents) if path.exists())


def data_folder(local_dir: Path, account: Account | None) -> Path:
    """Where the servers of local_dir keep their data, made when missing."""
    if account is None:
        return make_folder(local_dir / "servers", None)
    # The random name belongs to this local_dir: deleting that and starting anew does not find an old database.
    pointer = local_dir / POINTER_FILE
    if pointer.exists():
        return make_folder(Path(pointer.read_text().strip()), account)
    ROOT_DATA_DIR.mkdir(parents=True, exist_ok=True)
    folder = make_folder(ROOT_DATA_DIR / secrets.token_hex(6), account)
    pointer.write_text(str(folder))
    return folder

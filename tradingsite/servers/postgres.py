"""An embedded PostgreSQL: made once, started on a free loopback port, stopped cleanly."""

import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from tradingsite.servers.account import Account, make_folder
from tradingsite.servers.binaries import Binaries
from tradingsite.servers.children import free_port, spawn, stop, stop_leftover, wait_until
from tradingsite.servers.errors import ServersFailed

NAME = "tradingsite"
START_TIMEOUT_S = 60
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may not be longer than about 100 bytes
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_messages": "warning",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One cluster in `folder`. durable=False trades safety after a crash for speed: for tests."""

    def __init__(self, *, folder: Path, account: Account | None, durable: bool) -> None:
        self.folder = folder
        self.account = account
        self.durable = durable
        self.data = folder / "postgres"
        self.password_file = folder / "postgres_password"
        self.log = folder / "postgres.log"
        self.port = free_port()
        self.password = self.password_file.read_text() if self.password_file.exists() else secrets.token_urlsafe(24)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://{NAME}:{self.password}@127.0.0.1:{self.port}/{NAME}"

    def start(self, binaries: Binaries) -> None:
        """Start, creating cluster and database when missing. Raises ServersFailed with the log's end."""
        self.refuse_another_version(binaries)
        if not self.data.exists():
            self.create(binaries)
        stop_leftover(self.data / "postmaster.pid", folder=self.folder, number=signal.SIGINT)
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE)
        command = [str(binaries.postgres_bin / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            # SIGINT is PostgreSQL's fast shutdown: it ends its own children and writes a clean state.
            process = self.process = spawn(
                command,
                death_signal=signal.SIGINT,
                cwd=self.folder,
                env=ENVIRONMENT,
                output=log,
                account=self.account,
            )
        if not wait_until(self.answers, timeout_s=START_TIMEOUT_S, alive=lambda: process.poll() is None):
            self.stop()
            raise ServersFailed(f"PostgreSQL did not start. The end of {self.log}:\n{tail(self.log)}")
        self.create_database()

    def stop(self) -> None:
        if self.process:
            stop(self.process, (signal.SIGINT, 20), (signal.SIGQUIT, 5))
            self.process = None

    def create(self, binaries: Binaries) -> None:
        # Made under another name and renamed: an interrupted initdb is not mistaken for a cluster.
        unfinished = self.folder / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_folder(unfinished, self.account)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password)
        if self.account:
            self.account.own(self.password_file)
        done = subprocess.run(
            [
                str(binaries.postgres_bin / "initdb"), "-D", str(unfinished), "-U", NAME, "-A", "scram-sha-256",
                f"--pwfile={self.password_file}", "-E", "UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--no-instructions", *([] if self.durable else ["--no-sync"]),
            ],
            cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
            user=self.account.uid if self.account else None, group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )  # fmt: skip
        if done.returncode != 0:
            raise ServersFailed(f"PostgreSQL could not create its data in {self.data}:\n{done.stderr.strip()}")
        unfinished.rename(self.data)

    def refuse_another_version(self, binaries: Binaries) -> None:
        version_file = self.data / "PG_VERSION"
        if not version_file.exists():
            return
        program = subprocess.run(
            [str(binaries.postgres_bin / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout
        program_version, data_version = program.split()[2].split(".")[0], version_file.read_text().strip()
        if program_version != data_version:
            raise ServersFailed(
                f"{self.data} was written by PostgreSQL {data_version}, installed is {program_version}. "
                "Dump it with the old version and load it into the new, or move the folder away to start empty."
            )

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))

    def url_of(self, database: str) -> str:
        return f"postgres://{NAME}:{self.password}@127.0.0.1:{self.port}/{database}"


def tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"

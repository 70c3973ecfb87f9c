"""Both servers together: one lock, one folder, started and stopped as one."""

import fcntl
from pathlib import Path
from typing import IO

from tradingsite.servers.account import data_folder, server_account
from tradingsite.servers.binaries import find_binaries
from tradingsite.servers.errors import ServersBusy
from tradingsite.servers.postgres import Postgres
from tradingsite.servers.valkey import Valkey


class EmbeddedServers:
    """PostgreSQL and Valkey whose data belong to local_dir.

    The addresses are known before start(), so that settings can be written first. On Linux the servers end with the
    thread that called start(), however that ends.
    """

    def __init__(self, *, local_dir: Path, durable: bool = True, postgres: bool = True, valkey: bool = True) -> None:
        """postgres, valkey: which of the two to run, when the other is given from outside."""
        local_dir.mkdir(parents=True, exist_ok=True)
        self.account = server_account()
        self.folder = data_folder(local_dir, self.account)
        self.postgres = Postgres(folder=self.folder, account=self.account, durable=durable)
        self.valkey = Valkey(folder=self.folder, account=self.account)
        self.chosen: list[Postgres | Valkey] = [
            server for server, wanted in ((self.valkey, valkey), (self.postgres, postgres)) if wanted
        ]
        self.lock: IO[bytes] | None = None

    @property
    def names(self) -> list[str]:
        return [type(server).__name__ for server in self.chosen]

    @property
    def database_url(self) -> str:
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        return self.valkey.url

    def start(self) -> None:
        """Start both. Raises ServersBusy when another process runs them, ServersFailed when one does not start."""
        self.take_lock()
        binaries = find_binaries(self.account, self.folder)
        try:
            for server in self.chosen:
                server.start(binaries)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both; harmless when they do not run."""
        for server in reversed(self.chosen):
            server.stop()
        if self.lock:
            self.lock.close()
            self.lock = None

    def take_lock(self) -> None:
        lock = (self.folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServersBusy(
                f"The servers in {self.folder} are already run by another process, most likely `make run` in another "
                "terminal. Stop that one first, or give this one its own LOCAL_DIR."
            ) from None
        self.lock = lock

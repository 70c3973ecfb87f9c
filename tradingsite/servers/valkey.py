"""An embedded Valkey on a free loopback port. It keeps nothing on disk: what must last is in PostgreSQL."""

import secrets
import signal
import subprocess
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tradingsite.servers.account import Account
from tradingsite.servers.binaries import Binaries
from tradingsite.servers.children import free_port, spawn, stop, stop_leftover, wait_until
from tradingsite.servers.errors import ServersFailed
from tradingsite.servers.postgres import ENVIRONMENT, tail

START_TIMEOUT_S = 30
CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
pidfile "{folder}/valkey.pid"
save ""
appendonly no
"""


class Valkey:
    def __init__(self, *, folder: Path, account: Account | None) -> None:
        self.folder = folder
        self.account = account
        self.config = folder / "valkey.conf"
        self.log = folder / "valkey.log"
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self, binaries: Binaries) -> None:
        """Start and wait until it answers. Raises ServersFailed with the log's end."""
        stop_leftover(self.folder / "valkey.pid", folder=self.folder, number=signal.SIGTERM)
        # In a file, because everybody on the machine can read a command line.
        self.config.touch(mode=0o600)
        self.config.write_text(CONFIG.format(port=self.port, password=self.password, folder=self.folder))
        if self.account:
            self.account.own(self.config)
        with self.log.open("ab") as log:
            process = self.process = spawn(
                [str(binaries.valkey_server), str(self.config)],
                death_signal=signal.SIGTERM,
                cwd=self.folder,
                env=ENVIRONMENT,
                output=log,
                account=self.account,
            )
        if not wait_until(self.answers, timeout_s=START_TIMEOUT_S, alive=lambda: process.poll() is None):
            self.stop()
            raise ServersFailed(f"Valkey did not start. The end of {self.log}:\n{tail(self.log)}")

    def stop(self) -> None:
        if self.process:
            stop(self.process, (signal.SIGTERM, 5))
            self.process = None

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

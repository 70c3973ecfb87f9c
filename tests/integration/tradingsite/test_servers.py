"""The embedded servers: quick, private, and gone with the process that started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.patience import PATIENCE_S
from tradingsite.servers import EmbeddedServers, ServersBusy, binaries
from tradingsite.servers.account import Account
from tradingsite.servers.children import stop_leftover

STARTS_AND_WAITS = """
import sys
from pathlib import Path
from tradingsite.servers import EmbeddedServers
servers = EmbeddedServers(local_dir=Path(sys.argv[1]), durable=False)
servers.start()
print(servers.postgres.process.pid, servers.valkey.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def local_dir(tmp_path):
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    yield folder
    from tests.conftest import remove

    remove(folder)


def test_a_row_survives_a_restart_in_a_path_with_spaces(local_dir):
    servers = EmbeddedServers(local_dir=local_dir, durable=False)
    servers.start()
    try:
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE notes AS SELECT 'kept' AS text")
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
    finally:
        servers.stop()

    again = EmbeddedServers(local_dir=local_dir, durable=False)
    again.start()
    try:
        with psycopg.connect(again.database_url) as connection:
            assert connection.execute("SELECT text FROM notes").fetchone() == ("kept",)
    finally:
        again.stop()


def test_strangers_without_the_password_are_refused(servers):
    port = psycopg.conninfo.conninfo_to_dict(servers["DATABASE_URL"])["port"]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgres://tradingsite:guess@127.0.0.1:{port}/tradingsite")
    with (
        redis.Redis(
            port=int(servers["REDIS_URL"].rsplit(":", 1)[1].split("/")[0]), retry=Retry(NoBackoff(), 0)
        ) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_kill_9_of_the_parent_leaves_no_server_and_the_data_usable(local_dir):
    parent = start_parent(local_dir)
    pids = [int(word) for word in parent.stdout.readline().split()]
    children = [psutil.Process(pid) for pid in pids]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _gone, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert not alive

    servers = EmbeddedServers(local_dir=local_dir, durable=False)
    servers.start()
    servers.stop()


def test_servers_that_outlived_their_parent_are_stopped_by_the_next_start(local_dir):
    """Where the kernel has no parent-death signal, they stay until then."""
    parent = start_parent(local_dir, "from tradingsite.servers import children; children.LIBC = None")
    leftovers = [psutil.Process(int(word)) for word in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    assert all(process.is_running() for process in leftovers)

    servers = EmbeddedServers(local_dir=local_dir, durable=False)
    servers.start()
    try:
        _, alive = psutil.wait_procs(leftovers, timeout=PATIENCE_S)
        assert not alive
    finally:
        servers.stop()


def test_a_recycled_pid_in_a_pid_file_is_left_alone(tmp_path):
    (tmp_path / "valkey.pid").write_text(f"{os.getpid()}\n")
    stop_leftover(tmp_path / "valkey.pid", folder=tmp_path, number=signal.SIGKILL)


def test_programs_the_account_cannot_reach_are_copied_beside_the_data(local_dir, monkeypatch):
    monkeypatch.setattr(binaries, "runs", lambda program, account: False)
    servers = EmbeddedServers(local_dir=local_dir, durable=False)
    account = servers.account or Account(uid=os.getuid(), gid=os.getgid())
    found = binaries.find_binaries(account, servers.folder)
    assert found.postgres_bin.is_relative_to(servers.folder)
    servers.postgres.start(found)
    servers.stop()


def test_a_second_start_on_the_same_data_is_refused_and_says_why(local_dir):
    parent = start_parent(local_dir)
    try:
        assert parent.stdout.readline()
        with pytest.raises(ServersBusy, match="make run"):
            EmbeddedServers(local_dir=local_dir, durable=False).start()
    finally:
        parent.kill()
        parent.wait()


def start_parent(local_dir: Path, first: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", first + STARTS_AND_WAITS, str(local_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )

"""Every pytest process has PostgreSQL and Valkey of its own, settings that name them, and stops them at its end.

The servers start when the first collected test needs them: a run of pure unit tests starts none.
TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tradingsite.servers import EmbeddedServers

PREFIX = "tradingsite-tests-"
NEEDS_SERVERS = {
    "db",
    "transactional_db",
    "live_server",
    "django_db_setup",
    "redis_flush",
    "servers",
    "client",
    "admin_client",
}


def remove_leftovers() -> None:
    """Folders of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            remove(folder)


def remove(local_dir: Path) -> None:
    pointer = local_dir / "servers_folder"
    if pointer.exists():
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
    shutil.rmtree(local_dir, ignore_errors=True)


remove_leftovers()
LOCAL_DIR = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
GIVEN = {name: os.environ[f"TEST_{name}"] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(f"TEST_{name}")}
(LOCAL_DIR / "static").mkdir()  # WhiteNoise warns of a missing folder, and warnings are errors here
SERVERS = None if len(GIVEN) == 2 else EmbeddedServers(local_dir=LOCAL_DIR, durable=False)

# pytest-django reads the settings after this file is loaded, so the environment is set here and not in a hook.
os.environ.update(
    {
        "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
        "LOCAL_DIR": str(LOCAL_DIR),
        "SECRET_KEY": "tests-only-tests-only-tests-only-tests-only-tests-only",
        "LOG_FILES": "false",
        "STATIC_HASHED": "false",
        "DEBUG": "false",
        "SITE_URL": "http://localhost:8000",
    }
)
if SERVERS:
    os.environ |= {"DATABASE_URL": SERVERS.database_url, "REDIS_URL": SERVERS.redis_url}
os.environ |= GIVEN

from django.conf import settings  # noqa: E402

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def needs_servers(item: pytest.Item) -> bool:
    if "/tests/unit/" not in item.path.as_posix():
        return True
    if item.get_closest_marker("django_db") or item.get_closest_marker("servers"):
        return True
    return bool(NEEDS_SERVERS & set(getattr(item, "fixturenames", ())))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Processes of pytest-xdist inherit this one's environment, and would read its settings before they have servers."""
    if session.config.getoption("numprocesses", None):
        for name in {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "LOCAL_DIR"} - GIVEN.keys():
            os.environ.pop(name, None)


def pytest_collection_finish(session: pytest.Session) -> None:
    if SERVERS and not session.config.option.collectonly and any(needs_servers(item) for item in session.items):
        SERVERS.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVERS:
        SERVERS.stop()
    remove(LOCAL_DIR)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Under CI=true nothing may skip: a skipped test is a test that did not run."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI=true: {report.longrepr}"


@pytest.fixture(scope="session")
def servers() -> dict[str, str]:
    """Addresses of the servers of this run; the database is the one pytest-django's test database lies beside."""
    return {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}


# What migrations let the group of traders do: a test that commits empties all tables at its end.
TRADERS: set[tuple[str, str]] = set()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    from django.contrib.auth.models import Permission

    with django_db_blocker.unblock():
        found = Permission.objects.filter(group__name="traders")
        TRADERS.update(found.values_list("content_type__app_label", "codename"))


@pytest.fixture
def redis_flush() -> Iterator[None]:
    """An empty Redis before and after the test."""
    import redis

    with redis.Redis.from_url(os.environ["REDIS_URL"]) as connection:
        connection.flushdb()
        yield
        connection.flushdb()

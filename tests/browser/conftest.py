"""A whole installation as `make run` starts it, and Chromium in front of it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, StorageState, expect, sync_playwright

from tests.conftest import remove
from tests.integration.tradingsite.processes import said, wait_for
from tests.patience import PATIENCE_S
from tradingsite.servers.children import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
READY_WITHIN_S = 150
LOGIN = re.compile(r"shown once: (\S+) / (\S+)")
# What conftest sets for tests in this process; the installation here is one of its own.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "LOCAL_DIR", "STATIC_HASHED", "SITE_URL", "SECRET_KEY")

# Shared machines pause for seconds.
expect.set_options(timeout=20_000)

WATCH_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) =>
  window.violations.push(`${violatedDirective} ${blockedURI} ${sourceFile}`));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running installation and the demo's login."""

    url: str
    username: str
    password: str
    env: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run a management command in the installation; gives its output."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass(slots=True, kw_only=True)
class Visit:
    """A page, and what a strict policy would not have."""

    page: Page
    site: Site
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.site.url + path)
        return self.page

    def note(self, request: Request) -> None:
        if not request.url.startswith((self.site.url, self.site.url.replace("http", "ws", 1), "data:", "blob:")):
            self.foreign.append(request.url)

    @property
    def violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.violations")
        return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium: install the package `chromium` of your system")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(chromium: Browser) -> Iterator[Site]:
    local_dir = Path(tempfile.mkdtemp(prefix="tradingsite-browser-"))
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    env |= {"LOCAL_DIR": str(local_dir), "PORT": str(port)}
    with (local_dir / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "runlocal", "--no-browser"],
            cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: LOGIN.search(said(local_dir)) is not None, process, local_dir, timeout_s=READY_WITHIN_S)
        login = LOGIN.search(said(local_dir))
        assert login is not None
        yield Site(url=f"http://localhost:{port}", username=login[1], password=login[2], env=env)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_S)
        remove(local_dir)


def sign_in(page: Page, site: Site, *, username: str, password: str) -> None:
    page.goto(f"{site.url}/login/")
    page.get_by_label("Name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")


@pytest.fixture(scope="package")
def demo_session(site: Site, chromium: Browser) -> StorageState:
    with chromium.new_context() as context:
        sign_in(context.new_page(), site, username=site.username, password=site.password)
        return context.storage_state()


@pytest.fixture
def visit(site: Site, chromium: Browser, demo_session: StorageState) -> Iterator[Callable[..., Visit]]:
    """visit(width=390, height=844) opens a window signed in as the demo's person; `session=None`: as nobody."""
    contexts: list[BrowserContext] = []

    def open_window(*, width: int = 1440, height: int = 900, session: StorageState | None = demo_session) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": height}, storage_state=session)
        contexts.append(context)
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH_VIOLATIONS)
        found = Visit(page=context.new_page(), site=site)
        context.on("request", lambda request: found.note(request))
        found.page.on("pageerror", lambda error: found.errors.append(str(error)))
        return found

    yield open_window
    for context in contexts:
        context.close()

"""What somebody else's account never shows."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MAKE_BOB = "from bots.models import User; User.objects.filter(username='bob').exists() or User.objects.create_user('bob', password='bobs-own-password')"
CLOSE_CODE = """
(path) => new Promise((resolve) => {
  const socket = new WebSocket(`ws://${location.host}${path}`);
  socket.onclose = ({ code }) => resolve(code);
  socket.onmessage = () => resolve("told something");
})
"""
NOT_YOURS = 4403


def test_bob_sees_nothing_of_the_demo(visit: Callable[..., Visit], site: Site) -> None:
    demo = visit().open()
    demo.get_by_role("button", name="Decisions").click()
    trace = demo.locator("[data-log] .entry a").first.get_attribute("href", timeout=120_000)
    demo_socket = demo.locator("meta[name=socket]").get_attribute("content")
    demo_bot = demo.locator(".bot").first.get_attribute("data-key")

    site.manage("shell", "-c", MAKE_BOB)
    bob = visit(session=None).page
    sign_in(bob, site, username="bob", password="bobs-own-password")
    expect(bob.get_by_text("No bots yet.")).to_be_visible()
    expect(bob.locator(".bot")).to_have_count(0)
    assert bob.evaluate(CLOSE_CODE, demo_socket) == NOT_YOURS
    for path in (trace, f"/api/v1/bots/{demo_bot}"):
        assert bob.request.get(f"{site.url}{path}").status == 404


def test_nobody_is_shown_the_login(visit: Callable[..., Visit], site: Site) -> None:
    window = visit(session=None)
    page = window.open()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert (window.violations, window.foreign) == ([], [])
    assert page.evaluate(CLOSE_CODE, "/ws/v1") == 4401

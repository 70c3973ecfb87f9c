"""The evidence page in a browser: samples of the running engine are weighed by the running worker when asked."""

import re
import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# A minute has to end, and the demo's bots have to follow something by then.
KEPT_WITHIN_S = 200


def test_minutes_are_kept_and_weighed_on_request(visit):
    window = visit()
    page = window.open("/evidence/")
    until = time.monotonic() + KEPT_WITHIN_S
    while not re.search(r"kept since|insufficient evidence", page.content()):
        assert time.monotonic() < until, page.inner_text("main")
        page.wait_for_timeout(3000)
        page.reload()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Compute now").click()
    expect(page.locator(".toast")).to_contain_text("Asked for")
    table = page.locator("table.worth")
    while not table.count():
        assert time.monotonic() < until + 60, page.inner_text("main")
        page.wait_for_timeout(2000)
        page.reload()
    blend = table.locator("tbody", has_text="Default blend")
    expect(blend.locator(".finding")).to_contain_text("insufficient evidence")
    expect(blend).to_contain_text("needs 20")
    page.get_by_role("button", name="5 min", exact=True).click()
    expect(page).to_have_url(re.compile(r"horizon=300$"))
    expect(page.locator(".segments [aria-pressed=true]")).to_have_text("5 min")
    assert (window.foreign, window.errors, window.violations) == ([], [], [])


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_window(visit, width):
    page = visit(width=width, height=844).open("/evidence/")
    expect(page.get_by_role("heading", name="Evidence")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

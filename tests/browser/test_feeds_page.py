"""The feeds page in a browser: it keeps itself up to date, on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_venues_symbols_and_events_are_shown_and_refreshed(visit):
    window = visit()
    page = window.open("/feeds/")
    venue = page.locator(".venue", has_text="Simulated exchange")
    expect(venue).to_contain_text("SIMULATED")
    expect(venue.locator("header .light")).to_have_text(re.compile(r"\d+ of \d+ live"))
    btc = page.locator('tbody[data-key="simulated:BTC/USDT"]')
    expect(btc.locator(".light")).to_have_text("live")
    # The same element shows another price, so nothing was torn down under the reader.
    btc.evaluate("row => { row.dataset.seen = 'yes'; }")
    price = btc.locator('[data-label="Last price"]')
    before = price.inner_text()
    expect(price).not_to_have_text(before)
    expect(btc.locator('[data-label="Tick age"]')).to_have_text(re.compile(r"^\d"))
    expect(page.locator("#events li").first).to_be_visible()
    page.get_by_label("Kind").select_option("connected")
    expect(page).to_have_url(re.compile(r"kind=connected"))
    expect(page.locator("#events .kind").first).to_have_text("connected")
    assert set(page.locator("#events .kind").all_inner_texts()) == {"connected"}
    assert (window.foreign, window.errors, window.violations) == ([], [], [])


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_window(visit, width):
    page = visit(width=width, height=844).open("/feeds/")
    expect(page.locator(".feeds").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

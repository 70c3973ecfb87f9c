"""The feeds page in a browser: it keeps itself up to date, on a desk and on a phone."""

import json
import re
from functools import partial
from pathlib import Path

import httpx
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


def test_the_safety_bar_says_what_the_page_says(visit):
    """No price is followed here, so no tick tells the bar how the feeds are."""
    window = visit()
    page = window.open("/feeds/")
    light = page.locator("[data-feed]")
    expect(light).to_have_text(re.compile(r"^\d+ feeds live$"))
    simulator = json.loads((Path(window.site.env["LOCAL_DIR"]) / "servers.json").read_text())["simulator_url"]
    switch = partial(httpx.post, f"{simulator}/sim/faults", timeout=30)
    switch(json={"name": "maintenance", "seconds": 60}).raise_for_status()
    try:
        expect(light).not_to_have_text(re.compile(r"^\d+ feeds live$"))
        expect(page.locator("[data-banner=stale]")).to_be_visible()
    finally:
        switch(json={"name": "maintenance", "on": False})
    expect(light).to_have_text(re.compile(r"^\d+ feeds live$"), timeout=60_000)


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_window(visit, width):
    page = visit(width=width, height=844).open("/feeds/")
    expect(page.locator(".feeds").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

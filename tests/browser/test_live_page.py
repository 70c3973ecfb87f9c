"""The live page as its person sees it, while bots trade."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Window = Callable[..., Visit]

FILL_WITHIN_MS = 120_000
NONE = "\N{EN DASH}"


def test_a_price_and_a_fill_arrive_by_themselves(visit: Window) -> None:
    window = visit()
    page = window.open()
    price = page.locator("[data-quote=last]")
    expect(price).not_to_have_text(NONE)
    before = price.inner_text()
    expect(price).not_to_have_text(before)
    page.get_by_role("button", name="Fills").click()
    expect(page.locator("[data-log] .entry").first).to_contain_text("at", timeout=FILL_WITHIN_MS)
    newest = page.locator("[data-log] .entry").first.inner_text()
    expect(page.locator("[data-log] .entry").first).not_to_have_text(newest, timeout=FILL_WITHIN_MS)
    assert (window.violations, window.foreign, window.errors) == ([], [], [])


def test_signals_say_what_each_said_and_why_some_are_silent(visit: Window) -> None:
    page = visit().open()
    page.locator(".bot", has_text="Scalper").get_by_role("button", name="Scalper").click()
    rows = page.locator(".sig tbody tr")
    # Seven signals, a model's vote and a policy's.
    expect(rows).to_have_count(9, timeout=FILL_WITHIN_MS)
    expect(rows.filter(has_text="no data")).not_to_have_count(0)
    expect(page.locator("[data-f=signal]")).not_to_be_empty()


def test_the_regime_of_the_market_is_told_as_it_changes(visit: Window) -> None:
    window = visit()
    told: list[WebSocketRoute] = []

    def between(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        told.append(socket)

    window.page.route_web_socket(lambda url: "/ws/" in url, between)
    page = window.open()
    strip = page.locator("[data-regime]")
    expect(strip).to_contain_text("Market: ", timeout=FILL_WITHIN_MS)
    expect(strip).to_contain_text("together")
    expect(strip.locator("li").filter(has_text="1h")).to_contain_text("vol ")
    symbol = page.locator("[data-symbols]").input_value()
    state = {"phase": "trend", "direction": -1.0, "volatility": "extreme", "quality": 1.0, "score": 0.8, "bars": 500}
    state |= {"bars_needed": 100, "since": "2026-01-02T03:04:00+00:00"}
    few = {"phase": "neutral", "direction": 0.0, "volatility": "normal", "quality": 0.0, "score": None, "bars": 37}
    few |= {"bars_needed": 100, "since": None}
    place = {"exchange": "simulated", "symbol": symbol, "together": ["5m"]}

    def tell(regime: dict[str, object], frame: dict[str, object]) -> None:
        told[-1].send(json.dumps({"type": "regimeUpdate", "data": {**regime, **place, "timeframes": {"5m": frame}}}))

    tell(state, state)
    expect(strip).to_contain_text("Market: trend, averages down")
    expect(strip).to_contain_text("2026-01-02 03:04 · volatility extreme · quality 100 %")
    expect(strip.locator("li")).to_have_text(["5m▼ trendvol extreme"])
    tell(few, few)
    expect(strip).to_contain_text("needs 100 bars: 37 of 100 of 5m")
    assert (window.violations, window.foreign, window.errors) == ([], [], [])


def test_a_fill_leads_to_its_trace(visit: Window) -> None:
    window = visit()
    page = window.open()
    page.get_by_role("button", name="Fills").click()
    page.locator("[data-log] .entry a").first.click(timeout=FILL_WITHIN_MS)
    for section in ("Decision", "Signals", "Validators and risk", "Order", "Fills"):
        expect(page.get_by_role("heading", name=section, exact=True)).to_be_visible()
    expect(page.locator(".timeline li")).not_to_have_count(0)
    assert (window.violations, window.foreign, window.errors) == ([], [], [])


def test_pause_and_resume(visit: Window) -> None:
    page = visit().open()
    card = page.locator(".bot", has_text="Mean reversion")
    card.get_by_role("button", name="Pause").click()
    expect(card.locator(".pill")).to_have_text("paused")
    page.reload()
    expect(card.locator(".pill")).to_have_text("paused")
    card.get_by_role("button", name="Resume").click()
    expect(card.locator(".pill")).to_have_text("running")


def test_stopping_asks_first_and_says_what_follows(visit: Window) -> None:
    page = visit().open()
    card = page.locator(".bot", has_text="Trend follower")
    card.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Its session ends")
    dialog.get_by_role("button", name="Leave it").click()
    expect(card.locator(".pill")).to_have_text("running")


def test_a_restricted_bot_may_enter_again_for_a_reason(visit: Window) -> None:
    window = visit()
    page = window.open()
    card = page.locator(".bot", has_text="Trend follower")
    allow = card.get_by_role("button", name="Allow entries")
    expect(card.locator(".pill")).not_to_be_empty()
    expect(allow).to_be_hidden()
    restrict = "from bots.models import Bot; Bot.objects.filter(name='Trend follower')"
    window.site.manage("shell", "-c", f"{restrict}.update(ladder='pause', ladder_reason='too many entries')")
    page.reload()
    expect(card.locator(".notice")).to_contain_text("Entries paused. too many entries")
    allow.click()
    expect(card.locator(".notice")).to_contain_text("Entries paused")
    card.get_by_label("Reason for letting").fill("I have looked at it")
    allow.click()
    expect(allow).to_be_hidden()
    page.reload()
    expect(card.locator(".pill")).not_to_be_empty()
    expect(allow).to_be_hidden()


def test_the_kill_ladder_takes_two_clicks_and_a_reason_to_lift(visit: Window) -> None:
    page = visit().open()
    ladder = page.locator("[data-kill]")
    ladder.locator("summary").click()
    ladder.get_by_role("button", name="Pause entries").click()
    banner = page.locator("[data-banner=ladder]")
    expect(banner).to_contain_text("Entries paused")
    page.reload()
    expect(banner).to_contain_text("Entries paused")
    ladder.locator("summary").click()
    ladder.get_by_role("button", name="Allow", exact=True).click()
    expect(banner).to_be_visible()
    ladder.get_by_label("Reason").fill("The test is over")
    ladder.get_by_role("button", name="Allow", exact=True).click()
    expect(banner).to_be_hidden()


def test_flatten_asks_first_and_says_what_follows(visit: Window) -> None:
    page = visit().open()
    ladder = page.locator("[data-kill]")
    ladder.locator("summary").click()
    ladder.get_by_role("button", name="Flatten").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("no bot opens anything until you allow it again")
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_have_count(0)
    page.reload()
    expect(ladder).to_have_attribute("data-ladder", "active")


def test_a_lost_connection_is_said_and_comes_back(visit: Window) -> None:
    window = visit()
    taken: list[WebSocketRoute] = []
    is_down = False

    def between(socket: WebSocketRoute) -> None:
        if is_down:
            socket.close(code=1011)
        else:
            socket.connect_to_server()
            taken.append(socket)

    window.page.route_web_socket(lambda url: "/ws/" in url, between)
    page = window.open()
    banner = page.locator("[data-banner=stale]")
    price = page.locator("[data-quote=last]")
    expect(price).not_to_have_text(NONE)
    is_down = True
    taken[-1].close(code=1011)
    expect(banner).to_contain_text("No connection to the server since", timeout=5_000)
    is_down = False
    expect(page.locator("[data-feed]")).not_to_have_text("Disconnected")
    before = price.inner_text()
    expect(price).not_to_have_text(before)


def test_on_a_phone_nothing_scrolls_sideways_and_actions_are_in_reach(visit: Window) -> None:
    window = visit(width=390, height=844)
    page = window.open()
    pause = page.locator(".bot[aria-current=true]").get_by_role("button", name="Pause")
    expect(pause).to_be_in_viewport()
    expect(page.locator(".bot:visible")).to_have_count(1)
    assert sideways(page) == 0
    for path in ("/trades/", "/feeds/"):
        assert sideways(window.open(path)) == 0
    assert window.errors == []


def sideways(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found


@pytest.mark.parametrize(
    "path", ["/", "/trades/", "/feeds/", "/admin/", "/admin/bots/bot/", "/admin/bots/bot/add/", "/admin/bots/order/"]
)
def test_no_page_breaks_the_policy_or_asks_anybody_else(visit: Window, path: str) -> None:
    window = visit()
    page = window.open(path)
    expect(page.locator("[data-feed]")).to_contain_text("live")
    assert (window.violations, window.foreign, window.errors) == ([], [], [])


def test_without_the_charts_file_everything_else_works(visit: Window) -> None:
    window = visit()
    window.page.route("**/vendor/**", lambda route: route.abort())
    page = window.open()
    expect(page.get_by_text("The chart library is not installed.")).to_be_visible()
    price = page.locator("[data-quote=last]")
    expect(price).not_to_have_text(NONE)
    before = price.inner_text()
    expect(price).not_to_have_text(before)
    assert window.errors == []

"""The admin's buttons that move models and end trainings, pressed in Chromium, on a desk and on a phone."""

import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = pytest.mark.django_db(transaction=True)
PART = dict.fromkeys(
    ("skill", "baseline_skill", "log_loss", "brier", "calibration_error", "matthews", "direction", "mean_bps", "hit_rate",
     "sharpe", "deflated", "p_value"), 0.1234,
) | {"rows": 12_345, "trades": 1234}  # fmt: skip
FIGURES = {
    "holdout": PART, "walk_forward": PART, "shuffled_skill": 0.0, "temperature": 1.0, "theta": 0.1,
    "cross_validation": {"splits": 15, "skill": 0.1, "skill_deviation": 0.1, "skill_positive": 1.0},
}  # fmt: skip
SIZES = [pytest.param((1280, 900), id="desk"), pytest.param((390, 844), id="phone")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium: install the package `chromium` of your system")
    # Playwright keeps an event loop in this thread; rows are touched between its calls only.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def root(chromium, transactional_db):
    from bots.models import User

    return User.objects.create_superuser("root", "root@example.org", "long enough to be one")


@pytest.fixture(params=SIZES)
def page(request, root, chromium, live_server) -> Iterator[Page]:
    client = Client()
    client.force_login(root)
    width, height = request.param
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    with chromium.new_context(viewport={"width": width, "height": height}, base_url=live_server.url) as context:
        context.set_default_timeout(30_000)
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        yield context.new_page()


def fits(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px wider than the window"


def press(page: Page, name: str) -> str:
    """What the page says afterwards."""
    fits(page)
    button = page.get_by_role("button", name=name)
    box = button.bounding_box()
    assert box is not None
    assert page.viewport_size is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    with page.expect_navigation():
        button.click()
    return page.locator(".messagelist").text_content() or ""


def test_promoting_by_force_and_rolling_back(page, scene):
    old = scene.version(status="live")
    version = scene.version(metrics=FIGURES, refusals=["A logistic regression is as good."])
    page.goto(f"/admin/quant/modelversion/{version.pk}/change/")
    assert "Say why" in press_forced(page, "Promote to canary", "")
    assert f"{version} is canary." in press_forced(page, "Promote to canary", "A test.")
    assert f"{version} is live." in press_forced(page, "Promote to live", "Another test.")
    assert f"{old} is live again." in press(page, f"Roll back to {old}")
    old.refresh_from_db()
    version.refresh_from_db()
    assert (old.status, version.status) == ("live", "retired")
    assert page.get_by_role("button", name="Retire").count() == 0


@pytest.mark.parametrize("status", ["canary", "live"])
def test_demoting_and_retiring(page, scene, status):
    version = scene.version(status=status)
    page.goto(f"/admin/quant/modelversion/{version.pk}/change/")
    page.get_by_label("Reason", exact=True).fill("It drifts.")
    assert f"{version} is shadow." in press(page, "Demote to shadow")
    version.refresh_from_db()
    assert version.status == "shadow"
    assert page.get_by_role("button", name="Demote to shadow").count() == 0
    page.get_by_label("Reason", exact=True).fill("A better one is there.")
    assert f"{version} is retired." in press(page, "Retire")
    version.refresh_from_db()
    assert version.status == "retired"
    assert [event.reason for event in version.events.order_by("pk")][-2:] == ["It drifts.", "A better one is there."]
    assert page.get_by_role("button", name="Retire").count() == 0


def press_forced(page: Page, name: str, reason: str) -> str:
    page.get_by_label("Reason", exact=True).fill(reason)
    page.get_by_label("Promote against the rules").check()
    return press(page, name)


def test_cancelling_a_training(page, scene):
    scene.fill(bars=10)
    run = scene.ask()
    page.goto(f"/admin/quant/trainingrun/{run.pk}/change/")
    assert "It is being cancelled." in press(page, "Cancel")
    run.refresh_from_db()
    assert run.state == "cancelled"

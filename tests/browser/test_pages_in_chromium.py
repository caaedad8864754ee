"""What only a browser can tell: keyboard, theme, live regions, narrow screens, contrast, and a quiet console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.house import CHROMIUM_FLAGS, House, chromium, running
from tests.browser.stage import PASSWORD

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]

PAGES = [
    "/",
    *(f"/{folder}/" for folder in ("networks", "groups", "policies", "bandwidth", "endpoints", "nodes", "tenants")),
    *(f"/{folder}/1/" for folder in ("networks", "groups", "policies", "bandwidth", "endpoints", "nodes", "tenants")),
    *(f"/{folder}/new/?tenant=blue" for folder in ("networks", "groups", "policies", "bandwidth", "endpoints")),
    "/policies/1/rules/",
    "/reservations/",
    "/reservations/1/",
    "/reservations/new/?tenant=blue",
    "/fabric/",
    "/networks/1/delete/",
    "/members/",
    "/activity/",
    "/activity/6/undo/",
    "/activity/15/undo/",
    "/explain/?tenant=blue",
    "/explain/?tenant=blue&source=web-1&destination=db-1&protocol=tcp&port=22",
    "/search/",
    "/search/?q=web",
    "/networks/new/",
    "/nodes/new/",
    "/password/",
    "/account/",
    "/account/confirm/",
    "/account/factors/",
    "/account/factors/app/",
    "/account/factors/key/",
    "/sign-in/",
    "/sign-in/directory/",
    "/sign-in/directory/group/",
    "/sign-in/provider/",
    "/tokens/",
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield found
        found.close()


class Visit:
    """A person at a screen. `complaints` is what the console said, failed loads of this page's own answer aside."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**{"base_url": address, **options})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, name: str) -> Any:
        self.page.goto("/login/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("h1:has-text('Overview')")
        return self.page


@pytest.fixture
def visit(browser: Any, house: House) -> Iterator[Any]:
    visits: list[Visit] = []

    def begin(**options: Any) -> Visit:
        visits.append(Visit(browser, house.address, **options))
        return visits[-1]

    yield begin
    for one in visits:
        one.context.close()


def test_the_search_of_the_bar_is_reached_by_a_tap_on_its_sign(visit: Any) -> None:
    page = visit(viewport={"width": 390, "height": 800}).sign_in("root")
    box = page.locator(".find .icon").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.evaluate("document.activeElement.id") == "find"


def test_no_page_complains_or_scrolls_sideways_on_a_phone(visit: Any) -> None:
    here = visit(viewport={"width": 420, "height": 800})
    page = here.sign_in("root")
    for path in PAGES:
        answer = page.goto(path)
        assert answer.status == 200, path
        page.wait_for_load_state("load")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
        assert here.complaints == [], path


@pytest.mark.parametrize("width", [390, 1280])
def test_a_short_name_stays_whole_and_a_long_one_is_broken(visit: Any, width: int) -> None:
    page = visit(viewport={"width": width, "height": 800}).sign_in("root")
    rows = "[...document.querySelectorAll('.sheet td :is(a.key, a:not([class]))')].map(a => a.offsetHeight)"
    call = "name => document.querySelectorAll('.sheet a.key').forEach(a => { a.textContent = name; })"
    for path in ("/networks/", "/endpoints/", "/networks/1/", "/nodes/"):
        page.goto(path)
        page.evaluate(call, "contiv-net")
        assert max(page.evaluate(rows)) < 30, f"a name takes two lines at {path}"
        page.evaluate(call, "x" * 63)
        assert max(page.evaluate(rows)) > 30, f"a name takes all the room at {path}"


@pytest.mark.parametrize("path", ["/tenants/1/", "/policies/1/", "/activity/"])
def test_the_record_is_read_on_a_phone_without_moving_it(visit: Any, path: str) -> None:
    page = visit(viewport={"width": 390, "height": 800}).sign_in("root")
    page.goto(path)
    wide = page.evaluate(
        "(() => { const box = document.querySelector('[id^=entry-]').closest('.scroll');"
        " return box.scrollWidth - box.clientWidth; })()"
    )
    assert wide <= 0


def test_a_new_one_is_typed_at_once_and_a_refused_form_opens_at_what_is_wrong(visit: Any) -> None:
    page = visit().sign_in("root")
    page.goto("/networks/new/?tenant=blue")
    assert page.evaluate("document.activeElement.id") == "id_name"
    page.keyboard.type("fine")
    page.fill("#id_subnet4", "rubbish")
    page.click("button:has-text('Save')")
    page.wait_for_selector("[aria-invalid=true]")
    assert page.evaluate("document.activeElement.id") == "id_subnet4"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(visit: Any, theme: str) -> None:
    """WCAG A and AA as far as axe can tell; of the second theme the colours only, for all else is the same."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page = visit(viewport={"width": 1500, "height": 900}, color_scheme=theme).sign_in("root")
    rules = ["wcag2a", "wcag2aa", "wcag21aa"] if theme == "light" else {"type": "rule", "values": ["color-contrast"]}
    wrong = []
    for path in ["/login/", *PAGES]:
        page.goto(path)
        page.wait_for_load_state("load")
        found = axe.run(page, options={"runOnly": rules})
        wrong += [
            f"{path}: {violation['id']} {node['html'][:160]}"
            for violation in found.response["violations"]
            for node in violation["nodes"]
        ]
    assert wrong == []


def test_everything_is_reached_with_the_keyboard_alone(visit: Any) -> None:
    page = visit().sign_in("alice")
    page.goto("/groups/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first thing in the content: New group
    page.wait_for_selector("h1:has-text('New group')")
    page.locator("#id_name").focus()
    page.keyboard.type("by-keyboard")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=by-keyboard is made")
    page.locator("summary[title=Theme]").focus()
    page.keyboard.press("Enter")
    assert page.locator("[data-theme-choice=dark]").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("[data-theme-choice=dark]").is_visible()
    assert page.evaluate("document.activeElement.title") == "Theme"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "what has the focus is to be seen"


def test_the_theme_stays_and_does_not_flash(visit: Any) -> None:
    here = visit(color_scheme="light")
    page = here.sign_in("alice")
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "light"
    page.click("summary[title=Theme]")
    page.click("[data-theme-choice=dark]")
    # Seen from before anything is drawn: the attribute when the body begins to exist.
    here.context.add_init_script(
        "new MutationObserver((_, o) => { if (document.body) { window.first = document.documentElement.dataset.bsTheme;"
        " o.disconnect(); } }).observe(document, { childList: true, subtree: true });"
    )
    page.goto("/networks/")
    assert page.evaluate("window.first") == "dark"
    page.click("summary[title=Theme]")
    page.click("[data-theme-choice=auto]")
    assert page.evaluate(theme) == "light"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{theme} === 'dark'")


def test_the_language_is_chosen_and_stays_on_the_page(visit: Any) -> None:
    page = visit().sign_in("bob")
    page.goto("/networks/?sort=-name")
    page.click("summary[title=Language]")
    page.click("button[lang=zh-hans]")
    assert page.inner_text("h1") == "网络"
    assert page.url.endswith("/networks/?sort=-name")
    assert page.get_attribute("html", "lang") == "zh-hans"


def test_a_change_somebody_else_makes_appears_without_reloading(visit: Any) -> None:
    watcher, writer = visit().sign_in("bob"), visit().sign_in("alice")
    watcher.goto("/groups/")
    watcher.wait_for_selector("#live-state.good")
    watcher.evaluate("window.sameDocument = true")
    watcher.fill("input[type=search]", "half a wor")
    watcher.click("summary[title=Theme]")
    writer.goto("/groups/new/")
    writer.fill("#id_name", "appears")
    writer.keyboard.press("Enter")
    writer.wait_for_selector("text=appears is made")
    watcher.wait_for_selector("#rows >> text=appears", timeout=5000)
    assert watcher.evaluate("window.sameDocument")
    assert watcher.input_value("input[type=search]") == "half a wor"
    assert watcher.locator("[data-theme-choice=dark]").is_visible(), "an open menu stays open"


def test_a_page_whose_server_is_gone_says_so_and_catches_up(visit: Any, house: House) -> None:
    page, writer = visit().sign_in("bob"), visit().sign_in("alice")
    page.goto("/groups/")
    page.wait_for_selector("#live-state.good")
    page.evaluate("window.sameDocument = true")
    writer.goto("/groups/new/")
    writer.fill("#id_name", "meanwhile")
    house.kill_web()
    page.wait_for_selector("#live-state.bad")
    assert page.locator("#rows").is_visible(), "the last state stays"
    house.start_web()
    writer.keyboard.press("Enter")
    page.wait_for_selector("#rows >> text=meanwhile", timeout=20_000)
    page.wait_for_selector("#live-state.good")
    assert page.evaluate("window.sameDocument")


def test_another_tenants_event_is_not_heard(visit: Any) -> None:
    stranger = visit().sign_in("charlie")
    assert stranger.goto("/networks/1/").status == 404
    stranger.goto("/networks/")
    topics = ["tenant.1", "tenant.2", "cluster", "node.1"]
    heard = stranger.evaluate(
        """topics => new Promise(done => { const s = new WebSocket(`ws://${location.host}/ws/live/`);
        s.onopen = () => s.send(JSON.stringify({type: "subscribe", topics}));
        s.onmessage = e => { s.close(); done(JSON.parse(e.data).topics); }; })""",
        topics,
    )
    assert heard == ["tenant.2"]


def test_the_side_bar_slides_in_on_a_phone(visit: Any) -> None:
    page = visit(viewport={"width": 420, "height": 800}).sign_in("alice")
    assert not page.locator("#side").is_visible()
    page.click("#side-open")
    page.click("#side >> text=Networks")
    page.wait_for_selector("h1:has-text('Networks')")


def test_plots_are_drawn_from_what_was_measured(visit: Any, tmp_path: Path) -> None:
    page = visit(viewport={"width": 1500, "height": 900}).sign_in("alice")
    page.wait_for_selector(".plot canvas")
    drawn = page.evaluate(
        """() => { const c = document.querySelector(".plot canvas");
        return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some(Boolean); }"""
    )
    assert drawn
    assert "net" in page.inner_text(".plot .u-legend")

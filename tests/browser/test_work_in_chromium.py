"""What people do on the pages, in a real browser: search, fill in forms, edit rules, try the API, get tokens, keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.house import House, chromium
from tests.browser.stage import PASSWORD
from tests.browser.test_pages_in_chromium import browser, house, visit

__all__ = ["browser", "house", "visit"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]


def test_a_list_with_two_boxes_is_searched_by_the_enter_key(visit: Any) -> None:
    page = visit().sign_in("root")
    page.goto("/endpoints/")
    page.fill("[data-filters] input[name=q]", "web-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/endpoints/?q=web-1*")
    page.fill("[data-filters] input[name=labels]", "tier=web")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing matches")


def test_a_refused_form_opens_at_its_first_wrong_field(visit: Any) -> None:
    here = visit()
    page = here.sign_in("alice")
    page.goto("/networks/new/")
    page.wait_for_function("document.activeElement.id === 'id_name'")
    page.fill("#id_name", "two")
    page.fill("#id_subnet4", "nonsense")
    page.click("button:has-text('Save')")
    page.wait_for_selector("#id_subnet4[aria-invalid=true]")
    page.wait_for_function("document.activeElement.id === 'id_subnet4'")


def test_control_k_leads_from_anywhere_to_what_is_looked_for(visit: Any) -> None:
    here = visit(viewport={"width": 1280, "height": 800})
    page = here.sign_in("root")
    page.goto("/policies/1/rules/")
    page.keyboard.press("Control+k")
    page.keyboard.type("web-1")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Search for “web-1”')")
    page.click("main a.key:has-text('web-1')")
    page.wait_for_selector("h1:has-text('web-1')")
    assert "/endpoints/" in page.url
    assert here.complaints == []


def test_an_overlapping_network_is_refused_at_the_field_and_then_made(visit: Any) -> None:
    page = visit().sign_in("alice")
    page.click("text=Networks")
    page.click("text=New network")
    page.fill("#id_name", "clash")
    page.fill("#id_subnet4", "20.1.1.128/25")
    page.click("main button.btn-primary")
    assert "overlaps network net" in page.inner_text("#id_subnet4_error")
    assert page.get_attribute("#id_subnet4", "aria-invalid") == "true"
    assert page.input_value("#id_name") == "clash"
    page.fill("#id_subnet4", "20.1.7.0/24")
    page.click("main button.btn-primary")
    page.wait_for_selector("text=network clash is made")
    assert "Saved" in page.inner_text("#saved-strip")


def test_rules_are_edited_in_place(visit: Any) -> None:
    page = visit().sign_in("alice")
    page.goto("/policies/")
    page.click("text=db-policy")
    page.click("text=Edit rules")
    before = page.locator("#rules tbody tr:visible").count()
    page.click("text=Add a rule")
    row = page.locator("#rules tbody tr").last
    assert row.locator("[name$=priority]").evaluate("field => field === document.activeElement")
    row.locator("[name$=peer]").select_option("address")
    row.locator("[name$=peer_addresses]").fill("10.0.0.0/8")
    row.locator("[name$=protocol]").fill("tcp")
    row.locator("[name$=ports]").fill("70000")
    row.locator("[name$=priority]").fill("40")
    row.locator("[name$=priority]").press("Alt+ArrowUp")
    page.click("text=Save all")
    assert "no port 70000" in page.inner_text("#rules tbody tr:last-child .wrong")
    page.locator("#rules tbody tr").last.locator("[name$=ports]").fill("8080")
    page.click("text=Save all")
    page.wait_for_selector("text=are saved")
    first = page.inner_text("#panel-rules tbody tr:first-child")
    priority, *rest = first.split("\t")
    assert (priority.split("\n")[0], rest[:3]) == ("41", ["Allow", "Incoming", "10.0.0.0/8"])
    page.click("text=Edit rules")
    page.locator("#rules tbody tr").first.locator("[data-remove]").click()
    page.click("text=Save all")
    page.wait_for_selector("text=are saved")
    assert page.locator("#panel-rules tbody tr").count() == before


def test_leaving_with_unsaved_input_asks(visit: Any) -> None:
    page = visit().sign_in("alice")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/networks/new/")
    page.goto("/groups/new/")
    assert asked == []
    page.locator("#id_name").press_sequentially("half")
    page.click("text=Overview")
    page.wait_for_selector("h1:has-text('Overview')")
    assert asked == ["beforeunload"]


def test_the_api_is_read_and_tried_under_the_strict_policy(visit: Any) -> None:
    here = visit()
    page = here.sign_in("root")
    page.goto("/api/")
    page.locator("#operations-tag-networks").click()
    page.locator("#operations-networks-networks_list").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".responses-table.live-responses-table .response-col_status", has_text="200").wait_for()
    assert here.complaints == []


def test_a_token_is_made_and_shown_once(visit: Any) -> None:
    page = visit().sign_in("root")
    page.goto("/tokens/")
    page.get_by_label("Name").fill("backup")
    page.get_by_role("button", name="Make a token").click()
    assert page.locator("#token").inner_text().startswith("cvui_")
    page.goto("/tokens/")
    page.get_by_role("button", name="End token backup").click()
    page.get_by_text("There is none yet.").wait_for()


def test_a_security_key_is_added_and_asked_for(visit: Any, house: House) -> None:
    """With a key the browser itself plays. Browsers offer keys at names, not at numbers: hence localhost."""
    here = visit(base_url=house.address.replace("127.0.0.1", "localhost"))
    devtools = here.context.new_cdp_session(here.page)
    devtools.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**key, "automaticPresenceSimulation": True}})
    page = here.sign_in("bob")
    page.goto("/account/factors/key/")
    page.fill("#id_name", "blue key")
    page.click("text=Use the key now")
    page.wait_for_selector("h1:has-text('Recovery codes')")
    code = page.inner_text("#codes").split()[0]
    page.goto("/account/factors/")
    assert "blue key" in page.inner_text("main")
    _sign_out_and_show_the_password(page)
    page.click("text=Use a security key")
    page.wait_for_selector("h1:has-text('Overview')")
    _sign_out_and_show_the_password(page)
    page.fill("#id_code", code)
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Overview')")
    assert here.complaints == []


def _sign_out_and_show_the_password(page: Any) -> None:
    page.context.clear_cookies()
    page.goto("/login/")
    page.fill("#id_username", "bob")
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Second factor')")

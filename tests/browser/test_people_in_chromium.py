"""What an administrator and a person do about signing in, in a real browser."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest

from tests.browser.house import chromium
from tests.browser.stage import PASSWORD
from tests.browser.test_pages_in_chromium import browser, house, visit

__all__ = ["browser", "house", "visit"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]


def test_a_group_is_given_a_role_in_the_cluster_and_it_is_taken_back(visit: Any) -> None:
    here = visit()
    page = here.sign_in("root")
    page.goto("/sign-in/directory/")
    page.click("text=Add a group")
    page.fill("#id_group", "cn=eyes,dc=example,dc=org")
    page.select_option("#id_tenant", label="blue")
    page.select_option("#id_role", label="Cluster auditor")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=auditor is a role in the cluster")
    assert page.locator("#id_tenant").get_attribute("aria-invalid") == "true"
    here.complaints.clear()  # That it was refused is in the console, too.
    page.select_option("#id_tenant", label="None: a role in the cluster")
    page.click("button:has-text('Save')")
    row = page.locator("tr", has_text="cn=eyes")
    row.wait_for()
    assert "Cluster auditor" in row.inner_text()
    page.goto("/activity/")
    page.locator("tr,li,article", has_text="cn=eyes").first.get_by_role("link", name="Undo").first.click()
    page.get_by_role("button", name="Undo").click()
    page.goto("/sign-in/directory/")
    assert "cn=eyes" not in page.inner_text("main")
    assert here.complaints == []


def test_her_tokens_end_with_her_password_when_she_says_so(visit: Any) -> None:
    page = visit().sign_in("charlie")
    page.goto("/tokens/")
    page.get_by_label("Name").fill("backup")
    page.get_by_role("button", name="Make a token").click()
    page.goto("/password/")
    page.fill("#id_current", PASSWORD)
    page.fill("#id_password", "another-long-password-9")
    page.fill("#id_again", "another-long-password-9")
    page.get_by_label("End my tokens too").check()
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=Your password is changed")
    page.goto("/tokens/")
    page.get_by_text("There is none yet.").wait_for()


def invitation(page: Any, tenant: str, email: str) -> str:
    """Where the link of a new invitation to the tenant leads."""
    page.goto("/tenants/")
    page.click(f"td a:text-is('{tenant}')")
    page.click("text=Invite somebody")
    page.fill("#id_email", email)
    page.click("button:has-text('Make a link')")
    return str(page.locator("#link").inner_text())


def test_who_is_invited_joins_by_the_link_with_an_account_and_without(visit: Any) -> None:
    root = visit().sign_in("root")
    stranger = visit().page
    stranger.goto(invitation(root, "blue", "new@example.org"))
    stranger.fill("#id_username", "newcomer")
    stranger.fill("#id_password", PASSWORD)
    stranger.click("text=Make an account and join")
    stranger.wait_for_selector("text=Your account is made. Sign in.")
    assert stranger.input_value("#id_username") == "newcomer"
    assert stranger.evaluate("document.activeElement.id") == "id_password"
    stranger.keyboard.type(PASSWORD)
    stranger.keyboard.press("Enter")
    stranger.wait_for_selector("h1:has-text('Overview')")
    bob = visit().sign_in("bob")
    bob.goto(invitation(root, "green", "bob@example.org"))
    bob.click("button:has-text('Join')")
    bob.wait_for_selector("text=You are a member of green.")


def test_an_app_is_set_up_while_others_work_in_the_tenant(visit: Any) -> None:
    """Nothing of the page is live, so it does not ask for itself when something changes; and it may be opened twice."""
    hers, other = visit().sign_in("alice"), visit().sign_in("root")
    hers.goto("/account/factors/app/")
    hers.wait_for_selector("#live-state.good")
    asked: list[str] = []
    hers.on("request", lambda request: asked.append(request.url))
    other.goto("/networks/1/edit/")
    other.fill("#id_label", "while-she-types")
    other.click("button:has-text('Save')")
    other.wait_for_selector("text=is saved.")
    hers.wait_for_selector("#live-state:has-text('·')")  # It says when it heard of something.
    hers.wait_for_timeout(600)
    assert asked == []
    second = hers.context.new_page()
    second.goto("/account/factors/app/")
    assert second.inner_text("#secret") == hers.inner_text("#secret")
    hers.fill("#id_code", pyotp.TOTP(hers.inner_text("#secret")).now())
    hers.click("button:has-text('Add it')")
    hers.wait_for_selector("h1:has-text('Recovery codes')")


def test_whoever_saves_last_is_told_and_keeps_what_she_typed(visit: Any) -> None:
    hers, other = visit().sign_in("root"), visit().sign_in("root")
    for page in (hers, other):
        page.goto("/groups/2/edit/")
    for page, said in ((other, "theirs"), (hers, "mine")):
        page.fill("#id_label", said)
        page.click("button:has-text('Save')")
    hers.wait_for_selector("text=Somebody changed it meanwhile.")
    assert hers.input_value("#id_label") == "mine"
    hers.goto("/groups/2/edit/")
    assert hers.input_value("#id_label") == "theirs"

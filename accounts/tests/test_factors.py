"""Second factors: the app, recovery codes, what an administrator may ask for and take away.

Security keys are tried in a real browser (tests/browser).
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pyotp
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.actions.factors import change_rules, has_factor, renew_codes
from accounts.factors import codes
from accounts.models import Authenticator, RecoveryCode, Session
from accounts.sealed import Unreadable, seal, unseal
from accounts.tests.test_signing import PASSWORD, alice, is_in, sign_in
from tenants.change import Actor
from tenants.models import AuditEntry
from tenants.testing import Cast
from tests.pages import signed_in

__all__ = ["alice"]
pytestmark = pytest.mark.usefixtures("unhashed")


def now(secret: str, off: int = 0) -> str:
    return pyotp.TOTP(secret).at(timezone.now(), counter_offset=off)


def add_app(client: Client) -> tuple[str, list[str]]:
    """Set up an app as a person does; its secret, and the recovery codes shown."""
    secret = re.search(r'<code id="secret">([A-Z2-7]+)<', client.get("/account/factors/app/").content.decode())
    assert secret
    answer = client.post("/account/factors/app/", {"code": now(secret[1])})
    assert answer.status_code == 200, answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    return secret[1], re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", answer.content.decode())


def half(name: str = "alice") -> Client:
    """Somebody who has shown her password only."""
    client = Client(REMOTE_ADDR="192.0.2.1")
    assert client.post("/login/", {"username": name, "password": PASSWORD})["Location"] == "/login/factor/"
    return client


def test_a_password_alone_opens_nothing_any_more(alice: User) -> None:
    secret, _ = add_app(sign_in())
    client = half()
    for path in ("/account/", "/api/v2/networks/", "/networks/"):
        assert client.get(path).status_code in {302, 401}, path
    assert client.post("/login/factor/", {"code": "000000"}).status_code == 200
    assert not is_in(client)
    assert client.post("/login/factor/", {"code": now(secret, 1)})["Location"] == "/"
    assert is_in(client)


def test_digits_are_taken_once(alice: User) -> None:
    secret, _ = add_app(sign_in())
    digits = now(secret, 1)
    assert half().post("/login/factor/", {"code": digits}).status_code == 302
    assert half().post("/login/factor/", {"code": digits}).status_code == 200
    assert codes.step_of(secret, now(secret, -2)) is None, "older than clocks may differ"
    assert codes.step_of(secret, now(secret, -1)) is not None


def test_a_recovery_code_opens_once(alice: User) -> None:
    _, shown = add_app(sign_in())
    assert len(set(shown)) == codes.CODES
    client = half()
    assert client.post("/login/factor/", {"code": shown[3].upper().replace("-", " ")}).status_code == 302
    assert is_in(client)
    assert half().post("/login/factor/", {"code": shown[3]}).status_code == 200
    assert RecoveryCode.objects.count() == codes.CODES - 1


def test_new_codes_end_those_before(alice: User) -> None:
    _, shown = add_app(sign_in())
    made = renew_codes(actor=Actor("alice", "page", alice.pk), user=alice)
    assert not codes.take(alice, shown[0])
    assert codes.take(alice, made[0])


def test_nothing_that_opens_is_kept_readable_or_recorded(alice: User) -> None:
    secret, shown = add_app(sign_in())
    kept = [str(row.__dict__) for model in (Authenticator, RecoveryCode, AuditEntry) for row in model.objects.all()]
    kept += [str(row.get_decoded()) for row in Session.objects.all()]
    for word in (secret, *shown, *(code.replace("-", "") for code in shown)):
        assert not any(word in each for each in kept)
    entry = AuditEntry.objects.get(verb="factor.create")
    assert entry.after == {"user": "alice", "kind": "authenticator app", "name": ""}


def test_another_installation_cannot_read_a_secret(settings: Any) -> None:
    sealed = seal("secret")
    assert unseal(sealed) == "secret"
    settings.SECRET_KEY = "another"
    with pytest.raises(Unreadable):
        unseal(sealed)


def test_guessing_digits_is_stopped_wherever_it_comes_from(alice: User) -> None:
    secret, _ = add_app(sign_in())
    statuses = []
    for n in range(8):
        client = half()
        statuses.append(client.post("/login/factor/", {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{n}").status_code)
    assert statuses == [200] * 5 + [429] * 3
    assert half().post("/login/factor/", {"code": now(secret, 1)}).status_code == 429
    assert AuditEntry.objects.filter(verb="account.lock").count() == 1


def test_a_password_shown_too_long_ago_is_asked_for_again(alice: User) -> None:
    secret, _ = add_app(sign_in())
    client = half()
    session = client.session
    session["pending"] = {**session["pending"], "at": (timezone.now() - timedelta(minutes=6)).isoformat()}
    session.save()
    assert client.post("/login/factor/", {"code": now(secret, 1)})["Location"] == "/login/"
    assert Client().get("/login/factor/")["Location"] == "/login/"


def test_who_showed_a_password_that_was_changed_meanwhile_shows_it_again(alice: User) -> None:
    secret, _ = add_app(sign_in())
    client = half()
    alice.set_password("another-horse-battery-8")
    alice.save()
    assert client.post("/login/factor/", {"code": now(secret, 1)})["Location"] == "/login/"
    assert not is_in(client)


def test_a_page_that_is_opened_again_is_about_the_same_app(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open page that asks for itself again, and a second tab, must not make the code on her phone a wrong one."""
    client, page = sign_in(), "/account/factors/app/"
    shown = client.get(page).context["secret"]
    assert client.get(page, headers={"X-Live": "1"}).context["secret"] == shown
    assert client.post(page, {"code": ""}).context["secret"] == shown
    monkeypatch.setattr("accounts.factors.asking.AGAIN", timedelta(seconds=-1))
    assert client.post(page, {"code": "000000"}).context["secret"] == shown, "who was slow is judged by what she saw"
    assert client.get(page).context["secret"] != shown, "but it is not shown for ever"
    monkeypatch.undo()
    assert client.post(page, {"code": now(client.get(page).context["secret"])}).status_code == 200
    assert has_factor(alice)


def test_a_security_key_is_asked_the_same_until_it_answers(alice: User) -> None:
    client, page = sign_in(), "/account/factors/key/"
    asked = [json.loads(client.get(page).context["options"])["challenge"] for _ in range(2)]
    assert asked[0] == asked[1]
    answer = client.post(page, {"name": "blue key", "answer": "no key has said this"})
    assert answer.status_code == 422
    assert json.loads(answer.context["options"])["challenge"] != asked[0], "an answer is to one question"


def test_a_wrong_first_code_adds_nothing(alice: User) -> None:
    client = sign_in()
    client.get("/account/factors/app/")
    assert client.post("/account/factors/app/", {"code": "000000"}).status_code == 422
    assert not has_factor(alice)


def test_removing_the_last_takes_the_recovery_codes_along(alice: User, people: Cast) -> None:
    client = sign_in()
    add_app(client)
    assert signed_in(people.bob).post("/account/factors/remove/", {"key": "app"}).status_code == 404
    client.post("/account/factors/remove/", {"key": "app"})
    assert not has_factor(alice)
    assert not RecoveryCode.objects.exists()
    sign_in()


def test_an_administrator_resets_what_somebody_lost(alice: User, people: Cast) -> None:
    client = sign_in()
    add_app(client)
    assert signed_in(people.bob).post("/sign-in/reset/", {"user": "alice"}).status_code == 403
    root = signed_in(people.root)
    assert "alice" in root.get("/sign-in/").content.decode()
    root.post("/sign-in/reset/", {"user": "alice"})
    assert not is_in(client)
    sign_in()
    entry = AuditEntry.objects.get(verb="factor.reset")
    assert (entry.actor, entry.object_name) == ("root", "alice")


def test_administrators_can_be_made_to_have_one(people: Cast) -> None:
    for user in (people.root, people.alice):
        user.set_password(PASSWORD)
        user.save()
    root = sign_in("root")
    refused = root.post("/sign-in/", {"factor_for_administrators": "on"})
    assert refused.status_code == 422
    assert "of your own first" in refused.content.decode()
    add_app(root)
    assert root.post("/sign-in/", {"factor_for_administrators": "on"}).status_code == 302
    people.bob.is_superuser = True
    people.bob.set_password(PASSWORD)
    people.bob.save()
    bob = sign_in("bob")
    assert bob.get("/networks/")["Location"] == "/account/factors/"
    assert bob.get("/api/v2/networks/").status_code == 403
    add_app(bob)
    assert bob.get("/networks/").status_code == 200
    assert sign_in("alice").get("/networks/").status_code == 200, "who is none goes on as before"
    change_rules(actor=Actor("root", "page", people.root.pk), factor_for_administrators=False)


def test_contivs_clients_are_told_that_a_password_is_not_enough(alice: User) -> None:
    add_app(sign_in())
    said = {"username": "alice", "password": PASSWORD}
    answer = Client().post("/api/v1/auth_proxy/login/", said, content_type="application/json")
    assert (answer.status_code, "second factor" in answer.json()["error"]) == (401, True)


def test_the_picture_needs_no_style_and_no_script() -> None:
    picture = codes.qr(codes.new_secret(), "alice")
    assert picture.startswith("<svg")
    assert "style" not in picture
    assert "script" not in picture


def test_the_last_administrator_is_let_in_from_the_command_line(alice: User) -> None:
    add_app(sign_in())
    call_command("reset_factors", "alice", stdout=StringIO())
    sign_in()
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("reset_factors", "nobody")

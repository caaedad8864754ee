"""Second factors in the API, and showing the password again to whatever is worth it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actions.factors import has_factor
from accounts.factors import codes
from accounts.models import Authenticator, ConfirmedToken, Passkey, RecoveryCode
from accounts.tests.test_api import with_token
from accounts.tests.test_signing import PASSWORD, alice, is_in, shown_long_ago, sign_in
from tenants.models import AuditEntry
from tenants.testing import Cast

__all__ = ["alice"]
pytestmark = pytest.mark.usefixtures("unhashed")

ME = "/api/v2/me/"
APP = f"{ME}factors/authenticator/"


def confirmed(user: User, **cut: object) -> APIClient:
    client = with_token(user, **cut)
    user.set_password(PASSWORD)
    user.save()
    answer = client.post(f"{ME}confirm/", {"password": PASSWORD}, format="json")
    assert answer.status_code == 200, answer.content
    return client


def begin(client: APIClient) -> dict[str, str]:
    answer = client.post(APP)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store"), answer.content
    said: dict[str, str] = answer.json()
    return said


def first_code(client: APIClient, begun: dict[str, str], query: str = "", **other: str) -> Any:
    said = {"setup": begun["setup"], "code": pyotp.TOTP(begun["secret"]).now(), **other}
    return client.post(f"{APP}confirm/{query}", said, format="json")


def unconfirmed(answer: Any) -> bool:
    return answer.status_code == 403 and answer.json()["type"] == "/problems/unconfirmed"


# --- showing the password


def test_what_lets_somebody_in_asks_for_the_password(alice: User) -> None:
    token = with_token(alice)
    assert unconfirmed(token.post(APP))
    wrong = token.post(f"{ME}confirm/", {"password": "wrong"}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "password")
    assert unconfirmed(token.post(APP))
    assert token.post(f"{ME}confirm/", {"password": PASSWORD}, format="json").status_code == 200
    begin(token)
    assert unconfirmed(with_token(alice).post(APP)), "another token of hers has not shown it"
    ConfirmedToken.objects.update(at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert unconfirmed(token.post(APP))
    assert token.get(f"{ME}factors/").status_code == 200, "looking asks for nothing"


def test_guessing_is_stopped_here_too(alice: User) -> None:
    token = with_token(alice)
    answers = [token.post(f"{ME}confirm/", {"password": "wrong"}, format="json").status_code for _ in range(7)]
    assert answers == [400] * 5 + [429] * 2


def test_a_token_that_is_cut_down_shows_nothing(alice: User, people: Cast) -> None:
    for cut in ({"tenant": people.blue}, {"rights": "read"}):
        answer = with_token(alice, **cut).post(f"{ME}confirm/", {"password": PASSWORD}, format="json")
        assert answer.status_code == 403


def test_a_session_that_signed_in_long_ago_shows_it_again(alice: User) -> None:
    client = sign_in()
    shown_long_ago(client)
    assert unconfirmed(client.post(APP))
    client.post(f"{ME}confirm/", {"password": PASSWORD}, content_type="application/json")
    assert client.post(APP).status_code == 200
    assert client.get("/tokens/").status_code == 200, "for pages as well"


# --- one's own


def test_an_app_is_set_up_used_and_removed(alice: User) -> None:
    client = confirmed(alice)
    assert client.get(f"{ME}factors/").json() == {
        "authenticator": None,
        "passkeys": [],
        "recovery_codes": 0,
        "factor_required": False,
    }
    begun = begin(client)
    assert begun["uri"].startswith("otpauth://totp/ContivUI:alice?secret=" + begun["secret"])
    assert not has_factor(alice), "nothing is kept before its first code"
    tried = first_code(client, begun, "?dry_run=true")
    assert (tried.status_code, has_factor(alice)) == (201, False)
    made = first_code(client, begun)
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    shown = made.json()["recovery_codes"]
    assert len(shown) == codes.CODES
    assert (Authenticator.objects.get().user, codes.take(alice, shown[0])) == (alice, True)
    held = client.get(f"{ME}factors/").json()
    assert (held["authenticator"] is not None, held["recovery_codes"]) == (True, codes.CODES - 1)
    assert client.delete(APP).status_code == 204
    assert not has_factor(alice)
    assert client.delete(APP).status_code == 404
    said = [entry.verb for entry in AuditEntry.objects.filter(verb__startswith="factor.").order_by("pk")]
    assert said == ["factor.create", "factor.delete"]


def test_a_first_code_is_for_what_she_began_herself_a_moment_ago(
    alice: User, people: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, bobs = confirmed(alice), confirmed(people.bob)
    begun = begin(bobs)
    for setup in (begun["setup"], "rubbish", "ü", "x" * 900):
        answer = first_code(client, begun, setup=setup)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "setup")
    wrong = first_code(bobs, begun, code="000000")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "code")
    monkeypatch.setattr("accounts.factors.setup.LASTS", timedelta(seconds=-1))
    assert first_code(bobs, begun).status_code == 400
    assert not Authenticator.objects.exists()


def test_new_recovery_codes_end_those_before(alice: User) -> None:
    client = confirmed(alice)
    assert client.post(f"{ME}factors/recovery-codes/").status_code == 404, "there is nothing to recover"
    before = first_code(client, begin(client)).json()["recovery_codes"]
    after = client.post(f"{ME}factors/recovery-codes/").json()["recovery_codes"]
    assert not codes.take(alice, before[0])
    assert codes.take(alice, after[0])


def test_a_security_key_is_listed_and_removed_by_its_own_person(alice: User, people: Cast) -> None:
    row = Passkey.objects.create(user=alice, name="blue key", credential_id="c", public_key="k")
    client = confirmed(alice)
    listed = client.get(f"{ME}factors/").json()["passkeys"]
    assert [(one["id"], one["name"]) for one in listed] == [(row.pk, "blue key")]
    assert confirmed(people.bob).delete(f"{ME}factors/passkeys/{row.pk}/").status_code == 404
    assert unconfirmed(with_token(alice).delete(f"{ME}factors/passkeys/{row.pk}/"))
    assert client.delete(f"{ME}factors/passkeys/{row.pk}/").status_code == 204
    assert not Passkey.objects.exists()


# --- others'


def test_an_administrator_looks_at_and_resets_what_somebody_lost(alice: User, people: Cast) -> None:
    open_session = sign_in()
    first_code(confirmed(alice), begin(confirmed(alice)))
    path = f"/api/v2/users/{alice.pk}/factors/"
    alice.refresh_from_db()
    root = confirmed(people.root)
    assert root.get(path).json()["authenticator"] is not None
    assert unconfirmed(with_token(people.root).post(f"{path}reset/"))
    assert confirmed(people.bob).get(path).status_code == 404
    assert confirmed(people.bob).post(f"{path}reset/").status_code == 404
    assert root.post(f"{path}reset/?dry_run=true").status_code == 200
    assert has_factor(alice)
    assert root.post(f"{path}reset/").status_code == 204
    assert not has_factor(alice)
    assert not RecoveryCode.objects.exists()
    assert not is_in(open_session)


@pytest.mark.parametrize("parameter", ["dryrun=true", "dry_run=true"])
def test_what_is_said_beside_the_body_is_refused_and_confirms_nothing(alice: User, parameter: str) -> None:
    client = sign_in()
    shown_long_ago(client)
    answer = client.post(f"{ME}confirm/?{parameter}", {"password": PASSWORD}, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, parameter.partition("=")[0])
    assert unconfirmed(client.post(APP))

"""One's own sessions and password in the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from accounts.tests.test_signing import BETTER, PASSWORD, alice, is_in, session_of, sign_in
from tenants.change import SYSTEM
from tenants.credentials import make_token
from tenants.testing import Cast, client_of

__all__ = ["alice"]
pytestmark = pytest.mark.usefixtures("unhashed")


def with_token(user: User, **cut: object) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(actor=SYSTEM, user=user, **cut)[1]}")  # type: ignore[arg-type]
    return client


def test_she_lists_and_ends_her_sessions(alice: User, people: Cast) -> None:
    here, there = sign_in(), sign_in(address="198.51.100.7")
    said = {one["address"]: one for one in here.get("/api/v2/me/sessions/").json()}
    assert said["192.0.2.1"]["current"] is True
    assert said["198.51.100.7"]["current"] is False
    assert session_of(there).session_key not in str(said)
    path = f"/api/v2/me/sessions/{said['198.51.100.7']['id']}/"
    assert client_of(people.bob).delete(path).status_code == 404
    assert with_token(alice).delete(path).status_code == 204
    assert (is_in(here), is_in(there)) == (True, False)
    assert with_token(alice).delete("/api/v2/me/sessions/").status_code == 204
    assert not is_in(here)


def test_a_token_that_is_cut_down_is_not_herself(alice: User, people: Cast) -> None:
    assert with_token(alice, tenant=people.blue).get("/api/v2/me/sessions/").status_code == 403
    assert with_token(alice, rights="read").delete("/api/v2/me/sessions/").status_code == 403


def test_she_changes_her_password(alice: User) -> None:
    here, there, path = sign_in(), sign_in(), "/api/v2/me/password/"
    token = with_token(alice)
    wrong = token.post(path, {"current": "wrong", "password": BETTER}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "current")
    weak = token.post(path, {"current": PASSWORD, "password": "12345678"}, format="json")
    assert (weak.status_code, weak.json()["errors"][0]["field"]) == (400, "password")
    body = {"current": PASSWORD, "password": BETTER}
    changed = here.post(path, body, content_type="application/json")
    assert changed.status_code == 204
    assert (is_in(here), is_in(there)) == (True, False)
    sign_in(password=BETTER)


def test_what_is_only_tried_ends_no_session_and_changes_no_password(alice: User) -> None:
    here, there = sign_in(), sign_in(address="198.51.100.7")
    token, other = with_token(alice), here.get("/api/v2/me/sessions/").json()
    one = next(session["id"] for session in other if not session["current"])
    for path in ("/api/v2/me/sessions/", f"/api/v2/me/sessions/{one}/"):
        assert token.delete(f"{path}?dry_run=true").status_code == 200
        assert token.delete(f"{path}?dry_run=perhaps").status_code == 400
    body = {"current": PASSWORD, "password": BETTER}
    answer = here.post("/api/v2/me/password/?dry_run=true", body, content_type="application/json")
    assert answer.status_code == 200
    assert (is_in(here), is_in(there)) == (True, True)
    sign_in(password=PASSWORD)


def test_guessing_the_password_with_a_stolen_token_is_stopped(alice: User) -> None:
    token = with_token(alice)
    body = {"current": "wrong", "password": BETTER}
    answers = [token.post("/api/v2/me/password/", body, format="json") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [400] * 5 + [429] * 2
    assert 0 < int(answers[-1]["Retry-After"]) <= 15

"""Tokens: what each opens and what not, and how often."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.urls import reverse
from rest_framework.test import APIClient

from contivui.web import rates
from networks.actions import create_network
from tenants.change import SYSTEM
from tenants.credentials import make_token
from tenants.models import AuditEntry, Membership, Token
from tenants.testing import Cast, client_of, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]


def with_token(user: Any, **asked: Any) -> APIClient:
    made = client_of(user).post("/api/v2/tokens/", asked, format="json")
    assert made.status_code == 201, made.json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {made.json()['token']}")
    return client


def test_a_token_knows_its_name_rights_tenant_maker_and_last_use(people: Cast) -> None:
    program = with_token(people.alice, name="backup", rights="read", tenant="blue", days=7)
    before = client_of(people.alice).get("/api/v2/tokens/").json()[0]
    assert (before["name"], before["rights"], before["tenant"]) == ("backup", "read", "blue")
    assert (before["maker"], before["last_used_at"]) == ("alice", None)
    assert program.get("/api/v2/me/").status_code == 200
    assert client_of(people.alice).get("/api/v2/tokens/").json()[0]["last_used_at"] is not None


def test_a_token_for_reading_changes_nothing(people: Cast) -> None:
    program = with_token(people.alice, rights="read")
    net = create_network(actor=SYSTEM, tenant=people.blue, name="app", subnet4="20.1.1.0/24")
    assert program.get(f"/api/v2/networks/{net.pk}/").status_code == 200
    body = {"tenant": "blue", "name": "n", "subnet4": "20.1.2.0/24"}
    answers = [
        program.post("/api/v2/networks/", body, format="json"),
        program.post("/api/v2/networks/bulk/", {"operations": [{"op": "delete", "id": net.pk}]}, format="json"),
        program.delete(f"/api/v2/networks/{net.pk}/"),
        program.post("/api/v2/tokens/", {}, format="json"),
    ]
    assert {answer.status_code for answer in answers} == {403}
    question = {"tenant": "blue", "source": "20.1.1.1", "destination": "20.1.1.2"}
    assert program.post("/api/v2/explain/", question, format="json").status_code != 403


def test_a_tenants_token_opens_nothing_else_even_of_an_administrator(people: Cast) -> None:
    for tenant in (people.blue, people.green):
        create_network(actor=SYSTEM, tenant=tenant, name="app", subnet4="20.1.1.0/24")
    program = with_token(people.root, tenant="blue")
    assert [each["tenant"] for each in program.get("/api/v2/networks/").json()["results"]] == ["blue"]
    assert [each["name"] for each in program.get("/api/v2/tenants/").json()["results"]] == ["blue"]
    assert {each["tenant"] for each in program.get("/api/v2/audit/").json()["results"]} == {"blue"}
    assert program.get("/api/v2/me/").json() == {
        "name": "root",
        "administrator": False,
        "cluster_role": None,
        "tenants": [],
    }
    assert program.get("/api/v2/nodes/").status_code == 403
    assert program.post("/api/v2/tenants/", {"name": "red"}, format="json").status_code == 403
    assert program.post("/api/v2/tokens/", {}, format="json").status_code == 403
    body = {"tenant": "green", "name": "n", "subnet4": "20.1.2.0/24"}
    assert program.post("/api/v2/networks/", body, format="json").status_code == 400
    assert program.post("/api/v2/networks/", {**body, "tenant": "blue"}, format="json").status_code == 201


def test_a_tenants_token_may_no_more_than_its_maker_and_ends_with_her_membership(people: Cast) -> None:
    program = with_token(people.bob, tenant="blue")
    body = {"tenant": "blue", "name": "n", "subnet4": "20.1.2.0/24"}
    assert program.post("/api/v2/networks/", body, format="json").status_code == 403, "bob is a viewer"
    Membership.objects.filter(user=people.bob).delete()
    assert program.get("/api/v2/networks/").status_code == 401


def test_owners_see_and_end_their_tenants_tokens_and_nobody_elses_own(people: Cast) -> None:
    with_token(people.bob, tenant="blue", name="for-blue")
    with_token(people.bob, name="my-own")
    names = {
        user.username: {each["name"] for each in client_of(user).get("/api/v2/tokens/").json()}
        for user in (people.alice, people.bob, people.charlie)
    }
    assert names == {"alice": {"for-blue"}, "bob": {"for-blue", "my-own"}, "charlie": set()}
    keys = {token.name: token.token_key for token in Token.objects.all()}
    alice = client_of(people.alice)
    assert alice.delete(f"/api/v2/tokens/{keys['my-own']}/").status_code == 404
    assert alice.delete(f"/api/v2/tokens/{keys['for-blue']}/").status_code == 204
    assert client_of(people.charlie).post("/api/v2/tokens/", {"tenant": "blue"}, format="json").status_code == 400


def test_junk_for_a_token_is_no_token(people: Cast) -> None:
    for junk in ("Token \xff\xfe", "Token", "Token a b", "Token " + "x" * 5000, "Basic YTpi", "Token cvui_"):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=junk)
        assert client.get("/api/v2/me/").status_code == 401, junk


@pytest.fixture
def counted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of this process instead of the broker, and three requests a minute."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.API_RATE = 3
    caches["default"].clear()
    monkeypatch.setattr(rates, "counter", rates.Counter())
    monkeypatch.setattr(rates.time, "time", lambda: 1_000_000_020.0)


@pytest.mark.usefixtures("counted")
def test_a_token_may_ask_so_often_and_is_told_how_often(people: Cast) -> None:
    one, other = with_token(people.alice), with_token(people.alice)
    answers = [one.get("/api/v2/me/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    last = answers[-1]
    assert (last["RateLimit-Limit"], last["Content-Type"]) == ("3", "application/problem+json")
    assert last["Retry-After"] == last["RateLimit-Reset"]
    assert other.get("/api/v2/me/").status_code == 200, "another token has its own"


def test_where_the_cache_is_away_nothing_is_counted_and_nobody_is_refused(people: Cast, settings: Any) -> None:
    settings.API_RATE = 1
    client = with_token(people.alice)
    answers = [client.get("/api/v2/me/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not answers[0].has_header("RateLimit-Limit")


@pytest.mark.usefixtures("unhashed")
def test_a_person_makes_and_ends_tokens_on_their_page_and_reads_one_once(people: Cast) -> None:
    browser = signed_in(people.alice)
    asked = {"name": "backup", "rights": "read", "tenant": people.blue.pk, "days": "7"}
    page = browser.post(reverse("tokens"), asked)
    text = page.context["text"]
    assert text.startswith("cvui_")
    assert page["Cache-Control"] == "no-store"
    assert text not in browser.get(reverse("tokens")).content.decode()
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    assert [each["name"] for each in program.get("/api/v2/tenants/").json()["results"]] == ["blue"]
    entry = AuditEntry.objects.filter(verb="token.create").get()
    assert (entry.actor, entry.via, entry.tenant, entry.object_id) == ("alice", "page", people.blue, None)
    assert text not in str(entry.after)
    key = Token.objects.get().token_key
    assert signed_in(people.charlie).post(reverse("tokens"), {"end": key}).status_code == 404
    assert browser.post(reverse("tokens"), {"end": key}).status_code == 302
    assert program.get("/api/v2/me/").status_code == 401
    wrong = browser.post(reverse("tokens"), {**asked, "tenant": people.green.pk, "days": "0"})
    assert set(wrong.context["form"].errors) == {"tenant", "days"}


@pytest.mark.usefixtures("unhashed")
def test_the_document_is_read_on_a_page_from_our_own_files(people: Cast) -> None:
    page = signed_in(people.bob).get(reverse("api"))
    assert "vendor/swagger-ui.min.js" in page.content.decode()
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    assert signed_in(people.bob).get(reverse("api-openapi")).json()["openapi"].startswith("3.1")


def test_who_writes_another_word_before_the_token_is_told_which(people: Cast) -> None:
    text = make_token(actor=SYSTEM, user=people.alice, name="t")[1]
    for scheme, status in (("Bearer", 401), ("bearer", 401), ("Token", 200)):
        answer = APIClient().get("/api/v2/networks/", HTTP_AUTHORIZATION=f"{scheme} {text}")
        assert (answer.status_code, "Write “Token”" in answer.content.decode()) == (status, status == 401)

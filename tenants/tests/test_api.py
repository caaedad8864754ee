"""Tenants, members, tokens, the record, and what the API is as a whole."""

from __future__ import annotations

import difflib
import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.tests.test_api_factors import confirmed
from contivui.web.errors import TYPES
from contivui.web.management.commands import openapi
from contivui.web.openapi import examples, operations
from networks.actions import create_group, create_network
from networks.models import Network
from policies.actions import create_policy
from tenants.actions import add_member, create_tenant
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership, Tenant
from tenants.resources import MEMBER
from tenants.testing import Cast, ResourceTests, client_of, codes


class TestMembers(ResourceTests):
    resource = MEMBER
    patch = {"role": "editor"}

    def make(self, tenant: Tenant, name: str) -> Any:
        user, _ = User.objects.get_or_create(username=f"{name}-{tenant}")
        return add_member(actor=SYSTEM, tenant=tenant, user=user)

    def body(self, people: Cast) -> dict[str, Any]:
        user, _ = User.objects.get_or_create(username="dora")
        return {"tenant": "blue", "user": user.username, "role": "viewer"}

    def test_it_makes_one_and_records_who_did(self, people: Cast) -> None:
        super().test_it_makes_one_and_records_who_did(people)
        entry = AuditEntry.objects.first()
        assert entry is not None and entry.after
        assert (entry.after["user"], entry.after["role"]) == ("dora", "viewer")


def test_it_keeps_members_to_owners(people: Cast) -> None:
    Membership.objects.filter(user=people.bob).update(role="editor")
    body = {"tenant": "blue", "user": "charlie", "role": "viewer"}
    answer = client_of(people.bob).post("/api/v2/members/", body, format="json")
    assert answer.status_code == 403
    assert "role of an owner of tenant blue" in answer.json()["detail"]


def test_it_says_when_nobody_has_that_name(people: Cast) -> None:
    answer = client_of(people.alice).post("/api/v2/members/", {"tenant": "blue", "user": "nobody"}, format="json")
    assert (answer.status_code, codes(answer)) == (400, {"user": "unknown"})


def test_it_shows_people_their_tenants_only(people: Cast) -> None:
    seen = {
        user.username: [each["name"] for each in client_of(user).get("/api/v2/tenants/").json()["results"]]
        for user in (people.alice, people.bob, people.charlie, people.root)
    }
    assert seen == {"alice": ["blue"], "bob": ["blue"], "charlie": ["green"], "root": ["blue", "green"]}
    assert client_of(people.charlie).get(f"/api/v2/tenants/{people.blue.pk}/").status_code == 404


def test_it_lets_owners_change_their_tenant_and_administrators_make_them(people: Cast) -> None:
    path = f"/api/v2/tenants/{people.blue.pk}/"
    assert client_of(people.bob).patch(path, {"default_verdict": "deny"}, format="json").status_code == 403
    assert client_of(people.charlie).patch(path, {"default_verdict": "deny"}, format="json").status_code == 404
    answer = client_of(people.alice).patch(path, {"default_verdict": "deny"}, format="json").json()
    assert answer["default_verdict"] == "deny"
    assert answer["generation"] > people.blue.generation
    assert client_of(people.alice).delete(path).status_code == 403
    assert client_of(people.alice).post("/api/v2/tenants/", {"name": "red"}, format="json").status_code == 403
    made = client_of(people.root).post("/api/v2/tenants/", {"name": "red"}, format="json")
    assert made.status_code == 201
    assert client_of(people.root).delete(f"/api/v2/tenants/{made.json()['id']}/").status_code == 204
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.verb, entry.tenant_name, entry.object_name) == ("tenant.delete", "red", "red")


def test_it_refuses_a_name_in_use(people: Cast) -> None:
    answer = client_of(people.root).post("/api/v2/tenants/", {"name": "blue"}, format="json")
    assert (answer.status_code, codes(answer)) == (400, {"name": "name_in_use"})


def test_it_tells_who_one_is(people: Cast) -> None:
    assert client_of(people.bob).get("/api/v2/me/").json() == {
        "name": "bob",
        "administrator": False,
        "cluster_role": None,
        "tenants": [{"tenant": "blue", "role": "viewer"}],
    }


def test_it_shows_the_record_of_ones_own_tenants_newest_first_and_lets_nobody_write_it(people: Cast) -> None:
    create_tenant(actor=SYSTEM, name="red")
    alice = client_of(people.alice).get("/api/v2/audit/").json()["results"]
    assert {entry["tenant"] for entry in alice} == {"blue"}
    root = [entry["id"] for entry in client_of(people.root).get("/api/v2/audit/").json()["results"]]
    assert root == sorted(root, reverse=True)
    assert len(root) == AuditEntry.objects.count()
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(client_of(people.root), method)(f"/api/v2/audit/{root[0]}/")
        assert (answer.status_code, answer.json()["type"]) == (405, "/problems/method_not_allowed")
    other = AuditEntry.objects.filter(tenant=people.green).first()
    assert other is not None
    assert client_of(people.alice).get(f"/api/v2/audit/{other.pk}/").status_code == 404


def test_it_makes_a_token_that_opens_the_api_until_it_is_deleted(people: Cast) -> None:
    mine = client_of(people.alice)
    made = mine.post("/api/v2/tokens/", {"days": 7}, format="json").json()
    assert made["token"].startswith("cvui_")
    assert made["expiry"] is not None
    stranger = APIClient()
    stranger.credentials(HTTP_AUTHORIZATION=f"Token {made['token']}")
    assert stranger.get("/api/v2/me/").json()["name"] == "alice"
    listed = mine.get("/api/v2/tokens/").json()
    assert [(each["key"], "token" in each) for each in listed] == [(made["key"], False)]
    assert client_of(people.charlie).get("/api/v2/tokens/").json() == []
    assert client_of(people.charlie).delete(f"/api/v2/tokens/{made['key']}/").status_code == 404
    assert mine.delete(f"/api/v2/tokens/{made['key']}/").status_code == 204
    assert stranger.get("/api/v2/me/").status_code == 401


def test_it_takes_a_pages_session_but_only_with_the_csrf_token(people: Cast) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people.alice)
    assert browser.get("/api/v2/me/").json()["name"] == "alice"
    path, body = f"/api/v2/tenants/{people.blue.pk}/", '{"description": "x"}'
    answer = browser.patch(path, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    browser.cookies["contivui_csrf"] = token = "a" * 32
    answer = browser.patch(path, body, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 200


def test_it_answers_every_refusal_as_a_problem_document(people: Cast) -> None:
    client = client_of(people.alice)
    answers = [
        (client.get("/api/v2/nowhere/"), 404, "not_found"),
        (client.post("/api/v2/nowhere/"), 404, "not_found"),
        (client.post("/api/v2/networks/", "{", content_type="application/json"), 400, "parse_error"),
        (client.post("/api/v2/networks/", "a=1", content_type="text/plain"), 415, "unsupported_media_type"),
        (client.post("/api/v2/networks/", [1], format="json"), 400, "invalid"),
        (client.delete("/api/v2/networks/"), 405, "method_not_allowed"),
    ]
    for answer, status, code in answers:
        document = answer.json()
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
        assert (document["status"], document["type"]) == (status, f"/problems/{code}")
        assert set(document) == {"type", "title", "status", "detail", "errors", "users"}


def test_it_describes_itself_in_openapi_without_a_warning(people: Cast) -> None:
    GENERATOR_STATS.reset()
    document = SchemaGenerator().get_schema(request=None, public=True)
    assert document["openapi"].startswith("3.1")
    assert not GENERATOR_STATS
    paths = client_of(people.bob).get("/api/v2/openapi.json").json()["paths"]
    assert {"/api/v2/networks/", "/api/v2/rules/{id}/", "/api/v2/explain/"} <= set(paths)


def test_the_checked_in_document_is_what_the_code_says() -> None:
    """When this fails, `python manage.py openapi` writes it anew, and its difference says what callers will notice."""
    was, now = openapi.path().read_text(encoding="utf-8"), openapi.document()
    assert "".join(difflib.unified_diff(was.splitlines(True), now.splitlines(True), "docs/openapi.json", "now")) == ""


def test_the_documentation_names_every_type_of_problem() -> None:
    page = openapi.path().with_name("api.md").read_text(encoding="utf-8")
    assert [name for name in TYPES if f"`/problems/{name}`" not in page] == []


def test_every_operation_has_examples() -> None:
    bare = []
    for path, method, operation in operations(json.loads(openapi.document())):
        media = list(operation.get("requestBody", {}).get("content", {}).values())
        media += [each for answer in operation["responses"].values() for each in answer.get("content", {}).values()]
        bare += [(method, path) for each in media if not each.get("examples", {}).get("example", {}).get("value")]
    assert bare == []


def test_the_examples_are_true(people: Cast) -> None:
    """Each creation's example can be sent as it is, and is answered with the fields its example shows."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    User.objects.create(username="dora")
    create_network(**give, name="app", subnet4="20.1.1.0/24")
    net = Network.objects.get(name="app")
    group = create_group(**give, name="web", network=net)
    create_policy(**give, name="base", groups=[group])
    root = confirmed(people.root)
    for kind, known in examples().items():
        if "request" not in known or " " in kind:
            continue
        made = root.post(f"/api/v2/{kind}/", known["request"], format="json")
        assert made.status_code == 201, (kind, made.json())
        shown = known.get("created", known["response"])
        assert made.json().keys() == shown.keys(), kind
        if "patch" not in known:
            continue
        changed = root.patch(f"/api/v2/{kind}/{made.json()['id']}/", known["patch"], format="json")
        assert changed.status_code == 200, (kind, changed.json())

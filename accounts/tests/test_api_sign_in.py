"""How people sign in, set by programs: rules, directory, provider, what groups bring."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.actions.directory import set_directory
from accounts.actions.provider import set_provider
from accounts.models import Directory, FromProvider, GroupGrant, Provider, Rules
from accounts.sealed import unseal
from accounts.tests import slapd
from accounts.tests.issuer import CLIENT, SECRET, Issuer
from accounts.tests.slapd import BASE, SERVICE, SERVICE_PASSWORD
from accounts.tests.test_api import with_token
from accounts.tests.test_api_factors import begin, confirmed, first_code, unconfirmed
from accounts.tests.test_directory import ldap
from accounts.tests.test_provider import served
from accounts.tests.test_signing import PASSWORD, shown_long_ago, sign_in
from tenants.change import SYSTEM
from tenants.models import AuditEntry
from tenants.testing import Cast, codes
from tenants.users import set_cluster_role

__all__ = ["ldap", "served"]
pytestmark = pytest.mark.usefixtures("unhashed")

RULES, DIRECTORY, PROVIDER = "/api/v2/sign-in/", "/api/v2/sign-in/directory/", "/api/v2/sign-in/provider/"
GRANTS = "/api/v2/group-grants/"


def directory_body(**other: Any) -> dict[str, Any]:
    said = {"server": "ldap.example.org", "base_dn": BASE, "service_account_dn": SERVICE}
    return {**said, "service_account_password": SERVICE_PASSWORD, **other}


def provider_body(**other: Any) -> dict[str, Any]:
    return {
        "name": "House",
        "issuer": "https://id.example.org",
        "client_id": CLIENT,
        "client_secret": SECRET,
        **other,
    }


# --- rules


def test_the_rules_are_read_and_changed(people: Cast) -> None:
    root = confirmed(people.root)
    before = root.get(RULES)
    assert before.json() == {"factor_for_administrators": False}
    wanted = {"factor_for_administrators": True}
    refused = root.patch(RULES, wanted, format="json")
    assert (refused.status_code, codes(refused)) == (400, {"factor_for_administrators": "own_factor"})
    first_code(root, begin(root))
    tried = root.patch(f"{RULES}?dry_run=true", wanted, format="json")
    assert (tried.status_code, Rules.current().factor_for_administrators) == (200, False)
    stale = root.patch(RULES, wanted, format="json", headers={"If-Match": '"other"'})
    assert (stale.status_code, stale.json()["current"]) == (412, before.json())
    changed = root.patch(RULES, wanted, format="json", headers={"If-Match": before["ETag"]})
    assert changed.json() == root.get(RULES).json() == wanted
    assert changed["ETag"] == root.get(RULES)["ETag"] != before["ETag"]
    assert root.patch(RULES, {}, format="json").json() == wanted
    assert AuditEntry.objects.filter(verb="sign_in.update").count() == 1


# --- who may


@pytest.mark.parametrize("path", [RULES, DIRECTORY, PROVIDER, GRANTS])
def test_it_is_for_administrators_and_auditors_look(people: Cast, path: str) -> None:
    set_directory(actor=SYSTEM, **directory_body())
    set_provider(actor=SYSTEM, **provider_body())
    set_cluster_role(actor=SYSTEM, row=people.bob, role="auditor")
    auditor, owner = confirmed(people.bob), confirmed(people.alice)
    assert (auditor.get(path).status_code, owner.get(path).status_code) == (200, 403)
    method = "post" if path == GRANTS else "patch"
    body = {"group": "g", "role": "administrator"} if path == GRANTS else {}
    for client in (auditor, owner):
        answer = getattr(client, method)(path, body, format="json")
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
        if path in (DIRECTORY, PROVIDER):
            assert client.post(f"{path}test/").status_code == 403
    assert unconfirmed(getattr(with_token(people.root), method)(path, body, format="json"))
    assert not GroupGrant.objects.exists()


# --- directory and provider


@pytest.mark.parametrize(
    ("path", "body", "model", "secret"),
    [
        (DIRECTORY, directory_body(), Directory, "service_account_password"),
        (PROVIDER, provider_body(), Provider, "client_secret"),
    ],
)
def test_it_is_set_changed_and_dropped(people: Cast, path: str, body: dict[str, Any], model: Any, secret: str) -> None:
    root = confirmed(people.root)
    for method in ("get", "patch", "delete"):
        assert getattr(root, method)(path, {}, format="json").status_code == 404
    assert root.post(f"{path}test/").status_code == 404
    bare = {name: value for name, value in body.items() if name != secret}
    assert secret in codes(root.put(path, bare, format="json")), "the first time it takes one"
    assert root.put(f"{path}?dry_run=true", body, format="json").status_code == 200
    assert not model.objects.exists()
    made = root.put(path, body, format="json")
    assert made.status_code == 200, made.content
    assert {name: made.json()[name] for name in bare} == bare
    assert (secret in made.json(), body[secret] in made.content.decode()) == (False, False)
    assert root.get(path).json() == made.json()
    assert root.get(path, headers={"If-None-Match": made["ETag"]}).status_code == 304
    first = next(iter(bare))
    changed = root.patch(path, {first: "other.example.org"}, format="json", headers={"If-Match": made["ETag"]})
    assert changed.json() == {**made.json(), first: "other.example.org"}
    assert unseal(getattr(model.current(), secret)) == body[secret], "what was not given stays"
    assert root.put(path, bare, format="json").json() == made.json()
    assert root.patch(path, {secret: "another"}, format="json").status_code == 200
    assert unseal(getattr(model.current(), secret)) == "another"
    assert root.delete(path, headers={"If-Match": '"other"'}).status_code == 412
    assert root.delete(path).status_code == 204
    assert not model.objects.exists()
    kept = " ".join(str((entry.before, entry.after)) for entry in AuditEntry.objects.all())
    assert body[secret] not in kept
    assert "another" not in kept


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (DIRECTORY, directory_body(port=0), "port"),
        (DIRECTORY, directory_body(port="389"), "port"),
        (DIRECTORY, directory_body(name_attribute="uid)(a=*"), "name_attribute"),
        (DIRECTORY, directory_body(colour="red"), "colour"),
        (PROVIDER, provider_body(issuer="http://id.example.org"), "issuer"),
        (PROVIDER, provider_body(name=""), "name"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(people: Cast, path: str, body: dict[str, Any], field: str) -> None:
    answer = confirmed(people.root).put(path, body, format="json")
    assert (answer.status_code, list(codes(answer))) == (400, [field])


@pytest.mark.skipif(slapd.slapd() is None, reason="needs an LDAP server: apt-get install slapd")
def test_the_connection_to_the_directory_is_tried(ldap: tuple[int, str], people: Cast) -> None:
    port, certificate = ldap
    root = confirmed(people.root)
    named = {"tls_cert_issued_to": "ldap.example.org", "authority": certificate}
    root.put(DIRECTORY, directory_body(server="127.0.0.1", port=port, **named), format="json")
    assert root.post(f"{DIRECTORY}test/").json() == {"answers": True, "problem": None}
    root.patch(DIRECTORY, {"service_account_password": "wrong"}, format="json")
    answer = root.post(f"{DIRECTORY}test/").json()
    assert (answer["answers"], "cannot be asked" in answer["problem"]) == (False, True)


def test_the_connection_to_the_provider_is_tried(served: Issuer, people: Cast) -> None:
    root = confirmed(people.root)
    root.put(PROVIDER, provider_body(issuer=served.address), format="json")
    assert root.post(f"{PROVIDER}test/").json() == {"answers": True, "problem": None}
    root.patch(PROVIDER, {"issuer": "http://127.0.0.1:1"}, format="json")
    answer = root.post(f"{PROVIDER}test/").json()
    assert (answer["answers"], "cannot be asked" in answer["problem"]) == (False, True)


# --- what groups bring


def test_what_groups_bring_is_made_listed_and_taken(people: Cast) -> None:
    root = confirmed(people.root)
    made = root.post(GRANTS, {"group": "admins", "role": "administrator"}, format="json")
    assert (made.status_code, made.json()["tenant"]) == (201, None)
    editors = root.post(GRANTS, {"group": "blue", "tenant": "blue", "role": "editor"}, format="json").json()
    assert (editors["tenant"], editors["role"]) == ("blue", "editor")
    assert root.get(f"{GRANTS}?tenant=blue").json()["results"] == [editors]
    assert root.get(f"{GRANTS}?role=administrator&count=true").json()["results"] == [made.json()]
    for body, field in (
        ({"group": "ADMINS", "role": "auditor"}, "group"),
        ({"group": "x", "role": "viewer"}, "tenant"),
        ({"group": "x", "role": "auditor", "tenant": "blue"}, "tenant"),
        ({"group": "x", "role": "viewer", "tenant": "nosuch"}, "tenant"),
        ({"group": "x", "role": "king"}, "role"),
        ({"group": "", "role": "auditor"}, "group"),
    ):
        assert list(codes(root.post(GRANTS, body, format="json"))) == [field], body
    one = f"{GRANTS}{made.json()['id']}/"
    assert root.delete(one, headers={"If-Match": '"other"'}).status_code == 412
    assert root.delete(one).status_code == 204
    assert root.get(one).status_code == 404


def test_many_at_once_ask_for_the_password_as_one_does(people: Cast) -> None:
    said = {"operations": [{"op": "create", "body": {"group": "g", "role": "auditor"}}]}
    assert unconfirmed_in(with_token(people.root).post(f"{GRANTS}bulk/", said, format="json"))
    assert not GroupGrant.objects.exists()
    assert confirmed(people.root).post(f"{GRANTS}bulk/", said, format="json").status_code == 200


def unconfirmed_in(answer: Any) -> bool:
    return answer.status_code == 403 and answer.json()["errors"][0]["code"] == "unconfirmed"


def test_who_signs_in_by_a_provider_is_told_where_to_confirm(people: Cast) -> None:
    gina = User.objects.create(username="gina")
    FromProvider.objects.create(user=gina, issuer="https://id.example.org", subject="42")
    answer = with_token(gina).post("/api/v2/me/confirm/", {"password": "x"}, format="json")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/elsewhere")


def test_a_browser_that_was_left_open_makes_no_token(people: Cast) -> None:
    confirmed(people.root)
    client = sign_in("root")
    shown_long_ago(client)
    assert unconfirmed(client.post("/api/v2/tokens/", {"name": "t"}, content_type="application/json"))
    assert client.get("/api/v2/tokens/").status_code == 200
    client.post("/api/v2/me/confirm/", {"password": PASSWORD}, content_type="application/json")
    assert client.post("/api/v2/tokens/", {"name": "t"}, content_type="application/json").status_code == 201

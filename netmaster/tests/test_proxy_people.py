"""auth_proxy's dialect on the main port: local users, and what they and groups are granted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.actions.groups import give_roles, grant_group
from accounts.models import GroupGrant
from netmaster.tests.proxy import DENIED, PASSWORD, Proxy, keys
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership
from tenants.testing import Cast
from tests.pages import unhashed

__all__ = ["unhashed"]


def test_users_are_made_read_changed_and_removed(people: Cast) -> None:
    root = Proxy(people.root)
    body = {"username": "dora", "password": PASSWORD, "first_name": "Dora", "last_name": "D"}
    shown = {"username": "dora", "first_name": "Dora", "last_name": "D", "disable": False}
    assert root.own("local_users/", "POST", body) == (201, shown)
    assert shown in root.own("local_users/")[1]
    assert root.own("local_users/dora/", "PATCH", {"first_name": "", "last_name": "E", "username": "x"}) == (
        200,
        shown | {"last_name": "E"},
    )
    assert root.own("local_users/dora/", "PATCH", {"disable": True})[1]["disable"] is True
    assert root.own("local_users/dora/", "PATCH", {"last_name": "F"})[1]["disable"] is True, "only what is said"
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.verb, entry.object_type, "password" in (entry.after or {})) == ("user.update", "account", False)
    assert root.own("local_users/dora/", "DELETE") == (204, "")
    assert root.own("local_users/dora/") == (404, "")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"username": "alice", "password": PASSWORD}, 'User "alice" exists already'),
        ({"username": "", "password": PASSWORD}, "Username/Password is empty"),
        ({"username": "do ra", "password": PASSWORD}, "Invalid username. Only alpha-numeric and [-_.@] are allowed"),
        ({"username": "dora"}, "Username/Password is empty"),
        ({"username": "dora", "password": "123"}, "This password is too short. It must contain at least 8 characters."),
    ],
)
def test_users_that_cannot_be(people: Cast, body: dict[str, str], says: str) -> None:
    assert Proxy(people.root).own("local_users/", "POST", body) == (400, {"error": says})
    assert not User.objects.filter(username="dora").exists()


def test_members_are_found_in_any_case(people: Cast) -> None:
    root = Proxy(people.root)
    body = {"UserName": "dora", "PASSWORD": PASSWORD, "First_Name": "Dora", "Disable": True}
    shown = {"username": "dora", "first_name": "Dora", "last_name": "", "disable": True}
    assert root.own("local_users/", "POST", body) == (201, shown)
    assert root.own("local_users/dora/", "PATCH", {"disable": False})[1]["disable"] is False
    assert Proxy().own("login/", "POST", {"Username": "dora", "Password": PASSWORD})[0] == 200


def test_others_see_and_change_themselves_alone(people: Cast) -> None:
    alice = Proxy(people.alice)
    assert alice.own("local_users/") == alice.own("local_users/", "POST", {}) == DENIED
    assert alice.own("local_users/bob/") == alice.own("local_users/bob/", "PATCH", {}) == DENIED
    assert alice.own("local_users/alice/", "DELETE") == DENIED
    assert alice.own("local_users/alice/")[0] == 200
    assert alice.own("local_users/alice/", "PATCH", {"password": PASSWORD})[0] == 200
    assert Proxy().own("login/", "POST", {"username": "alice", "password": PASSWORD})[0] == 200
    assert alice.own("local_users/alice/", "PATCH", {"disable": True})[0] == 400


def test_somebody_is_left_who_administers(people: Cast) -> None:
    root = Proxy(people.root)
    herself = f"local_users/{people.root.username}/"
    assert root.own(herself, "PATCH", {"disable": True})[0] == 400
    assert "last who administers" in root.own(herself, "DELETE")[1]["error"]
    User.objects.create_superuser("admin", password=PASSWORD)
    assert (
        root.own("local_users/admin/", "DELETE")[0]
        == root.own("local_users/admin/", "PATCH", {"disable": True})[0]
        == 400
    )


# --- authorizations


def test_grants_are_our_administrators_and_memberships(people: Cast) -> None:
    root = Proxy(people.root)
    found = {(g["PrincipalName"], g["Role"], g["TenantName"]) for g in root.own("authorizations/")[1]}
    in_tenants = {("alice", "ops", "blue"), ("bob", "ops", "blue"), ("charlie", "ops", "green")}
    assert found == {("root", "admin", ""), *in_tenants, *((name, role, "") for name, role, _ in in_tenants)}
    body = {"principalName": "charlie", "local": True, "role": "ops", "tenantName": "blue"}
    status, made = root.own("authorizations/", "POST", body)
    assert (status, made["Local"], made["TenantName"]) == (201, True, "blue")
    assert keys(Proxy(people.charlie).get("tenants/")) == ["blue", "green"]
    one = f"authorizations/{made['AuthzUUID']}/"
    assert root.own(one) == (200, made)
    assert root.own(one, "DELETE") == (204, "")
    assert root.own(one)[0] == root.own(one, "DELETE")[0] == 404
    assert keys(Proxy(people.charlie).get("tenants/")) == ["green"]


def test_groups_are_granted_what_people_are(people: Cast) -> None:
    root, dn = Proxy(people.root), "CN=Net Admins,OU=Groups,DC=example,DC=org"
    body = {"principalName": dn, "local": False, "role": "ops", "tenantName": "blue"}
    status, ops = root.own("authorizations/", "POST", body)
    assert (status, {**ops, "AuthzUUID": ""}) == (
        201,
        {"AuthzUUID": "", "PrincipalName": dn, "Local": False, "Role": "ops", "TenantName": "blue"},
    )
    assert root.own("authorizations/", "POST", body)[0] == 400, "once is enough"
    del body["local"]
    status, admin = root.own("authorizations/", "POST", {**body, "role": "admin"})
    assert (status, admin["Local"], admin["Role"], admin["TenantName"]) == (201, False, "admin", "")
    held = {(row.group, row.tenant, row.role) for row in GroupGrant.objects.all()}
    assert held == {(dn, people.blue, "editor"), (dn, None, "administrator")}
    assert [one for one in root.own("authorizations/")[1] if not one["Local"]] == [ops, admin]
    for made in (ops, admin):
        one = f"authorizations/{made['AuthzUUID']}/"
        assert root.own(one) == (200, made)
        assert root.own(one, "DELETE") == (204, "")
        assert root.own(one)[0] == 404
    assert not GroupGrant.objects.exists()
    assert AuditEntry.objects.filter(verb="group_grant.delete", via="contiv").count() == 2


def test_what_somebody_has_by_a_group_is_the_groups_grant(people: Cast) -> None:
    before = Proxy(people.root).own("authorizations/")[1]
    give: dict[str, Any] = {"actor": SYSTEM, "group": "g"}
    grant_group(**give, tenant=people.green, role="viewer")
    grant_group(**give, role="administrator")
    grant_group(actor=SYSTEM, group="eyes", role="auditor")
    give_roles(people.bob, ["g"], SYSTEM)
    assert keys(Proxy(people.bob).get("tenants/")) == ["blue", "green"]
    after = Proxy(people.root).own("authorizations/")[1]
    assert [one for one in after if one["Local"]] == before
    assert [(one["PrincipalName"], one["Role"]) for one in after if not one["Local"]] == [("g", "ops"), ("g", "admin")]


def test_who_is_in_tenants_has_one_record_without_a_tenant_that_goes_with_the_last(people: Cast) -> None:
    root = Proxy(people.root)

    def of(name: str) -> dict[str, str]:
        found = [g for g in root.own("authorizations/")[1] if g["PrincipalName"] == name]
        return {g["TenantName"]: g["AuthzUUID"] for g in found}

    body = {"principalName": "bob", "local": True, "role": "ops", "tenantName": "green"}
    root.own("authorizations/", "POST", body)
    held = of("bob")
    assert sorted(held) == ["", "blue", "green"]
    role = f"authorizations/{held['']}/"
    assert root.own(role)[1]["Role"] == "ops"
    assert root.own(role, "DELETE")[0] == 400
    assert len(set(held.values())) == 3
    for tenant in ("blue", "green"):
        assert root.own(f"authorizations/{held[tenant]}/", "DELETE") == (204, "")
    assert of("bob") == {}


def test_administrators_come_and_go_without_a_new_token(people: Cast) -> None:
    root, charlie = Proxy(people.root), Proxy(people.charlie)
    body = {"principalName": "charlie", "local": True, "role": "admin", "tenantName": "ignored"}
    made = root.own("authorizations/", "POST", body)[1]
    assert (made["Role"], made["TenantName"]) == ("admin", "")
    assert charlie.own("local_users/")[0] == 200
    root.own(f"authorizations/{made['AuthzUUID']}/", "DELETE")
    assert charlie.own("local_users/") == charlie.own("authorizations/") == DENIED


@pytest.mark.parametrize(
    "fields",
    [
        {"principalName": "nobody"},
        {"local": "yes"},
        {"local": False, "principalName": ""},
        {"local": False, "tenantName": "nosuch"},
        {"role": "king"},
        {"tenantName": ""},
        {"tenantName": "nosuch"},
        {"principalName": "alice", "tenantName": "blue"},
        {"principalName": "root", "role": "admin"},
    ],
)
def test_grants_that_cannot_be(people: Cast, fields: dict[str, Any]) -> None:
    body = {"principalName": "charlie", "local": True, "role": "ops", "tenantName": "blue"} | fields
    before = Membership.objects.count()
    assert Proxy(people.root).own("authorizations/", "POST", body)[0] == (500 if fields.get("local") == "yes" else 400)
    assert (Membership.objects.count(), GroupGrant.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"role": "king"}, "principal name is missing"),
        ({"principalName": "charlie", "role": "king"}, "illegal role specified"),
        ({"PrincipalName": "charlie", "Role": "ops"}, "ops role requires a tenant to be specified"),
    ],
)
def test_what_a_grant_lacks_is_said_in_the_proxys_words(people: Cast, body: dict[str, Any], says: str) -> None:
    assert Proxy(people.root).own("authorizations/", "POST", body) == (400, {"error": says})


def test_the_grant_of_the_built_in_administrator_stays(people: Cast) -> None:
    User.objects.create_superuser("admin", password=PASSWORD)
    root = Proxy(people.root)
    grant = next(g for g in root.own("authorizations/")[1] if g["PrincipalName"] == "admin")
    assert root.own(f"authorizations/{grant['AuthzUUID']}/", "DELETE")[0] == 400


def test_an_ldap_configuration_that_lacks_something_is_refused(people: Cast) -> None:
    """What a whole one does is tried against a real server (accounts/tests/test_directory.py)."""
    root = Proxy(people.root)
    assert root.own("ldap_configuration/")[0] == 404
    given: dict[str, Any] = {}
    for says, more in (
        ("Invalid Server/Port details", {"server": "127.0.0.1"}),
        ("Invalid Server/Port details", {"port": 389}),
        ("Empty service account DN/Password", {"service_account_dn": "cn=x", "service_account_password": "p"}),
        ("Empty base DN", {"base_dn": "dc=x", "start_tls": True}),
        ("InsecureSkipVerify or TLSCertIssuedTo must be provided for TLS/SSL connection", {"start_tls": False}),
    ):
        assert root.own("ldap_configuration/", "PUT", given) == (400, {"error": says})
        given |= more
    kept = root.own("ldap_configuration/", "PUT", given)
    assert kept[0] == 200
    assert root.own("ldap_configuration/", "PATCH", {"server": "", "Base_DN": ""}) == kept, "empty means keep"
    root.own("ldap_configuration/", "DELETE")
    assert root.own("ldap_configuration/", "PUT", {"port": 70000})[0] == 400
    assert root.own("ldap_configuration/", "PUT", {"start_tls": "yes"})[0] == 500
    assert Proxy(people.alice).own("ldap_configuration/") == DENIED

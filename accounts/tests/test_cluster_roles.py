"""Roles in the cluster that groups bring: who holds which, how long, and that nobody is locked out by them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from accounts.actions.directory import DIRECTORY
from accounts.actions.factors import change_rules, needs_factor
from accounts.actions.groups import give_roles, grant_group, withdraw_group
from accounts.models import ClusterRoleByGroup, Directory, GroupGrant, MembershipByGroup, Provider
from accounts.tests import slapd
from accounts.tests.issuer import Issuer
from accounts.tests.slapd import GROUPS
from accounts.tests.test_directory import check, directory, ldap
from accounts.tests.test_provider import come, provider, served
from tenants.actions import add_member, set_role
from tenants.change import SYSTEM, Refused
from tenants.models import Account, AuditEntry, Membership
from tenants.testing import Cast, client_of
from tenants.users import delete_user, set_cluster_role, update_user
from tests.pages import signed_in

__all__ = ["directory", "ldap", "provider", "served"]
pytestmark = pytest.mark.usefixtures("unhashed")


def role_of(name: str) -> str | None:
    return Account.objects.get(username=name).cluster_role


def grant(group: str, role: str) -> GroupGrant:
    return grant_group(actor=SYSTEM, group=group, role=role)


@pytest.fixture
def erin(people: Cast) -> User:
    """Somebody whose password is kept elsewhere."""
    user = User(username="erin")
    user.set_unusable_password()
    user.save()
    return user


def sign_in(user: User, *groups: str) -> str | None:
    give_roles(user, groups, DIRECTORY)
    return role_of(user.username)


# --- against the real directory, and the provider


@pytest.mark.skipif(slapd.slapd() is None, reason="needs an LDAP server: apt-get install slapd")
def test_a_nested_group_of_the_directory_brings_a_role_and_takes_it_along(directory: Directory) -> None:
    row = grant(f"cn=everybody,{GROUPS}", "auditor")
    assert check("erin").get_username() == "erin"
    assert (role_of("erin"), role_of("root")) == ("auditor", "administrator")
    strong = grant(f"CN=NetAdmins,{GROUPS}", "administrator")
    assert check("erin").is_superuser, "what is answered is what she is now"
    check("frank")
    assert (role_of("erin"), role_of("frank")) == ("administrator", "auditor")
    withdraw_group(actor=SYSTEM, row=strong)
    assert role_of("erin") == "administrator", "until she signs in again"
    assert not check("erin").is_superuser
    assert role_of("erin") == "auditor"
    withdraw_group(actor=SYSTEM, row=row)
    check("erin")
    assert role_of("erin") is None
    said = AuditEntry.objects.filter(verb="user.role", object_name="erin").order_by("pk")
    assert [(entry.actor, (entry.after or {})["cluster_role"]) for entry in said] == [
        ("directory", "auditor"),
        ("directory", "administrator"),
        ("directory", "auditor"),
        ("directory", None),
    ]


@pytest.mark.skipif(slapd.slapd() is None, reason="needs an LDAP server: apt-get install slapd")
def test_whom_a_group_makes_an_administrator_needs_a_second_factor_as_all_do(directory: Directory) -> None:
    change_rules(actor=SYSTEM, factor_for_administrators=True)
    grant(f"cn=netadmins,{GROUPS}", "administrator")
    assert needs_factor(check("erin"))


def test_a_group_of_the_provider_brings_a_role_in_the_cluster(provider: Provider, served: Issuer) -> None:
    grant("net-operators", "operator")
    client, _ = come(served, groups=["net-operators"])
    assert role_of("gina") == "operator"
    assert client.get("/nodes/").status_code == 200
    come(served, groups=[])
    assert role_of("gina") is None
    assert client.get("/nodes/").status_code in (403, 404), "her open session has no more than she"


# --- which of several, and by whom


def test_of_several_the_strongest_wins(erin: User) -> None:
    for role in ("auditor", "operator", "administrator"):
        grant(role, role)
    assert sign_in(erin, "auditor", "operator") == "operator"
    assert sign_in(erin, "operator", "administrator", "auditor") == "administrator"
    assert sign_in(erin, "auditor") == "auditor"
    assert sign_in(erin, "another") is None


def test_a_role_given_by_hand_is_not_the_groups_to_change(erin: User) -> None:
    grant("admins", "administrator")
    set_cluster_role(actor=SYSTEM, row=erin, role="auditor")
    assert sign_in(erin, "admins") == "auditor"
    assert sign_in(erin) == "auditor"
    set_cluster_role(actor=SYSTEM, row=erin, role=None)
    assert sign_in(erin, "admins") == "administrator"


def test_a_role_that_a_person_changed_is_by_hand_from_then_on(erin: User, people: Cast) -> None:
    grant("auditors", "auditor")
    sign_in(erin, "auditors")
    set_cluster_role(actor=SYSTEM, row=erin, role="operator")
    assert not ClusterRoleByGroup.objects.exists()
    assert sign_in(erin) == "operator"
    grant_group(actor=SYSTEM, group="blue", tenant=people.blue, role="viewer")
    sign_in(erin, "blue")
    set_role(actor=SYSTEM, row=Membership.objects.get(user=erin), role="editor")
    assert not MembershipByGroup.objects.exists()
    sign_in(erin)
    assert Membership.objects.get(user=erin).role == "editor"


def test_changing_her_name_leaves_the_role_the_groups(erin: User, people: Cast) -> None:
    grant("auditors", "auditor")
    sign_in(erin, "auditors")
    body = {"first_name": "Erin", "cluster_role": "auditor"}
    assert client_of(people.root).patch(f"/api/v2/users/{erin.pk}/", body, format="json").status_code == 200
    assert sign_in(erin) is None


def test_what_a_group_brings_in_a_tenant_follows_it_up_and_down(erin: User, people: Cast) -> None:
    for role in ("viewer", "editor"):
        grant_group(actor=SYSTEM, group=role, tenant=people.blue, role=role)
    for groups, wanted in ((["viewer"], "viewer"), (["editor", "viewer"], "editor"), (["viewer"], "viewer")):
        sign_in(erin, *groups)
        assert Membership.objects.get(user=erin).role == wanted
    sign_in(erin)
    assert not Membership.objects.filter(user=erin).exists()
    assert role_of("erin") is None


# --- nobody is locked out


def test_the_last_administrator_whose_password_is_kept_here_stays(erin: User, people: Cast) -> None:
    """Were the directory away, nobody else could sign in and help."""
    grant("admins", "administrator")
    assert sign_in(erin, "admins") == "administrator"
    for verb in (
        lambda: set_cluster_role(actor=DIRECTORY, row=people.root, role=None),
        lambda: update_user(actor=DIRECTORY, row=people.root, is_active=False),
        lambda: delete_user(actor=DIRECTORY, row=people.root),
    ):
        with pytest.raises(Refused, match="password that is kept here"):
            verb()
    assert sign_in(erin) is None, "whose role the directory brought is not the last one"


def test_who_is_the_last_of_all_stays_and_gets_in(erin: User) -> None:
    User.objects.filter(username="root").delete()
    grant("admins", "administrator")
    sign_in(erin, "admins")
    assert sign_in(erin) == "administrator"


# --- the page


def test_an_administrator_says_on_the_page_what_a_group_brings(people: Cast) -> None:
    root, path = signed_in(people.root), "/sign-in/directory/group/"
    assert root.post(path, {"group": "cn=a", "tenant": "", "role": "auditor"}).status_code == 302
    page = root.get("/sign-in/directory/").content.decode()
    assert "cn=a" in page
    assert "Cluster auditor" in page
    wrong = root.post(path, {"group": "cn=b", "tenant": people.blue.pk, "role": "auditor"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["tenant"])
    wrong = root.post(path, {"group": "cn=b", "tenant": "", "role": "viewer"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["tenant"])
    again = root.post(path, {"group": "CN=A", "tenant": "", "role": "operator"})
    assert (again.status_code, list(again.context["form"].errors)) == (422, ["group"])
    said = AuditEntry.objects.get(verb="group_grant.create")
    assert (said.tenant, said.object_name) == (None, "cn=a is auditor of the cluster")
    assert signed_in(people.alice).post(path, {"group": "cn=c", "role": "administrator"}).status_code == 403


@pytest.mark.parametrize(("role", "inside"), [("king", True), ("king", False), ("owner", False), ("operator", True)])
def test_grants_that_cannot_be(people: Cast, role: str, inside: bool) -> None:
    with pytest.raises(ValidationError):
        grant_group(actor=SYSTEM, group="g", role=role, tenant=people.blue if inside else None)


def test_an_owner_neither_sees_nor_makes_what_groups_bring(people: Cast) -> None:
    """Not of her own tenant either: who is in a group is not hers to say."""
    grant_group(actor=SYSTEM, group="g", tenant=people.blue, role="viewer")
    assert not GroupGrant.objects.visible_to(people.alice).exists()
    assert GroupGrant.objects.visible_to(people.root).count() == 1
    add_member(actor=SYSTEM, tenant=people.green, user=people.alice, role="owner")
    undo = client_of(people.alice).post(f"/api/v2/audit/{AuditEntry.objects.get(verb='group_grant.create').pk}/undo/")
    assert undo.status_code == 403

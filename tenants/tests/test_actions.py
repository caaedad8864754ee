"""The verbs on tenants and members, and who may use which verb."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied, ValidationError

from networks.actions import create_network
from tenants.access import Forbidden, may, require, rights_of
from tenants.actions import add_member, create_tenant, delete_tenant, remove_member, set_role, update_tenant
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, Membership, Tenant
from tenants.testing import Cast


def test_it_makes_a_tenant_with_an_owner(people: Cast) -> None:
    red = create_tenant(actor=SYSTEM, name="red", default_verdict="deny", owner=people.bob)
    assert Membership.objects.get(tenant=red).role == "owner"
    entry = AuditEntry.objects.first()
    assert entry is not None and entry.after
    assert (entry.tenant, entry.after["owner"], entry.after["default_verdict"]) == (red, "bob", "deny")


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": "blue"}, "name", "name_in_use"),
        ({"name": "no spaces"}, "name", "name"),
        ({"name": ""}, "name", "blank"),
        ({"name": "x", "default_verdict": "maybe"}, "default_verdict", "invalid_choice"),
        ({"name": "x", "description": "d" * 201}, "description", "max_length"),
    ],
)
def test_it_refuses_a_tenant_that_cannot_be(people: Cast, fields: dict[str, str], field: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        create_tenant(actor=SYSTEM, **fields)
    assert caught.value.error_dict[field][0].code == code
    assert Tenant.objects.count() == 2


def test_a_changed_tenant_is_a_new_generation(people: Cast) -> None:
    changed = update_tenant(actor=SYSTEM, row=people.blue, default_verdict="deny")
    assert changed.generation == Tenant.objects.get(pk=people.blue.pk).generation > people.blue.generation
    assert changed.name == "blue"


def test_it_refuses_to_delete_a_tenant_that_owns_something(people: Cast) -> None:
    create_network(actor=SYSTEM, tenant=people.blue, name="a", subnet4="20.1.1.0/24")
    create_network(actor=SYSTEM, tenant=people.blue, name="b", subnet4="20.1.2.0/24")
    with pytest.raises(Refused) as caught:
        delete_tenant(actor=SYSTEM, row=people.blue)
    assert caught.value.users == ["it has 2 networks"]
    delete_tenant(actor=SYSTEM, row=people.green)
    assert list(Tenant.objects.values_list("name", flat=True)) == ["blue"]
    assert AuditEntry.objects.filter(tenant_name="green").exists(), "the record outlives what it is about"


def test_it_gives_changes_and_takes_roles(people: Cast) -> None:
    row = add_member(actor=SYSTEM, tenant=people.blue, user=people.charlie, role="editor")
    assert may(people.charlie, "network.create", people.blue)
    assert not may(people.charlie, "member.create", people.blue)
    set_role(actor=SYSTEM, row=row, role="owner")
    assert may(people.charlie, "member.create", people.blue)
    remove_member(actor=SYSTEM, row=row)
    assert not may(people.charlie, "network.view", people.blue)


def test_it_refuses_a_member_twice_and_a_role_there_is_not(people: Cast) -> None:
    for user, role, field in ((people.bob, "viewer", "user"), (people.charlie, "king", "role")):
        with pytest.raises(ValidationError) as caught:
            add_member(actor=SYSTEM, tenant=people.blue, user=user, role=role)
        assert list(caught.value.error_dict) == [field]


def test_it_keeps_the_last_owner(people: Cast) -> None:
    row = Membership.objects.get(user=people.alice)
    with pytest.raises(Refused, match="last owner"):
        remove_member(actor=SYSTEM, row=row)
    with pytest.raises(Refused, match="last owner"):
        set_role(actor=SYSTEM, row=row, role="viewer")
    add_member(actor=SYSTEM, tenant=people.blue, user=people.charlie, role="owner")
    remove_member(actor=SYSTEM, row=row)
    assert not Membership.objects.filter(user=people.alice).exists()


RIGHTS = {
    # verb: who may, in blue
    "network.view": {"alice", "bob", "root"},
    "network.create": {"alice", "root"},
    "policy.delete": {"alice", "root"},
    "tenant.update": {"alice", "root"},
    "member.create": {"alice", "root"},
    "tenant.create": {"root"},
    "node.view": {"root"},
    "fabric.update": {"root"},
}


@pytest.mark.parametrize("verb", RIGHTS)
def test_it_lets_do_what_the_role_allows(people: Cast, verb: str) -> None:
    cast = (people.alice, people.bob, people.charlie, people.root)
    assert {user.username for user in cast if may(user, verb, people.blue)} == RIGHTS[verb]


def test_it_lets_nobody_do_anything_who_is_not_logged_in_or_not_active(people: Cast) -> None:
    people.root.is_active = False
    for user in (AnonymousUser(), people.root):
        assert not may(user, "network.view", people.blue)


def test_it_says_which_right_is_missing_and_who_grants_it(people: Cast) -> None:
    with pytest.raises(Forbidden) as caught:
        require(people.bob, "network.create", people.blue)
    assert str(caught.value) == (
        "This needs the role of an editor of tenant blue. An owner of blue or a cluster administrator can grant it."
    )
    assert isinstance(caught.value, PermissionDenied), "so that a page answers 403 by itself"
    with pytest.raises(Forbidden, match="cluster administrators"):
        require(people.alice, "node.create")


def test_it_reads_all_of_a_persons_rights_in_one_query(people: Cast, django_assert_num_queries: object) -> None:
    user = User.objects.select_related("held_role").get(username="alice")
    with django_assert_num_queries(1):  # type: ignore[operator]
        rights = rights_of(user)
        assert rights.may("network.create", people.blue)
        assert not rights.may("network.create", people.green)
        assert not rights.may("node.create")

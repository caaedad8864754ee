"""Taking back how people sign in: what can be, what cannot and why, and that it is worth a password."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

import accounts
from accounts.actions.directory import drop_directory, set_directory
from accounts.actions.factors import change_rules
from accounts.actions.groups import give_roles, grant_group, withdraw_group
from accounts.actions.passwords import change_password
from accounts.actions.provider import drop_provider, set_provider
from accounts.models import Directory, GroupGrant, Provider, Rules
from accounts.sealed import unseal
from accounts.tests.test_api import with_token
from accounts.tests.test_api_factors import begin, confirmed, first_code, unconfirmed
from accounts.tests.test_signing import BETTER, PASSWORD, alice, keep_in, session_of, sign_in
from tenants.actions import remove_member
from tenants.change import SYSTEM, Actor, Refused
from tenants.models import Account, AuditEntry, Membership, Tenant
from tenants.testing import Cast
from tenants.undo import kinds, never
from tenants.verify import Verification
from tests.undo.taking import newest, undo

__all__ = ["alice"]
pytestmark = pytest.mark.usefixtures("unhashed")

DIRECTORY: dict[str, Any] = {
    "server": "ldap.example.org",
    "base_dn": "dc=example,dc=org",
    "service_account_dn": "cn=service",
    "service_account_password": "secret-1",
}
PROVIDER: dict[str, Any] = {
    "name": "House",
    "issuer": "https://id.example.org",
    "client_id": "c",
    "client_secret": "secret-1",
}


def test_every_verb_of_the_room_can_be_undone_or_says_why_not() -> None:
    sources = [path for path in Path(accounts.__file__).parent.rglob("*.py") if "tests" not in path.parts]
    verbs = {verb for path in sources for verb in re.findall(r'verb="([a-z_]+\.[a-z_]+)"', path.read_text())}
    assert {"factor.create", "group_grant.create", "sign_in.update"} <= verbs
    verbs |= {f"{kind}.{act}" for kind in ("directory", "provider") for act in ("update", "delete")}
    undoable = {"group_grant", "sign_in", "user", "directory", "provider"}
    assert {"groupgrant", "rules", "account", "directory", "provider"} <= set(kinds)
    assert [verb for verb in sorted(verbs) if verb not in never and verb.partition(".")[0] not in undoable] == []


def test_what_a_group_brings_goes_and_comes_back_under_its_id(people: Cast) -> None:
    for tenant, role in ((people.blue, "viewer"), (None, "operator")):
        row = grant_group(actor=SYSTEM, group="g", tenant=tenant, role=role)
        withdraw_group(actor=SYSTEM, row=row)
        undo("group_grant.delete")
        back = GroupGrant.objects.get()
        assert (back.pk, back.tenant, back.role) == (row.pk, tenant, role)
        undo("group_grant.create")
        assert not GroupGrant.objects.exists()


def test_a_grant_whose_place_is_taken_stays_gone(people: Cast) -> None:
    withdraw_group(actor=SYSTEM, row=grant_group(actor=SYSTEM, group="g", role="operator"))
    grant_group(actor=SYSTEM, group="g", role="auditor")
    with pytest.raises(Refused, match="has a role in the cluster already"):
        undo("group_grant.delete")


def test_a_role_that_a_group_brought_is_taken_back_until_the_next_sign_in(people: Cast) -> None:
    grant_group(actor=SYSTEM, group="g", role="operator")
    give_roles(people.bob, ["g"], SYSTEM)
    undo("user.role")
    assert Account.objects.get(pk=people.bob.pk).cluster_role is None
    give_roles(people.bob, ["g"], SYSTEM)
    assert Account.objects.get(pk=people.bob.pk).cluster_role == "operator"


def test_a_tenant_that_comes_back_has_what_groups_bring_in_it(people: Cast) -> None:
    row = grant_group(actor=SYSTEM, group="g", tenant=people.green, role="viewer")
    root, path = confirmed(people.root), f"/api/v2/tenants/{people.green.pk}/"
    assert root.delete(path).status_code == 204
    assert not GroupGrant.objects.exists()
    answer = root.post(f"/api/v2/audit/{newest('tenant.delete').pk}/undo/")
    assert answer.status_code == 200, answer.content
    assert (GroupGrant.objects.get().pk, Tenant.objects.get(pk=people.green.pk).name) == (row.pk, "green")
    assert Membership.objects.filter(tenant=people.green, user=people.charlie).exists()
    assert list(Verification().faults()) == []


def test_rules_are_set_back(people: Cast) -> None:
    change_rules(actor=SYSTEM, factor_for_administrators=True)
    root = Actor("root", "page", people.root.pk)
    change_rules(actor=root, factor_for_administrators=False)
    with pytest.raises(Refused, match="second factor of your own first"):
        undo("sign_in.update", root)
    undo("sign_in.update")
    assert Rules.current().factor_for_administrators


@pytest.mark.parametrize(
    ("model", "put", "drop", "said", "secret", "change"),
    [
        (Directory, set_directory, drop_directory, DIRECTORY, "service_account_password", {"port": 1389}),
        (Provider, set_provider, drop_provider, PROVIDER, "client_secret", {"name": "Other"}),
    ],
)
def test_where_people_sign_in_by_is_set_back_but_for_secrets(
    people: Cast, model: Any, put: Any, drop: Any, said: dict[str, Any], secret: str, change: dict[str, Any]
) -> None:
    verb, name = f"{model._meta.model_name}.update", next(iter(change))
    put(actor=SYSTEM, **said)
    before = getattr(model.current(), name)
    put(actor=SYSTEM, **change)
    put(actor=SYSTEM, **change)
    assert AuditEntry.objects.filter(verb=verb).count() == 2, "nothing to do is no change"
    undo(verb)
    assert (getattr(model.current(), name), unseal(getattr(model.current(), secret))) == (before, "secret-1")
    for more in ({}, change):
        put(actor=SYSTEM, **more, **{secret: "secret-2"})
        entry = newest(verb)
        assert entry.before is not None
        assert entry.after is not None
        assert (entry.before[secret], entry.after[secret]) == ("earlier", "changed")
        with pytest.raises(Refused, match="secret changed along with it"):
            undo(verb)
        assert unseal(getattr(model.current(), secret)) == "secret-2"
        assert "secret-2" not in str((entry.before, entry.after))
    drop(actor=SYSTEM)
    with pytest.raises(Refused, match="never in the record"):
        undo(f"{model._meta.model_name}.delete")
    put(actor=SYSTEM, **said)
    undo(verb)
    assert model.current() is None, "what was made is dropped"


def test_passwords_factors_and_sessions_say_why_not(alice: User) -> None:
    client, gone = sign_in(), sign_in()
    client.post("/account/sessions/end/", {"session": session_of(gone).public_id})
    first_code(confirmed(alice), begin(confirmed(alice)))
    alice.refresh_from_db()
    confirmed(alice).post("/api/v2/me/factors/recovery-codes/")
    confirmed(alice).delete("/api/v2/me/factors/authenticator/")
    change_password(actor=Actor("alice", "page", alice.pk), user=alice, password=BETTER)
    for verb in ("session.delete", "factor.create", "factor.codes", "factor.delete", "account.password"):
        with pytest.raises(Refused) as refused:
            undo(verb)
        assert (refused.value.code, never[verb] in refused.value.message) == ("not_undoable", True)


def test_a_member_whom_a_group_brought_goes_and_comes_back(people: Cast) -> None:
    grant_group(actor=SYSTEM, group="g", tenant=people.green, role="viewer")
    give_roles(people.bob, ["g"], SYSTEM)
    remove_member(actor=SYSTEM, row=Membership.objects.get(user=people.bob, tenant=people.green))
    undo("member.delete")
    give_roles(people.bob, [], SYSTEM)
    assert Membership.objects.filter(user=people.bob, tenant=people.green).exists(), "a person brought it back"


# --- it is worth a password


def test_undoing_what_lets_somebody_in_asks_for_the_password(people: Cast) -> None:
    withdraw_group(actor=SYSTEM, row=grant_group(actor=SYSTEM, group="g", role="administrator"))
    path = f"/api/v2/audit/{newest('group_grant.delete').pk}/undo/"
    assert unconfirmed(with_token(people.root).post(path))
    assert not GroupGrant.objects.exists()
    assert confirmed(people.root).post(path).status_code == 200
    assert GroupGrant.objects.get().role == "administrator"


def test_so_does_its_page_and_comes_back_to_it(people: Cast) -> None:
    people.root.set_password(PASSWORD)
    people.root.save()
    change_rules(actor=SYSTEM, factor_for_administrators=True)
    client, page = sign_in("root"), f"/activity/{newest('sign_in.update').pk}/undo/"
    session = session_of(client)
    keep_in(session, {name: said for name, said in session.get_decoded().items() if name not in ("confirmed", "must")})
    for method in (client.get, client.post):
        assert method(page)["Location"].startswith("/account/confirm/?next=%2Factivity%2F")
    assert Rules.current().factor_for_administrators
    asked = client.get(page)["Location"]
    assert client.post(asked, {"current": PASSWORD, "next": page})["Location"] == page
    assert client.post(page).status_code == 302
    assert not Rules.current().factor_for_administrators

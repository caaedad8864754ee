"""When tokens end: with a password, when she says so; with one that somebody else sets; not with a name that is had by
another account later."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import FromDirectory, FromProvider
from accounts.tests.test_signing import BETTER, PASSWORD, alice, sign_in
from netmaster.proxy.tokens import issue
from tenants.change import SYSTEM, Actor
from tenants.credentials import make_token
from tenants.models import AuditEntry, Tenant, Token
from tenants.testing import Cast, client_of
from tenants.users import update_user

__all__ = ["alice"]
pytestmark = pytest.mark.usefixtures("unhashed")


class Programs:
    """What goes on with tokens: one of her own, one of a tenant, one of auth_proxy."""

    def __init__(self, user: User, tenant: Tenant) -> None:
        own, in_tenant = (make_token(actor=SYSTEM, user=user, tenant=each)[1] for each in (None, tenant))
        self.api = [{"Authorization": f"Token {text}"} for text in (own, in_tenant)]
        self.contiv = {"X-Auth-Token": issue(user)}

    def work(self) -> list[bool]:
        answers = [Client().get("/api/v2/tenants/", headers=each) for each in self.api]
        answers.append(Client().get("/api/v1/tenants/", headers=self.contiv))
        return [answer.status_code == 200 for answer in answers]


ALL, NONE = [True] * 3, [False] * 3


def test_programs_go_on_when_she_changes_her_password(alice: User, people: Cast) -> None:
    programs = Programs(alice, people.blue)
    sign_in().post("/password/", {"current": PASSWORD, "password": BETTER, "again": BETTER})
    assert programs.work() == ALL


@pytest.mark.parametrize("way", ["page", "api"])
def test_her_tokens_end_with_her_password_when_she_says_so(alice: User, people: Cast, way: str) -> None:
    programs, bobs = Programs(alice, people.blue), Programs(people.bob, people.blue)
    assert programs.work() == ALL
    if way == "page":
        said = {"current": PASSWORD, "password": BETTER, "again": BETTER, "end_tokens": "on"}
        assert sign_in().post("/password/", said).status_code == 302
    else:
        said = {"current": PASSWORD, "password": BETTER, "end_tokens": True}
        answer = Client().post("/api/v2/me/password/", said, content_type="application/json", headers=programs.api[0])
        assert answer.status_code == 204
    assert programs.work() == NONE
    assert bobs.work() == ALL
    ended = AuditEntry.objects.filter(verb="token.delete")
    assert sorted(entry.tenant_name for entry in ended) == ["", "blue"]
    assert issue(User.objects.get(pk=alice.pk)) != programs.contiv["X-Auth-Token"]
    fresh = Programs(User.objects.get(pk=alice.pk), people.blue)
    assert fresh.work() == ALL, "what she makes now works"


def test_a_password_that_cannot_be_ends_no_tokens(alice: User, people: Cast) -> None:
    programs = Programs(alice, people.blue)
    said = {"current": PASSWORD, "password": "12345678", "again": "12345678", "end_tokens": "on"}
    assert sign_in().post("/password/", said).status_code == 422
    assert programs.work() == ALL


def test_a_password_that_an_administrator_sets_ends_her_tokens(alice: User, people: Cast) -> None:
    programs = Programs(alice, people.blue)
    path, root = f"/api/v2/users/{alice.pk}/", client_of(people.root)
    assert root.patch(path, {"first_name": "Alice"}, format="json").status_code == 200
    assert programs.work() == ALL
    assert root.patch(path, {"password": "12345678"}, format="json").status_code == 400
    assert programs.work() == ALL
    assert root.patch(path, {"password": BETTER}, format="json").status_code == 200
    assert programs.work() == NONE


def test_one_she_sets_herself_through_contivs_clients_does_not(alice: User, people: Cast) -> None:
    programs = Programs(alice, people.blue)
    update_user(actor=Actor("alice", "contiv", alice.pk), row=alice, password=BETTER)
    assert programs.work() == ALL


def test_an_account_that_is_switched_off_opens_nothing_and_has_its_tokens_again_afterwards(
    alice: User, people: Cast
) -> None:
    programs = Programs(alice, people.blue)
    for active, wanted in ((False, NONE), (True, ALL)):
        update_user(actor=SYSTEM, row=alice, is_active=active)
        assert programs.work() == wanted


def test_who_is_called_so_later_is_not_the_one_the_token_was_for(alice: User, people: Cast) -> None:
    headers = {"X-Auth-Token": issue(people.bob)}
    people.bob.delete()
    User.objects.create_superuser("bob")
    assert Client().get("/api/v1/tenants/", headers=headers).status_code == 400
    assert not Token.objects.filter(user__username="bob").exists()


@pytest.mark.parametrize("kept", [(FromDirectory, {"dn": "cn=d"}), (FromProvider, {"issuer": "i", "subject": "s"})])
def test_a_password_that_is_kept_elsewhere_is_not_set_here(people: Cast, kept: tuple[Any, dict[str, str]]) -> None:
    """It would open the account past the directory, also when that has locked her."""
    dora = User(username="dora")
    dora.set_unusable_password()
    dora.save()
    model, fields = kept
    model.objects.create(user=dora, **fields)
    answer = client_of(people.root).patch(f"/api/v2/users/{dora.pk}/", {"password": BETTER}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")
    with pytest.raises(ValidationError):
        update_user(actor=Actor("dora", "contiv", dora.pk), row=dora, password=BETTER)
    assert not User.objects.get(pk=dora.pk).has_usable_password()

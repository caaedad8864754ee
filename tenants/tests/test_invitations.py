"""Invitations: a link that opens once, for whoever has it, and is an owner's to make."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.change import SYSTEM, Refused
from tenants.invitations import accept, invite, join, opened, withdraw
from tenants.models import AuditEntry, Invitation, Membership, Role
from tenants.testing import Cast, client_of, make_cast, people
from tests.pages import signed_in, unhashed

__all__ = ["people", "unhashed"]
PASSWORD = "correct-horse-battery-7"


def test_a_link_opens_once(people: Cast) -> None:
    _, secret = invite(actor=SYSTEM, tenant=people.blue, email="dora@example.com", role=Role.EDITOR)
    member = accept(actor=SYSTEM, secret=secret, user=people.charlie)
    assert (member.user, member.tenant, member.role) == (people.charlie, people.blue, Role.EDITOR)
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.verb, entry.tenant) == ("invitation.accept", people.blue)
    with pytest.raises(Refused, match="used or withdrawn"):
        accept(actor=SYSTEM, secret=secret, user=people.root)
    recorded = AuditEntry.objects.filter(verb="invitation.create").values_list("after", flat=True)[0]
    assert "token_hash" not in (recorded or {})


def test_a_link_that_is_over_opens_nothing(people: Cast) -> None:
    late, late_secret = invite(actor=SYSTEM, tenant=people.blue, email="late@example.com")
    Invitation.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    gone, gone_secret = invite(actor=SYSTEM, tenant=people.blue, email="gone@example.com")
    withdraw(actor=SYSTEM, row=gone)
    for secret in (late_secret, gone_secret, "nothing", ""):
        assert opened(secret) is None
        with pytest.raises(Refused):
            join(address=None, secret=secret, username="dora", password=PASSWORD)
    assert not User.objects.filter(username="dora").exists()


def test_what_is_wrong_is_said_and_the_link_stays_good(people: Cast) -> None:
    _, secret = invite(actor=SYSTEM, tenant=people.blue, email="dora@example.com")
    with pytest.raises(ValidationError) as caught:
        join(address=None, secret=secret, username="dora", password="123")
    assert list(caught.value.error_dict) == ["password"]
    with pytest.raises(ValidationError):
        join(address=None, secret=secret, username="alice", password=PASSWORD)
    with pytest.raises(Refused, match="a member of blue already"):
        accept(actor=SYSTEM, secret=secret, user=people.bob)
    assert join(address=None, secret=secret, username="dora", password=PASSWORD).role == Role.VIEWER
    for wrong in ({"email": "dora"}, {"role": "king"}, {"days": 31}):
        with pytest.raises(ValidationError):
            invite(actor=SYSTEM, tenant=people.blue, **{"email": "dora@example.com", **wrong})  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_come_at_once_one_is_let_in() -> None:
    people = make_cast()
    _, secret = invite(actor=SYSTEM, tenant=people.blue, email="dora@example.com")
    meet = Barrier(2, timeout=30)

    def come(user: User) -> bool:
        try:
            meet.wait()
            accept(actor=SYSTEM, secret=secret, user=user)
        except Refused:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(come, (people.charlie, people.root))) == [False, True]
    assert Membership.objects.filter(tenant=people.blue, user__in=(people.charlie, people.root)).count() == 1


def test_owners_invite_and_nobody_else_knows_of_it(people: Cast) -> None:
    body = {"tenant": "blue", "email": "dora@example.com", "role": "editor"}
    made = client_of(people.alice).post("/api/v2/invitations/", body, format="json")
    assert (made.status_code, made.json()["path"]) == (201, f"/invitation/{made.json()['token']}/")
    path = f"/api/v2/invitations/{made.json()['id']}/"
    assert "token" not in client_of(people.alice).get(path).json()
    for person in (people.bob, people.charlie):
        assert client_of(person).get(path).status_code == 404
        assert client_of(person).get("/api/v2/invitations/").json()["results"] == []
    assert client_of(people.bob).post("/api/v2/invitations/", body, format="json").status_code == 403
    assert client_of(people.alice).delete(path).status_code == 204
    assert opened(made.json()["token"]) is None


@pytest.mark.usefixtures("unhashed")
def test_the_way_from_the_tenants_page_to_a_new_account(people: Cast) -> None:
    alice, page = signed_in(people.alice), reverse("tenant.detail", args=[people.blue.pk])
    assert "Invite somebody" in alice.get(page).content.decode()
    assert "Invitations" not in signed_in(people.bob).get(page).content.decode()
    url = reverse("tenant.invite", args=[people.blue.pk])
    said = alice.post(url, {"email": "dora@example.com", "role": "editor", "days": "3"})
    link = said.content.decode().partition('<code id="link">')[2].partition("</code>")[0]
    assert (link.startswith("http://testserver/invitation/"), said["Cache-Control"]) == (True, "no-store")
    assert "dora@example.com" in alice.get(page).content.decode()
    stranger, where = Client(), link.removeprefix("http://testserver")
    assert "Join tenant blue" in stranger.get(where).content.decode()
    assert stranger.post(where, {"username": "dora", "password": "x"}).status_code == 422
    assert stranger.post(where, {"username": "dora", "password": PASSWORD})["Location"] == reverse("login")
    assert Membership.objects.get(user__username="dora").role == Role.EDITOR
    assert stranger.get(where).status_code == 404


@pytest.mark.usefixtures("unhashed")
def test_who_is_signed_in_joins_with_one_click_and_owners_withdraw(people: Cast) -> None:
    row, secret = invite(actor=SYSTEM, tenant=people.blue, email="charlie@example.com")
    other, _ = invite(actor=SYSTEM, tenant=people.blue, email="other@example.com")
    charlie, where = signed_in(people.charlie), reverse("invitation", args=[secret])
    assert "You are signed in as charlie" in charlie.get(where).content.decode()
    assert charlie.post(where)["Location"] == reverse("overview")
    assert Membership.objects.filter(tenant=people.blue, user=people.charlie).exists()
    assert not Invitation.objects.filter(pk=row.pk).exists()
    url = reverse("invitation.withdraw", args=[other.pk])
    assert signed_in(people.bob).post(url).status_code == 404
    assert signed_in(people.alice).post(url).status_code == 302
    assert not Invitation.objects.exists()


def test_who_made_an_account_is_told_so_where_she_signs_in(people: Cast, unhashed: None) -> None:
    _, secret = invite(actor=SYSTEM, tenant=people.blue, email="dora@example.com")
    client, page = Client(), reverse("invitation", args=[secret])
    assert "at least 8 characters" in client.get(page).content.decode()
    answer = client.post(page, {"username": "dora", "password": PASSWORD}, follow=True)
    shown = answer.content.decode()
    assert answer.redirect_chain == [("/login/", 302)]
    assert "Your account is made. Sign in." in shown and 'value="dora"' in shown
    assert "dora" not in client.get("/login/").content.decode(), "it is said once"
    assert client.post("/login/", {"username": "dora", "password": PASSWORD})["Location"] == "/"

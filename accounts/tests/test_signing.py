"""Signing in: sessions and their ends, passwords that must change, what asks for the password again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone

from accounts.actions.sessions import forget_sessions
from accounts.models import GivenPassword, Session
from tenants.change import Actor
from tenants.models import AuditEntry
from tenants.testing import Cast
from tenants.users import create_user, update_user
from tests.pages import signed_in

pytestmark = pytest.mark.usefixtures("unhashed")

PASSWORD, BETTER = "correct-horse-battery-7", "another-horse-battery-8"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def alice(people: Cast) -> User:
    people.alice.set_password(PASSWORD)
    people.alice.save()
    return people.alice


def sign_in(name: str = "alice", password: str = PASSWORD, address: str = "192.0.2.1") -> Client:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=FIREFOX)
    answer = client.post("/login/", {"username": name, "password": password})
    assert answer.status_code == 302, answer.content.decode()
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def session_of(client: Client) -> Session:
    return Session.objects.get(session_key=client.cookies["contivui_session"].value)


def passes(session: Session, spent: timedelta) -> None:
    """Let time go by for a session."""
    for field in ("since", "seen_at", "expire_date"):
        setattr(session, field, getattr(session, field) - spent)
    data = session.get_decoded()
    data["began"]["at"] = session.since.isoformat()
    keep_in(session, data)


def keep_in(session: Session, data: dict[str, Any]) -> None:
    session.session_data = session.get_session_store_class()().encode(data)
    session.save()


def shown_long_ago(client: Client) -> None:
    """Let it be too long since the password was shown in this session."""
    session = session_of(client)
    keep_in(session, session.get_decoded() | {"confirmed": (timezone.now() - timedelta(minutes=11)).isoformat()})


def test_a_session_says_whose_it_is_from_where_and_since_when(alice: User) -> None:
    session = session_of(sign_in())
    assert (session.user, session.address, session.agent) == (alice, "192.0.2.1", FIREFOX)
    assert session.since is not None
    assert timezone.now() - session.since < timedelta(minutes=1)


def test_a_session_ends_when_it_is_not_used(alice: User) -> None:
    client = sign_in()
    for _ in range(3):  # used every 20 minutes it lasts
        passes(session_of(client), timedelta(minutes=20))
        assert is_in(client)
    passes(session_of(client), timedelta(minutes=31))
    assert client.get("/account/")["Location"].startswith("/login/")


def test_an_open_page_that_asks_for_itself_again_is_nobody_using_it(alice: User) -> None:
    client = sign_in()
    passes(session_of(client), timedelta(minutes=20))
    before = session_of(client).expire_date
    assert client.get("/account/", headers={"X-Live": "1"}).status_code == 200
    assert session_of(client).expire_date == before
    client.get("/account/")
    assert session_of(client).expire_date > before


def test_a_session_ends_however_much_it_is_used(alice: User, settings: Any) -> None:
    settings.SESSION_IDLE = timedelta(hours=5)
    client = sign_in()
    for _ in range(3):
        assert is_in(client)
        passes(session_of(client), timedelta(hours=4))
    assert not is_in(client)


def test_what_is_over_is_forgotten(alice: User) -> None:
    kept, over = sign_in(), sign_in()
    passes(session_of(over), timedelta(hours=13))
    forget_sessions()
    assert [row.session_key for row in Session.objects.all()] == [session_of(kept).session_key]


def test_her_page_lists_her_sessions_and_ends_one(alice: User, people: Cast) -> None:
    here, there, bobs = sign_in(), sign_in(address="198.51.100.7"), signed_in(people.bob)
    page = here.get("/account/").content.decode()
    assert "198.51.100.7" in page
    assert "Firefox 128, Linux" in page
    assert session_of(there).session_key not in page
    stolen = bobs.post("/account/sessions/end/", {"session": session_of(here).public_id})
    assert stolen.status_code == 404
    here.post("/account/sessions/end/", {"session": session_of(there).public_id})
    assert (is_in(here), is_in(there), is_in(bobs)) == (True, False, True)
    entry = AuditEntry.objects.get(verb="session.delete")
    assert entry.before is not None
    assert (entry.actor, entry.before["address"]) == ("alice", "198.51.100.7")


def test_she_signs_out_everywhere_else(alice: User) -> None:
    here, *others = [sign_in() for _ in range(3)]
    here.post("/account/sessions/end/")
    assert [is_in(client) for client in (here, *others)] == [True, False, False]
    assert AuditEntry.objects.get(verb="session.delete_all").before == {"sessions": 2}


def test_a_session_that_was_ended_is_not_brought_back_by_a_request_on_its_way(alice: User) -> None:
    client = sign_in()
    session = session_of(client)
    store = session.get_session_store_class()(session.session_key)
    store["tenant"] = 1
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()


def test_a_new_password_ends_all_other_sessions(alice: User) -> None:
    here, there = sign_in(), sign_in()
    said = {"current": PASSWORD, "password": BETTER, "again": BETTER}
    assert here.post("/password/", said).status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)
    sign_in(password=BETTER)
    entry = AuditEntry.objects.get(verb="account.password")
    assert entry.after == {"password": "changed", "sessions_ended": 1}
    assert BETTER not in str(entry.__dict__)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"current": "wrong", "password": BETTER, "again": BETTER}, "current"),
        ({"current": PASSWORD, "password": BETTER, "again": "other"}, "again"),
        ({"current": PASSWORD, "password": "12345678", "again": "12345678"}, "password"),
        ({"current": PASSWORD, "password": PASSWORD, "again": PASSWORD}, "password"),
    ],
)
def test_a_password_that_cannot_be_is_refused_at_its_field(alice: User, said: dict[str, str], field: str) -> None:
    answer = sign_in().post("/password/", said)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_password_an_administrator_chose_is_changed_before_anything_else(people: Cast) -> None:
    root = Actor("root", "page", people.root.pk)
    create_user(actor=root, username="dora", password=PASSWORD)
    client = sign_in("dora")
    for headers in ({}, {"Authorization": "Token x"}):
        assert client.get("/networks/", headers=headers)["Location"] == "/password/"
    assert client.get("/api/v2/networks/", headers={"Authorization": "Token x"}).status_code == 401
    refused = client.get("/api/v2/networks/")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/first_step")
    client.post("/password/", {"current": PASSWORD, "password": BETTER, "again": BETTER})
    assert client.get("/networks/").status_code == 200
    assert client.get("/api/v2/networks/").status_code == 200
    assert is_in(sign_in("dora", BETTER))


def test_a_password_an_administrator_sets_ends_what_was_open(alice: User, people: Cast) -> None:
    client = sign_in()
    update_user(actor=Actor("root", "page", people.root.pk), row=alice, password=BETTER)
    assert not is_in(client)
    assert GivenPassword.objects.filter(user=alice).exists()
    update_user(actor=Actor("alice", "contiv", alice.pk), row=alice, password=PASSWORD)
    assert not GivenPassword.objects.filter(user=alice).exists()


def test_making_tokens_asks_for_the_password_again(alice: User) -> None:
    client = sign_in()
    assert client.get("/tokens/").status_code == 200
    shown_long_ago(client)
    asked = client.get("/tokens/?x=1")["Location"]
    assert asked == "/account/confirm/?next=%2Ftokens%2F%3Fx%3D1"
    assert client.post("/tokens/", {"name": "x"})["Location"].startswith("/account/confirm/")
    assert client.post(asked, {"current": "wrong", "next": "/tokens/?x=1"}).status_code == 422
    assert client.post(asked, {"current": PASSWORD, "next": "/tokens/?x=1"})["Location"] == "/tokens/?x=1"
    assert client.get("/tokens/").status_code == 200


def test_it_goes_on_to_pages_of_this_site_only(alice: User) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = Client().post("/login/", {"username": "alice", "password": PASSWORD, "next": elsewhere})
        assert answer["Location"] == "/"
        answer = sign_in().post("/account/confirm/", {"current": PASSWORD, "next": elsewhere})
        assert answer["Location"] == "/"


def test_the_page_says_what_a_good_password_is(alice: User) -> None:
    page = sign_in().get("/password/").content.decode()
    assert "at least 8 characters" in page
    assert "function" not in page

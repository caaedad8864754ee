"""Signing in by LDAP, against a real server: whose password, which groups, what they bring, and what cannot fool it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from ldap3 import NONE, Connection, Server

from accounts import door
from accounts.actions.directory import drop_directory, set_directory
from accounts.actions.groups import grant_group, withdraw_group
from accounts.directory import DirectoryAway, find, try_out
from accounts.models import Directory, Guesses
from accounts.tests import slapd
from accounts.tests.slapd import BASE, GROUPS, PASSWORD, SERVICE, SERVICE_PASSWORD
from netmaster.tests.proxy import Proxy
from tenants.actions import add_member
from tenants.change import SYSTEM, Refused
from tenants.models import AuditEntry, Membership
from tenants.testing import Cast
from tests.pages import signed_in

pytestmark = [
    pytest.mark.usefixtures("unhashed"),
    pytest.mark.skipif(slapd.slapd() is None, reason="needs an LDAP server: apt-get install slapd"),
]


@pytest.fixture(scope="module")
def ldap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A server that takes passwords over TLS only: its port, and its certificate."""
    folder = tmp_path_factory.mktemp("slapd")
    with slapd.running(folder, only_tls=True) as port:
        yield port, (folder / "server.pem").read_text()


@pytest.fixture
def directory(ldap: tuple[int, str], people: Cast) -> Directory:
    port, certificate = ldap
    return set_directory(
        actor=SYSTEM,
        server="127.0.0.1",
        port=port,
        base_dn=BASE,
        service_account_dn=SERVICE,
        service_account_password=SERVICE_PASSWORD,
        tls_cert_issued_to="ldap.example.org",
        authority=certificate,
    )


def check(name: str, password: str = PASSWORD) -> User:
    return door.check(RequestFactory(REMOTE_ADDR="192.0.2.1").post("/"), name, password)


def roles(name: str) -> dict[str, str]:
    return {row.tenant.name: row.role for row in Membership.objects.filter(user__username=name)}


def test_it_knows_a_person_and_all_her_groups(directory: Directory) -> None:
    found = find(directory, "erin", PASSWORD)
    assert found is not None
    assert (found.name, found.first_name, found.last_name) == ("erin", "Erin", "Example")
    assert {dn.partition(",")[0] for dn in found.groups} == {"cn=netadmins", "cn=staff", "cn=everybody"}


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("erin", "wrong"),
        ("erin", ""),
        ("nobody", PASSWORD),
        ("*", PASSWORD),
        ("er*", PASSWORD),
        ("erin)(sAMAccountName=*", PASSWORD),
        ("erin)(|(objectClass=*", PASSWORD),
        ("star*", PASSWORD),
        ("\0", PASSWORD),
        ("", PASSWORD),
    ],
)
def test_nothing_else_opens(directory: Directory, name: str, password: str) -> None:
    assert find(directory, name, password) is None


def test_a_name_may_have_what_means_something_in_filters(directory: Directory) -> None:
    found = find(directory, "star*name", PASSWORD)
    assert found is not None
    assert found.first_name == "Star"


def test_groups_bring_roles_and_take_them_along(directory: Directory, people: Cast) -> None:
    staff = grant_group(actor=SYSTEM, group=f"CN=Staff,{GROUPS}", tenant=people.blue, role="viewer")
    admins = grant_group(actor=SYSTEM, group=f"cn=netadmins,{GROUPS}", tenant=people.blue, role="editor")
    assert check("erin").get_username() == "erin"
    check("frank")
    assert (roles("erin"), roles("frank")) == ({"blue": "editor"}, {"blue": "viewer"})
    withdraw_group(actor=SYSTEM, row=admins)
    check("erin")
    assert roles("erin") == {"blue": "viewer"}
    add_member(actor=SYSTEM, tenant=people.green, user=User.objects.get(username="erin"), role="owner")
    withdraw_group(actor=SYSTEM, row=staff)
    check("erin")
    assert roles("erin") == {"green": "owner"}, "what a person gave stays"
    members = AuditEntry.objects.filter(verb__startswith="member.", object_name__contains="erin", tenant=people.blue)
    assert {entry.actor for entry in members} == {"directory"}


def test_accounts_made_here_come_first(directory: Directory, people: Cast) -> None:
    """Whoever can make accounts in the directory does not become an administrator here."""
    for name in ("root", "Root", "ROOT"):
        with pytest.raises(door.Wrong):
            check(name)


def test_a_locked_account_stays_out(directory: Directory) -> None:
    user = check("erin")
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(door.Wrong):
        check("erin")


def test_whose_name_no_account_can_have_is_told_so_and_has_guessed_nothing(directory: Directory) -> None:
    with pytest.raises(Refused, match="cannot be called jane doe: a name is at most 150 letters, digits") as refused:
        check("jane doe")
    assert refused.value.code == "name"
    page = Client(REMOTE_ADDR="192.0.2.1").post("/login/", {"username": "jane doe", "password": PASSWORD})
    assert (page.status_code, "cannot be called jane doe" in page.content.decode()) == (200, True)
    assert {guesses.count for guesses in Guesses.objects.all()} == {0}
    with pytest.raises(door.Wrong):
        check("jane doe", "wrong")
    assert {guesses.count for guesses in Guesses.objects.all()} == {1}
    assert not User.objects.filter(username="jane doe").exists()


def test_guesses_are_counted_whatever_the_spelling(directory: Directory) -> None:
    for name in ("erin", "ERIN", "Erin", "eRin", "erIn"):
        with pytest.raises(door.Wrong):
            check(name, "wrong")
    with pytest.raises(door.patience.Wait):
        check("erin")


@pytest.mark.parametrize(
    "wrong",
    [
        {"service_account_password": "wrong"},
        {"tls_cert_issued_to": "other.example.org"},
        {"authority": ""},
        {"start_tls": False},
        {"port": 1},
    ],
)
def test_what_cannot_be_asked_counts_as_nobodys_guess(directory: Directory, wrong: dict[str, Any]) -> None:
    row = set_directory(actor=SYSTEM, **wrong)
    with pytest.raises(DirectoryAway):
        try_out(row)
    answer = Client().post("/login/", {"username": "erin", "password": PASSWORD})
    assert "does not answer" in answer.content.decode()
    assert {guesses.count for guesses in Guesses.objects.all()} == {0}


def test_whoever_the_directory_refers_to_is_told_nothing(directory: Directory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, _as_service(directory) as there:
        dn, port = f"cn=elsewhere,{GROUPS}", elsewhere.getsockname()[1]
        there.add(dn, ["referral", "extensibleObject"], {"cn": "elsewhere", "ref": f"ldap://127.0.0.1:{port}/{dn}"})
        row = set_directory(actor=SYSTEM, base_dn=dn)
        assert find(row, "erin", PASSWORD) is None
        with pytest.raises(DirectoryAway, match="refers to another server"):
            try_out(row)
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@contextmanager
def _as_service(directory: Directory) -> Iterator[Connection]:
    server = Server("127.0.0.1", directory.port, get_info=NONE)
    connection = Connection(server, SERVICE, SERVICE_PASSWORD, raise_exceptions=True)
    connection.open()
    connection.start_tls()
    connection.bind()
    yield connection
    connection.unbind()


def test_not_checking_the_certificate_is_possible_when_asked_for(directory: Directory) -> None:
    try_out(set_directory(actor=SYSTEM, insecure_skip_verify=True, authority="", tls_cert_issued_to=""))


def test_its_password_is_kept_sealed_and_shown_nowhere(directory: Directory, people: Cast) -> None:
    root = signed_in(people.root)
    kept = [str(row.__dict__) for model in (Directory, AuditEntry) for row in model.objects.all()]
    for said in (*kept, root.get("/sign-in/directory/").content.decode(), root.get("/activity/").content.decode()):
        assert SERVICE_PASSWORD not in said
    drop_directory(actor=SYSTEM)
    with pytest.raises(door.Wrong):
        check("erin")


def test_an_administrator_sets_it_up_on_its_page(ldap: tuple[int, str], people: Cast) -> None:
    port, certificate = ldap
    said = {"server": "127.0.0.1", "port": port, "base_dn": BASE, "service_account_dn": SERVICE, "start_tls": "on"}
    said |= {"service_account_password": SERVICE_PASSWORD, "tls_cert_issued_to": "ldap.example.org"}
    said |= {"authority": certificate, "name_attribute": "sAMAccountName", "user_class": "user"}
    root = signed_in(people.root)
    assert signed_in(people.alice).post("/sign-in/directory/", said).status_code == 403
    assert "it answers" in root.post("/sign-in/directory/", said, follow=True).content.decode()
    wrong = root.post("/sign-in/directory/", {**said, "name_attribute": "uid)(a=*"})
    assert wrong.status_code == 422
    root.post("/sign-in/directory/group/", {"group": f"cn=staff,{GROUPS}", "tenant": people.blue.pk, "role": "viewer"})
    assert f"cn=staff,{GROUPS}" in root.get("/sign-in/directory/").content.decode()
    kept = root.post("/sign-in/directory/", {**said, "service_account_password": ""}, follow=True)
    assert "it answers" in kept.content.decode(), "an empty password keeps the one it has"


def test_contivs_clients_configure_and_use_it(ldap: tuple[int, str], people: Cast) -> None:
    port, _ = ldap
    path, root = "ldap_configuration/", Proxy(people.root)
    said = {"server": "127.0.0.1", "port": port, "base_dn": BASE, "service_account_dn": SERVICE, "start_tls": True}
    assert root.own(path)[0] == root.own(path, "PATCH", {})[0] == root.own(path, "DELETE")[0] == 404
    assert root.own(path, "PUT", said)[0] == 400
    said["service_account_password"] = SERVICE_PASSWORD
    assert root.own(path, "PUT", said)[0] == 400, "with StartTLS it has to be said what is checked"
    said["insecure_skip_verify"] = True
    status, answer = root.own(path, "PUT", said)
    assert status == 200
    del said["service_account_password"]
    assert answer == root.own(path)[1] == {**said, "tls_cert_issued_to": ""}
    assert Proxy().own("login/", "POST", {"username": "erin", "password": PASSWORD})[0] == 200
    assert Proxy().own("login/", "POST", {"username": "erin", "password": "wrong"})[0] == 401
    assert root.own(path, "PATCH", {"port": 1})[1]["port"] == 1
    assert Proxy().own("login/", "POST", {"username": "erin", "password": PASSWORD})[0] == 503
    assert Proxy(people.alice).own(path)[0] == 403
    assert root.own(path, "DELETE")[0] == 204

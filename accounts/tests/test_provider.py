"""Signing in by OpenID Connect: who is let in, with which roles, and what cannot fool it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client

from accounts.actions.groups import grant_group, withdraw_group
from accounts.actions.provider import set_provider
from accounts.models import FromProvider, Provider
from accounts.tests import issuer
from accounts.tests.issuer import CLIENT, OTHER_KEY, SECRET, Issuer
from accounts.tests.test_signing import is_in, session_of, sign_in
from tenants.change import SYSTEM
from tenants.models import AuditEntry, Membership
from tenants.testing import Cast
from tests.pages import signed_in

pytestmark = pytest.mark.usefixtures("unhashed")


@pytest.fixture
def served() -> Iterator[Issuer]:
    with issuer.running() as server:
        yield server


@pytest.fixture
def provider(served: Issuer, people: Cast) -> Provider:
    return set_provider(actor=SYSTEM, name="House", issuer=served.address, client_id=CLIENT, client_secret=SECRET)


def come(served: Issuer, client: Client | None = None, wanted: str = "", **claims: Any) -> tuple[Client, Any]:
    """Somebody goes to the provider, signs in there, and comes back."""
    client = client or Client()
    there = client.get(f"/login/provider/?next={wanted}")
    assert there.status_code == 302, there.content.decode()
    return client, client.get(served.visit(there["Location"], **{"preferred_username": "gina", **claims}))


def roles(name: str) -> dict[str, str]:
    return {row.tenant.name: row.role for row in Membership.objects.filter(user__username=name)}


def test_whoever_it_vouches_for_is_in_where_she_wanted_to_be(provider: Provider, served: Issuer) -> None:
    assert "Sign in with House" in Client().get("/login/").content.decode()
    client, answer = come(served, wanted="/account/", given_name="Gina")
    assert answer["Location"] == "/account/"
    assert is_in(client)
    user = User.objects.get(username="gina")
    assert (user.first_name, user.has_usable_password()) == ("Gina", False)
    client, _ = come(served, preferred_username="gina-renamed")
    assert is_in(client)
    assert FromProvider.objects.get().user == user, "who she is says the subject, not the name"


def test_groups_bring_roles_and_take_them_along(provider: Provider, served: Issuer, people: Cast) -> None:
    grant = grant_group(actor=SYSTEM, group="netadmins", tenant=people.blue, role="editor")
    come(served, groups=["other", "netadmins"])
    assert roles("gina") == {"blue": "editor"}
    come(served, groups=[])
    assert roles("gina") == {}
    come(served, groups="netadmins")
    assert roles("gina") == {"blue": "editor"}
    withdraw_group(actor=SYSTEM, row=grant)
    come(served, groups=["netadmins"])
    assert roles("gina") == {}


def test_a_name_is_no_proof(provider: Provider, served: Issuer, people: Cast) -> None:
    for name in ("root", "ROOT", ""):
        client, answer = come(served, preferred_username=name)
        assert answer.status_code == 403
        assert not is_in(client)
    assert not FromProvider.objects.exists()


@pytest.mark.parametrize(
    "cheat",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "somebody-else"},
        {"nonce": "another"},
        {"exp": 1},
        {"sub": None},
    ],
)
def test_an_identity_token_that_is_not_for_us_opens_nothing(
    provider: Provider, served: Issuer, cheat: dict[str, Any]
) -> None:
    served.cheat = cheat
    client, answer = come(served)
    assert answer.status_code == 403
    assert not is_in(client)


@pytest.mark.parametrize(("key", "algorithm"), [(OTHER_KEY, "RS256"), (None, "none"), (b"x" * 64, "HS256")])
def test_an_identity_token_that_somebody_else_signed_opens_nothing(
    provider: Provider, served: Issuer, key: rsa.RSAPrivateKey | bytes | None, algorithm: str
) -> None:
    served.key, served.algorithm = key, algorithm
    client, answer = come(served)
    assert answer.status_code == 403
    assert not is_in(client)


def test_an_answer_to_another_browser_opens_nothing(provider: Provider, served: Issuer) -> None:
    """A link that somebody else began signs nobody in as him."""
    url = served.visit(Client().get("/login/provider/")["Location"], preferred_username="mallory")
    for victim in (Client(), sign_in_as_gina(served)):
        assert victim.get(url).status_code == 403
    assert Client().get("/login/provider/back/?error=access_denied&state=x").status_code == 403
    assert not User.objects.filter(username="mallory").exists()


def sign_in_as_gina(served: Issuer) -> Client:
    return come(served)[0]


def test_a_provider_that_is_away_is_said_and_passwords_go_on(people: Cast) -> None:
    set_provider(actor=SYSTEM, name="House", issuer="http://127.0.0.1:1", client_id=CLIENT, client_secret=SECRET)
    answer = Client().get("/login/provider/")
    assert (answer.status_code, "does not answer" in answer.content.decode()) == (403, True)
    people.alice.set_password("correct-horse-battery-7")
    people.alice.save()
    assert is_in(sign_in())


def test_its_secret_is_kept_sealed_and_shown_nowhere(provider: Provider, people: Cast) -> None:
    root = signed_in(people.root)
    kept = [str(row.__dict__) for model in (Provider, AuditEntry) for row in model.objects.all()]
    for said in (*kept, root.get("/sign-in/provider/").content.decode(), root.get("/activity/").content.decode()):
        assert SECRET not in said


def test_an_administrator_sets_it_up_on_its_page(served: Issuer, people: Cast) -> None:
    assert Client().get("/login/provider/").status_code == 404
    said = {"name": "House", "issuer": served.address, "client_id": CLIENT, "client_secret": SECRET}
    said |= {"name_claim": "preferred_username", "groups_claim": "groups"}
    root = signed_in(people.root)
    assert signed_in(people.alice).post("/sign-in/provider/", said).status_code == 403
    for wrong in ("http://id.example.org", "ftp://127.0.0.1", "no address"):
        assert root.post("/sign-in/provider/", {**said, "issuer": wrong}).status_code == 422
    assert root.post("/sign-in/provider/", {**said, "client_secret": ""}).status_code == 422
    assert "it answers" in root.post("/sign-in/provider/", said, follow=True).content.decode()
    assert is_in(come(served)[0])
    root.post("/sign-in/provider/", {"drop": "1"})
    assert Client().get("/login/provider/").status_code == 404


def test_she_shows_again_that_it_is_she_at_the_provider(provider: Provider, served: Issuer) -> None:
    client, _ = come(served)
    page = client.get("/account/confirm/?next=/tokens/").content.decode()
    assert "/login/provider/?next=%2Ftokens%2F" in page
    there = client.get("/login/provider/?next=%2Ftokens%2F")["Location"]
    assert "prompt=login" in there
    assert "max_age=0" in there
    assert client.get(served.visit(there, preferred_username="gina"))["Location"] == "/tokens/"


def test_a_browser_that_the_provider_knew_has_shown_nothing(provider: Provider, served: Issuer) -> None:
    """Whoever finds an open browser strips the wish to be asked from the address: the provider says when she was."""
    for auth_time in (int(time.time()) - 3600, None):
        client, answer = come(served, auth_time=auth_time)
        assert (answer.status_code, is_in(client)) == (302, True)
        assert client.get("/tokens/")["Location"].startswith("/account/confirm/")
        since = session_of(client).since
        there = client.get("/login/provider/?next=%2Ftokens%2F")["Location"].replace("max_age=0", "")
        answer = client.get(served.visit(there, preferred_username="gina", auth_time=auth_time))
        assert (answer.status_code, "did not ask you anew" in answer.content.decode()) == (403, True)
        assert session_of(client).since == since, "nor does the session last longer for it"
        assert client.get("/tokens/")["Location"].startswith("/account/confirm/")
    client, _ = come(served, auth_time=int(time.time()) + 10**6)
    assert client.get("/tokens/").status_code == 200


@pytest.mark.parametrize(
    "claims",
    [{"sub": "4\x002"}, {"sub": "4" * 256}, {"preferred_username": "gi\0na"}, {"given_name": "G\0"}],
)
def test_claims_that_no_column_takes_open_nothing(provider: Provider, served: Issuer, claims: dict[str, str]) -> None:
    client, answer = come(served, **claims)
    assert (answer.status_code, is_in(client)) == (403, False)
    assert not FromProvider.objects.exists()


def test_a_name_in_other_letters_is_the_same_name(provider: Provider, served: Issuer, people: Cast) -> None:
    client, answer = come(served, preferred_username="\uff52oot")
    assert (answer.status_code, is_in(client)) == (403, False)

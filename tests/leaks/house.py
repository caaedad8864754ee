"""Two tenants with everything, who knows which, and everybody who may come and ask.

`theirs` is marked: whatever belongs to it carries a word that occurs nowhere else, so that it is found wherever it
shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from accounts.actions.directory import set_directory
from accounts.actions.provider import set_provider
from accounts.models import Session
from netmaster.proxy.tokens import issue
from networks.actions import create_node, revoke_node
from networks.models import Node
from tenants.access import ClusterRole
from tenants.actions import add_member, create_tenant
from tenants.change import SYSTEM
from tenants.models import Role, Tenant, Token
from tenants.users import set_cluster_role
from tests.test_api_routes import furnish
from worker.models import SpecSection
from worker.publish import publish_tenant
from worker.tests.cast import joined

#: What nobody outside the tenant may ever read: its name and all names in it, its addresses, its MACs. And names of
#: what belongs to the cluster, which operators read.
SECRET, CLUSTER = "zqzq", "qnqn"
SECRETS = (SECRET, "77.66.55.", "4d:42:37")
SUBNET = "77.66.55"
#: What is nowhere: an id, a key of a token, a name as long as the marked one's.
NO_ID, NO_KEY, NO_NAME, NO_SESSION = 10**12, "cvui_nothing", "nnnn", "0" * 16


@dataclass(frozen=True)
class Asked:
    """An answer, and how many queries it took."""

    answer: Any
    queries: int


@dataclass(frozen=True, eq=False)
class Asker:
    """Somebody who asks. `roles` are those she holds where it counts: in their tenant, or in the cluster.
    `cut`: by a token that was cut to a tenant. `certificate` is shown when the connection is made."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    user: User | None = None
    roles: frozenset[str] = frozenset()
    reads_only: bool = False
    cut: bool = False
    known: bool = True
    certificate: str = ""
    client: Client = field(default_factory=Client)

    def ask(self, method: str, path: str, body: Any = None, **more: str) -> Any:
        """The answer, and nothing stays of it. `more` are headers."""
        said = {} if body is None else {"data": body, "content_type": "application/json"}
        with undone():
            return self.client.generic(method, path, headers={**self.headers, **more}, **said)

    def counted(self, method: str, path: str, body: Any = None, **more: str) -> Asked:
        """The same, with what it cost."""
        queries = 0

        def count(execute: Any, *arguments: Any) -> Any:
            nonlocal queries
            queries += 1
            return execute(*arguments)

        with connection.execute_wrapper(count):
            return Asked(self.ask(method, path, body, **more), queries)

    def fill_in(self, path: str, form: dict[str, str]) -> Any:
        """The answer to a form; not even the note that it is saved stays."""
        with undone():
            answer = self.client.post(path, form)
        self.client.cookies.pop("messages", None)
        return answer


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def made_user(name: str) -> User:
    return User.objects.create(username=name)


def a_tenant(name: str, mark: str) -> tuple[Tenant, dict[str, User]]:
    people = {role: made_user(f"{mark}-{role}") for role in ("owner", "editor", "viewer")}
    tenant = create_tenant(actor=SYSTEM, name=name, description=f"{mark}-description", owner=people["owner"])
    for role in (Role.EDITOR, Role.VIEWER):
        add_member(actor=SYSTEM, tenant=tenant, user=people[role.value], role=role)
    return tenant, people


def ours() -> tuple[Tenant, dict[str, User], dict[str, int]]:
    tenant, people = a_tenant("home", "home")
    outside = {"server": "127.0.0.1", "port": 1, "base_dn": "dc=x", "service_account_dn": "cn=x"}
    set_directory(actor=SYSTEM, service_account_password="x", **outside)
    set_provider(actor=SYSTEM, name="House", issuer="http://127.0.0.1:1", client_id="x", client_secret="x")
    keys = furnish(tenant, "10.0.0.1", "home", "20.1.1", "home")
    publish_tenant(tenant.pk)
    return tenant, people, keys


def theirs() -> tuple[Tenant, dict[str, User], dict[str, int]]:
    """The marked tenant: with objects, traffic, drift, refusals and denied flows, all of them telling its secrets."""
    tenant, people = a_tenant(f"{SECRET}-tenant", SECRET)
    keys = furnish(tenant, "10.0.0.2", SECRET, SUBNET, CLUSTER)
    token, _ = Token.objects.create(people["owner"], None, name=f"{SECRET}-token", tenant=tenant)
    publish_tenant(tenant.pk)
    node = Node.objects.get(pk=keys["nodes"])
    node.status.problem = f"{SECRET}-refusal"
    node.status.save()
    SpecSection.objects.filter(tenant=tenant).update(refused=f"{SECRET}-refusal")
    return tenant, people, keys | {"tokens": token.token_key}


def askers(home: dict[str, User], their: dict[str, User], tenants: dict[str, Tenant]) -> list[Asker]:
    """Everybody: by session, by each kind of token, by a node's token, and nobody. Of another tenant the one who holds
    most there."""
    cluster = {role.value: made_user(f"the-{role.value}") for role in ClusterRole}
    for role in ClusterRole:
        set_cluster_role(actor=SYSTEM, row=cluster[role.value], role=role)
    _, node_token = create_node(actor=SYSTEM, name="asking-node", vtep="10.0.0.9")
    ended = made_token(their["owner"], lasts=timedelta(seconds=-1))
    return [
        Asker("nobody", known=False),
        Asker("a node's token", bearer(node_token), known=False),
        a_node("joined-node", "10.0.0.10", their["owner"]),
        a_node("revoked-node", "10.0.0.11", their["owner"], revoked=True),
        Asker("an ended token", token_header(ended), known=False),
        by_session("another tenant's owner", home["owner"]),
        Asker(
            "an administrator's token for another tenant",
            token_header(made_token(cluster["administrator"], tenant=tenants["home"])),
            cut=True,
        ),
        *(by_session(f"their {role}", user, role) for role, user in their.items()),
        Asker(
            "their owner's token for reading",
            token_header(made_token(their["owner"], rights="read")),
            roles=frozenset({"owner"}),
            reads_only=True,
        ),
        Asker(
            "their tenant's token",
            token_header(made_token(their["editor"], tenant=tenants["theirs"])),
            roles=frozenset({"editor"}),
            cut=True,
        ),
        *(by_session(f"the {role}", user, role) for role, user in cluster.items()),
    ]


def a_node(name: str, vtep: str, claims: User, *, revoked: bool = False) -> Asker:
    """By its certificate, and by what headers could say of it: also that it is somebody."""
    node, _ = create_node(actor=SYSTEM, name=name, vtep=vtep)
    pem = joined(node)
    if revoked:
        revoke_node(actor=SYSTEM, row=node)
    shown, says = quote(pem), str(claims)
    headers = {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-Cert": shown, "X-Forwarded-Client-Cert": shown}
    headers |= {"Remote-User": says, "X-Remote-User": says, "X-Forwarded-User": says}
    return Asker(name, headers, known=False, certificate=pem)


def by_session(name: str, user: User, *roles: str) -> Asker:
    found = Asker(name, user=user, roles=frozenset(roles))
    found.client.force_login(user)
    return found


def made_token(user: User, *, lasts: timedelta | None = None, **options: Any) -> str:
    return str(Token.objects.create(user, lasts, **options)[1])


def token_header(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def by_dialect(user: User) -> dict[str, str]:
    return {"X-Auth-Token": issue(user)}


@dataclass(frozen=True)
class House:
    """`keys` are those of what the marked tenant has, `home_keys` those of what the other one has."""

    tenant: Tenant
    keys: dict[str, Any]
    home_keys: dict[str, int]
    askers: list[Asker]

    def asker(self, name: str) -> Asker:
        return next(one for one in self.askers if one.name == name)


def furnished() -> House:
    home, home_people, home_keys = ours()
    tenant, people, keys = theirs()
    everybody = askers(home_people, people, {"home": home, "theirs": tenant})
    session = Session.objects.get(user_id=people["owner"].pk)
    return House(tenant, keys | {"me": session.public_id}, home_keys, everybody)


@pytest.fixture
def house(db: None, settings: Any) -> House:
    settings.API_RATE = 0
    return furnished()


@pytest.fixture
def lasting_house(transactional_db: None, settings: Any) -> House:
    """One that connections of other threads see."""
    settings.API_RATE = 0
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return furnished()

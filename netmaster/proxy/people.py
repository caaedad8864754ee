"""Local users and authorizations: our accounts, administrators and memberships in auth_proxy's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from netmaster.caller import actor_of
from netmaster.proxy.answers import Denied, answer, members_of, said, view
from netmaster.proxy.tokens import user_of
from tenants.access import ClusterRole, cluster_role, may
from tenants.actions import add_member, remove_member
from tenants.models import Membership, Role, Tenant
from tenants.users import administrators, create_user, delete_user, set_cluster_role, update_user

#: The account that is always there.
BUILT_IN = "admin"
ADMIN, OPS = "admin", "ops"
USERNAME = re.compile(r"[A-Za-z0-9_.@-]+\Z")
OTHERS = "access denied"


def administrator(request: HttpRequest) -> User:
    """Who asks, when she may do this to people: administrators, and auditors who only look. Raises Denied."""
    user = signed_in(request)
    if not may(user, "user.view" if request.method == "GET" else "user.update"):
        raise Denied(403, OTHERS)
    return user


def signed_in(request: HttpRequest) -> User:
    user = user_of(request)
    request.contiv_user = user  # type: ignore[attr-defined]
    return user


def shown(user: User) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "disable": not user.is_active,
    }


@view("GET", "POST")
def users(request: HttpRequest) -> HttpResponse:
    administrator(request)
    if request.method == "GET":
        return answer(200, [shown(user) for user in User.objects.order_by("username")])
    members = members_of(request)
    name, password = said(members, "username"), said(members, "password")
    if not name or not password:
        raise Denied(400, "Username/Password is empty")
    if not USERNAME.match(name):
        raise Denied(400, "Invalid username. Only alpha-numeric and [-_.@] are allowed")
    if User.objects.filter(username=name).exists():
        raise Denied(400, f'User "{name}" exists already')
    made = create_user(
        actor=actor_of(request),
        username=name,
        password=password,
        first_name=said(members, "first_name"),
        last_name=said(members, "last_name"),
        is_active=members.get("disable") is not True,
    )
    return answer(201, shown(made))


@view("GET", "PATCH", "DELETE")
def user(request: HttpRequest, name: str) -> HttpResponse:
    asks = signed_in(request)
    own = asks.get_username() == name
    if not own or request.method == "DELETE":
        administrator(request)
    found = User.objects.filter(username=name).first()
    if found is None:
        raise Denied(404)
    if request.method == "GET":
        return answer(200, shown(found))
    if request.method == "DELETE":
        if name == BUILT_IN:
            raise Denied(400, f'Cannot delete built-in user "{name}"')
        delete_user(actor=actor_of(request), row=found)
        return answer(204)
    return answer(200, shown(_patched(request, asks, found)))


def _patched(request: HttpRequest, asks: User, found: User) -> User:
    """Empty texts mean "keep", and so does what is not there."""
    members = members_of(request)
    names = ("first_name", "last_name", "password")
    changes: dict[str, Any] = {name: text for name in names if (text := said(members, name))}
    if isinstance(members.get("disable"), bool):
        if members["disable"] and (found.pk == asks.pk or found.get_username() == BUILT_IN):
            raise Denied(400, "Nobody disables herself, and nobody disables the built-in administrator")
        administrator(request)
        changes["is_active"] = not members["disable"]
    return update_user(actor=actor_of(request), row=found, **changes)


# --- authorizations


@dataclass(frozen=True, slots=True)
class Grant:
    """The role somebody has: everywhere, or by a membership in one tenant."""

    user: User
    role: str
    membership: Membership | None = None

    @property
    def number(self) -> str:
        """The same grant has the same id in every answer."""
        what = f"{self.role} {self.membership.pk}" if self.membership else f"{self.role} of {self.user.pk}"
        return str(uuid5(NAMESPACE_URL, f"contivui grant {what}"))

    def shown(self) -> dict[str, Any]:
        return {
            "AuthzUUID": self.number,
            "PrincipalName": self.user.get_username(),
            "Local": True,
            "Role": self.role,
            "TenantName": self.membership.tenant.name if self.membership else "",
        }


def grants() -> Iterator[Grant]:
    """Who administers the cluster, and who is in which tenant. Who is in any has, beside these, one of Contiv's records
    without a tenant, of the strongest role she has; the screens of its clients leave it out."""
    strongest = {user.pk for user in administrators()}
    for user in administrators().order_by("pk"):
        yield Grant(user, ADMIN)
    for membership in Membership.objects.select_related("user", "tenant").order_by("pk"):
        yield Grant(membership.user, OPS, membership)
        if membership.user_id not in strongest:
            strongest.add(membership.user_id)
            yield Grant(membership.user, OPS)


@view("GET", "POST")
def authorizations(request: HttpRequest) -> HttpResponse:
    administrator(request)
    if request.method == "GET":
        return answer(200, [grant.shown() for grant in grants()])
    return answer(201, _grant(request, members_of(request)).shown())


@view("GET", "DELETE")
def authorization(request: HttpRequest, number: str) -> HttpResponse:
    administrator(request)
    found = next((grant for grant in grants() if grant.number == number), None)
    if found is None:
        raise Denied(404)
    if request.method == "GET":
        return answer(200, found.shown())
    if found.membership is not None:
        remove_member(actor=actor_of(request), row=found.membership)
    elif found.role == OPS:
        raise Denied(400, "This says that there are grants in tenants, and goes with the last of them")
    elif found.user.get_username() == BUILT_IN:
        raise Denied(400, f"The grant of {BUILT_IN} is built in and stays")
    else:
        set_cluster_role(actor=actor_of(request), row=found.user, role=None)
    return answer(204)


def _grant(request: HttpRequest, members: dict[str, Any]) -> Grant:
    name, role = said(members, "principalName"), said(members, "role")
    if members.get("local") is not True:
        raise Denied(400, "Only local users can be granted anything: signing in by LDAP is not offered yet")
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Denied(400, f"There is no local user {name}")
    if role == ADMIN:
        if cluster_role(user) is ClusterRole.ADMINISTRATOR:
            raise Denied(400, f"{name} is an administrator already")
        return Grant(set_cluster_role(actor=actor_of(request), row=user, role=ClusterRole.ADMINISTRATOR), ADMIN)
    if role != OPS:
        raise Denied(400, "The role is admin or ops")
    tenant = Tenant.objects.filter(name=said(members, "tenantName")).first()
    if tenant is None:
        raise Denied(400, "ops needs a tenant that exists")
    return Grant(user, OPS, add_member(actor=actor_of(request), tenant=tenant, user=user, role=Role.EDITOR))

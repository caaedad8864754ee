"""Authorizations: administrators, memberships, and what groups bring, in auth_proxy's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from accounts.actions.groups import grant_group, withdraw_group
from accounts.models import GroupGrant
from netmaster.caller import actor_of
from netmaster.proxy.answers import Denied, answer, members_of, said, view
from netmaster.proxy.people import BUILT_IN, administrator
from tenants.access import ClusterRole, cluster_role
from tenants.actions import add_member, remove_member
from tenants.change import Actor
from tenants.models import Membership, Role, Tenant
from tenants.users import administrators, set_cluster_role

ADMIN, OPS = "admin", "ops"


@dataclass(frozen=True, slots=True)
class SomeTenant:
    """Contiv's record without a tenant that stands beside the grants of who is in tenants only: the strongest role she
    has. The screens of its clients leave it out."""

    user: User


#: Who administers the cluster, who is in a tenant, that she is in some, what a group brings.
Grant = User | Membership | SomeTenant | GroupGrant


def grants() -> Iterator[Grant]:
    """What people were given. What somebody has by a group is its group's grant, and said once; auditors and operators
    are nothing that auth_proxy knows."""
    ours = list(administrators().filter(role_by_group=None).order_by("pk"))
    yield from ours
    told = {user.pk for user in ours}
    for membership in Membership.objects.filter(by_group=None).select_related("user", "tenant").order_by("pk"):
        yield membership
        if membership.user_id not in told:
            told.add(membership.user_id)
            yield SomeTenant(membership.user)
    known = [*Role.values, ClusterRole.ADMINISTRATOR.value]
    yield from GroupGrant.objects.filter(role__in=known).select_related("tenant").order_by("pk")


def number_of(grant: Grant) -> str:
    """The same grant has the same id in every answer."""
    if isinstance(grant, SomeTenant):
        return str(uuid5(NAMESPACE_URL, f"contivui grant in some {grant.user.pk}"))
    what = "group" if isinstance(grant, GroupGrant) else OPS if isinstance(grant, Membership) else ADMIN
    return str(uuid5(NAMESPACE_URL, f"contivui grant {what} {grant.pk}"))


def granted(grant: Grant) -> dict[str, Any]:
    tenant = grant.tenant if isinstance(grant, Membership | GroupGrant) else None
    return {
        "AuthzUUID": number_of(grant),
        "PrincipalName": _principal(grant),
        "Local": not isinstance(grant, GroupGrant),
        "Role": OPS if tenant or isinstance(grant, SomeTenant) else ADMIN,
        "TenantName": tenant.name if tenant else "",
    }


def _principal(grant: Grant) -> str:
    if isinstance(grant, GroupGrant):
        return grant.group
    return (grant if isinstance(grant, User) else grant.user).get_username()


@view("GET", "POST")
def authorizations(request: HttpRequest) -> HttpResponse:
    administrator(request)
    if request.method == "GET":
        return answer(200, [granted(grant) for grant in grants()])
    return answer(201, granted(_made(actor_of(request), members_of(request))))


@view("GET", "DELETE")
def authorization(request: HttpRequest, number: str) -> HttpResponse:
    administrator(request)
    found = next((grant for grant in grants() if number_of(grant) == number), None)
    if found is None:
        raise Denied(404)
    if request.method == "GET":
        return answer(200, granted(found))
    _take(actor_of(request), found)
    return answer(204)


def _take(actor: Actor, grant: Grant) -> None:
    if isinstance(grant, GroupGrant):
        withdraw_group(actor=actor, row=grant)
    elif isinstance(grant, Membership):
        remove_member(actor=actor, row=grant)
    elif isinstance(grant, SomeTenant):
        raise Denied(400, "This says that there are grants in tenants, and goes with the last of them")
    elif grant.get_username() == BUILT_IN:
        raise Denied(400, f"The grant of {BUILT_IN} is built in and stays")
    else:
        set_cluster_role(actor=actor, row=grant, role=None)


def _made(actor: Actor, members: dict[str, Any]) -> Grant:
    """Local: a person here; else a group, by its DN or by its word at the provider."""
    name, role, local = said(members, "principalName"), said(members, "role"), members.get("local", False)
    if not isinstance(local, bool):
        raise Denied(500, "local is to be true or false.")
    if not name:
        raise Denied(400, "principal name is missing")
    if role not in (ADMIN, OPS):
        raise Denied(400, "illegal role specified")
    if role == OPS and not said(members, "tenantName"):
        raise Denied(400, "ops role requires a tenant to be specified")
    user = _person(name) if local else None
    tenant = _tenant(said(members, "tenantName")) if role == OPS else None
    if user is None:
        return grant_group(actor=actor, group=name, tenant=tenant, role=_role(tenant))
    if tenant is not None:
        return add_member(actor=actor, tenant=tenant, user=user, role=_role(tenant))
    if cluster_role(user) is ClusterRole.ADMINISTRATOR:
        raise Denied(400, f"{name} is an administrator already")
    return set_cluster_role(actor=actor, row=user, role=_role(None))


def _role(tenant: Tenant | None) -> str:
    """What auth_proxy's two roles are here."""
    return Role.EDITOR if tenant else ClusterRole.ADMINISTRATOR


def _person(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Denied(400, f"There is no local user {name}")
    return user


def _tenant(name: str) -> Tenant:
    tenant = Tenant.objects.filter(name=name).first()
    if tenant is None:
        raise Denied(400, "ops needs a tenant that exists")
    return tenant

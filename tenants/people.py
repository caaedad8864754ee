"""The person behind a page's request: what she holds, which tenants she sees, which one she has chosen to work in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from tenants.access import ClusterRole, Forbidden, Rights, missing, rights_of
from tenants.change import Actor
from tenants.models import Membership, Role, Tenant

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: Roles in the reader's language.
ROLES: dict[str, Any] = {Role.OWNER.value: _("Owner"), Role.EDITOR.value: _("Editor"), Role.VIEWER.value: _("Viewer")}
CLUSTER_ROLES: dict[str, Any] = {
    ClusterRole.ADMINISTRATOR.value: _("Cluster administrator"),
    ClusterRole.AUDITOR.value: _("Cluster auditor"),
    ClusterRole.OPERATOR.value: _("Cluster operator"),
}
#: Where the session keeps the chosen tenant's key.
CHOSEN = "tenant"


class Person:
    """Reads what it is asked for once, and only then. `tenant` None is all tenants, for those who see all; others
    work in one, the first of theirs until they choose. An address may name another (`?tenant=blue`), so that
    a link shows the next person the same."""

    def __init__(self, user: User, chosen: int | None, address: str | None, named: str | None = None) -> None:
        self.user = user
        self.chosen = chosen
        self.named = named
        self.actor = Actor(user.get_username(), "page", user.pk, address)

    @cached_property
    def rights(self) -> Rights:
        return rights_of(self.user)

    @cached_property
    def tenants(self) -> list[Tenant]:
        return list(Tenant.objects.visible_to(self.user))

    @property
    def sees_all(self) -> bool:
        return self.rights.sees_all

    @cached_property
    def tenant(self) -> Tenant | None:
        """The one the address names, or 404; else the chosen one while she sees it: a membership that ended ends the
        choice."""
        if self.named:
            return next((tenant for tenant in self.tenants if tenant.name == self.named), None) or _nowhere()
        if self.named == "" and self.sees_all:
            return None
        found = next((tenant for tenant in self.tenants if tenant.pk == self.chosen), None)
        if found or self.sees_all or not self.tenants:
            return found
        return self.tenants[0]

    @property
    def role(self) -> str:
        """Her role in the cluster, in words, or else in the chosen tenant."""
        if self.rights.cluster:
            return str(CLUSTER_ROLES[self.rights.cluster])
        return str(ROLES.get(self.rights.of(self.tenant).name.lower(), ""))

    def may(self, verb: str, tenant: Any | None = None) -> bool:
        return self.rights.may(verb, tenant)

    def require(self, verb: str, tenant: Any | None = None) -> None:
        if not self.may(verb, tenant):
            raise Forbidden(missing(verb, tenant), code="forbidden")


def person_of(request: HttpRequest) -> Person:
    user = request.user
    assert user.is_authenticated
    address = request.META.get("REMOTE_ADDR") or None
    return Person(user, request.session.get(CHOSEN), address, request.GET.get("tenant"))


def _nowhere() -> NoReturn:
    raise Http404


class PersonMiddleware:
    """Puts `request.person` there. Lazily: the API, which has its own way in, costs nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.person = SimpleLazyObject(lambda: person_of(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def members_of(tenant: Tenant) -> list[Membership]:
    return list(Membership.objects.filter(tenant=tenant).select_related("user").order_by("user__username"))

"""Who may do what: a right per verb, held through a role in the tenant or as cluster administrator.

What somebody may not even see is not here: `visible_to` hides it, and whoever asks for it gets 404.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from contivui.web.problem import Problem
from tenants.models import Membership, Tenant

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class Right(IntEnum):
    """Ordered: each contains those below it. The first three are roles, the last is a superuser's."""

    NONE = 0
    VIEWER = 1
    EDITOR = 2
    OWNER = 3
    ADMINISTRATOR = 4


#: What a verb needs, when it is not the rule: "view" needs a viewer, everything else an editor.
NEEDS: dict[str, Right] = {
    "tenant.create": Right.ADMINISTRATOR,
    "tenant.update": Right.OWNER,
    "tenant.delete": Right.ADMINISTRATOR,
    "member.create": Right.OWNER,
    "member.update": Right.OWNER,
    "member.delete": Right.OWNER,
    "endpoint.place": Right.ADMINISTRATOR,
}
#: Objects of the cluster: every verb on them, and seeing them, is an administrator's.
CLUSTER = frozenset({"node", "join_token", "node_certificate", "knock", "fabric", "bgp", "aci", "user"})


class Forbidden(Problem, PermissionDenied):
    """She may see the thing, but not do this to it. The sentence says which right is missing and who grants it."""

    status = 403


def needed(verb: str) -> Right:
    """The right a verb ("network.update", "tenant.view") takes."""
    thing, _, action = verb.partition(".")
    if thing in CLUSTER:
        return Right.ADMINISTRATOR
    return NEEDS.get(verb, Right.VIEWER if action == "view" else Right.EDITOR)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one person holds, read once; ask it as often as a page needs."""

    administrator: bool = False
    tenants: Mapping[int, Right] = field(default_factory=dict)

    def of(self, tenant: Tenant | None) -> Right:
        if self.administrator:
            return Right.ADMINISTRATOR
        return self.tenants.get(tenant.pk, Right.NONE) if tenant else Right.NONE

    def may(self, verb: str, tenant: Tenant | None = None) -> bool:
        return self.of(tenant) >= needed(verb)


def rights_of(user: User | AnonymousUser) -> Rights:
    """One query for everybody but administrators, for whom it is none."""
    if not user.is_authenticated or not user.is_active:
        return Rights()
    if user.is_superuser:
        return Rights(administrator=True)
    if (only := getattr(user, "only_tenant", None)) is not None:
        return Rights(tenants={only: user.only_right})  # type: ignore[attr-defined]
    roles = Membership.objects.filter(user_id=user.pk).values_list("tenant_id", "role")
    return Rights(tenants={tenant: Right[role.upper()] for tenant, role in roles})


def may(user: User | AnonymousUser, verb: str, tenant: Tenant | None = None) -> bool:
    """Whether this person may do `verb` ("policy.update") in `tenant`; None for what belongs to the cluster."""
    return rights_of(user).may(verb, tenant)


def require(user: User | AnonymousUser, verb: str, tenant: Tenant | None = None) -> None:
    """Raises Forbidden unless `may`."""
    if not may(user, verb, tenant):
        raise Forbidden(missing(verb, tenant), code="forbidden")


def missing(verb: str, tenant: Tenant | None) -> str:
    right = needed(verb)
    if right is Right.ADMINISTRATOR or tenant is None:
        return "This is for cluster administrators. Another cluster administrator can make you one."
    word = right.name.lower()
    article = "a" if right is Right.VIEWER else "an"
    return (
        f"This needs the role of {article} {word} of tenant {tenant.name}. "
        f"An owner of {tenant.name} or a cluster administrator can grant it."
    )

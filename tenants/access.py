"""Who may do what: the one place that decides. `visible_to` of every kind of row asks it what somebody sees, `may` and
`require` what she may do.

What somebody may not even see is not refused but not there: whoever asks for it gets 404.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from contivui.web.problem import Problem

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from tenants.models import Tenant

Rows = TypeVar("Rows", bound=QuerySet[Any])


class Right(IntEnum):
    """What a verb takes. Ordered: each contains those below it. The first three are a tenant's roles."""

    NONE = 0
    VIEWER = 1
    EDITOR = 2
    OWNER = 3
    ADMINISTRATOR = 4


class ClusterRole(TextChoices):
    """A role in the whole cluster; a person has one at most, and her roles in tenants beside it.

    An administrator may everything. An auditor sees everything and changes nothing. An operator runs what carries the
    tenants (OPERATED) and sees nothing that is theirs.
    """

    ADMINISTRATOR = "administrator", _("Administrator")
    AUDITOR = "auditor", _("Auditor")
    OPERATOR = "operator", _("Operator")


#: What a verb needs, when it is not the rule: "view" needs a viewer, everything else an editor.
NEEDS: dict[str, Right] = {
    "tenant.create": Right.ADMINISTRATOR,
    "tenant.update": Right.OWNER,
    "tenant.delete": Right.ADMINISTRATOR,
    "member.create": Right.OWNER,
    "member.update": Right.OWNER,
    "member.delete": Right.OWNER,
    "invitation.view": Right.OWNER,
    "invitation.create": Right.OWNER,
    "invitation.delete": Right.OWNER,
    "token.create": Right.VIEWER,
    "token.delete": Right.OWNER,
    "quota.update": Right.ADMINISTRATOR,
    "endpoint.place": Right.ADMINISTRATOR,
}
#: Objects of the cluster: no role in a tenant opens them.
CLUSTER = frozenset(
    {
        "node",
        "join_token",
        "node_certificate",
        "knock",
        "fabric",
        "bgp",
        "aci",
        "user",
        "group_grant",
        "sign_in",
        "directory",
        "provider",
    }
)
#: Those of them that are an operator's, every verb on them, and seeing them; and how the record names them.
OPERATED = {
    "node": "node",
    "join_token": "jointoken",
    "node_certificate": "nodecertificate",
    "knock": "knock",
    "fabric": "fabric",
    "bgp": "bgppeer",
    "aci": "acigateway",
}


class Forbidden(Problem, PermissionDenied):
    """She may see the thing, but not do this to it. The sentence says which right is missing and who grants it."""

    status = 403


def needed(verb: str) -> Right:
    """The right a verb ("network.update", "tenant.view") takes."""
    thing, _dot, action = verb.partition(".")
    if thing in CLUSTER:
        return Right.ADMINISTRATOR
    return NEEDS.get(verb, Right.VIEWER if action == "view" else Right.EDITOR)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one person holds, read once; ask it as often as a page needs. `reading`: she came with a token that was
    made for reading."""

    cluster: ClusterRole | None = None
    tenants: Mapping[int, Right] = field(default_factory=dict)
    reading: bool = False

    @property
    def sees_all(self) -> bool:
        return self.cluster in (ClusterRole.ADMINISTRATOR, ClusterRole.AUDITOR)

    def of(self, tenant: Tenant | None) -> Right:
        """The right to change what is in a tenant. None is the cluster."""
        if self.cluster is ClusterRole.ADMINISTRATOR:
            return Right.ADMINISTRATOR
        return self.tenants.get(tenant.pk, Right.NONE) if tenant else Right.NONE

    def may(self, verb: str, tenant: Tenant | None = None) -> bool:
        thing, _dot, action = verb.partition(".")
        if action == "view":
            if self.sees_all or (self.cluster is ClusterRole.OPERATOR and thing in OPERATED):
                return True
        elif self.reading:
            return False
        if self.cluster is ClusterRole.OPERATOR and thing in OPERATED:
            return True
        return self.of(tenant) >= needed(verb)


def cluster_role(user: User | AnonymousUser) -> ClusterRole | None:
    """Her role in the cluster: a superuser's is administrator, others' is a row beside the account, which costs a
    query unless it was loaded along (`select_related("held_role")`). A token of one tenant has none."""
    if not user.is_authenticated or not user.is_active or getattr(user, "only_tenant", None) is not None:
        return None
    if user.is_superuser:
        return ClusterRole.ADMINISTRATOR
    try:
        return ClusterRole(user.held_role.role)
    except ObjectDoesNotExist:
        return None


def rights_of(user: User | AnonymousUser) -> Rights:
    """One query for everybody but administrators, for whom it is none."""
    if not user.is_authenticated or not user.is_active:
        return Rights()
    reading = bool(getattr(user, "only_reads", False))
    if (only := getattr(user, "only_tenant", None)) is not None:
        return Rights(tenants={only: user.only_right}, reading=reading)  # type: ignore[attr-defined]
    role = cluster_role(user)
    if role is ClusterRole.ADMINISTRATOR:
        return Rights(role, reading=reading)
    held = user.memberships.values_list("tenant_id", "role")
    return Rights(role, {tenant: Right[name.upper()] for tenant, name in held}, reading)


def may(user: User | AnonymousUser, verb: str, tenant: Tenant | None = None) -> bool:
    """Whether this person may do `verb` ("policy.update") in `tenant`; None for what belongs to the cluster."""
    return rights_of(user).may(verb, tenant)


def require(user: User | AnonymousUser, verb: str, tenant: Tenant | None = None) -> None:
    """Raises Forbidden unless `may`."""
    if not may(user, verb, tenant):
        raise Forbidden(missing(verb, tenant), code="forbidden")


def missing(verb: str, tenant: Tenant | None) -> str:
    """What to say of a verb that is refused: which right it needs, and who grants it."""
    right, thing = needed(verb), verb.partition(".")[0]
    if right is Right.ADMINISTRATOR or tenant is None:
        who = "cluster administrators and operators" if thing in OPERATED else "cluster administrators"
        return f"This is for {who}. A cluster administrator can make you one."
    word = right.name.lower()
    article = "a" if right is Right.VIEWER else "an"
    return (
        f"This needs the role of {article} {word} of tenant {tenant.name}. "
        f"An owner of {tenant.name} or a cluster administrator can grant it."
    )


# --- what one sees


def in_tenants(rows: Rows, user: User | AnonymousUser, path: str) -> Rows:
    """Of rows that belong to tenants, those this person may know of. `path` is the look-up from a row to its tenant,
    "" for tenants themselves."""
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    role = cluster_role(user)
    if role in (ClusterRole.ADMINISTRATOR, ClusterRole.AUDITOR):
        return rows
    return rows.filter(_hers(user, path))


def in_owned(rows: Rows, user: User | AnonymousUser) -> Rows:
    """Of rows that are the business of a tenant's owners, those of tenants she owns; all for who sees all."""
    rights = rights_of(user)
    if rights.sees_all:
        return rows
    return rows.filter(tenant__in=[pk for pk, right in rights.tenants.items() if right >= Right.OWNER])


def in_cluster(rows: Rows, user: User | AnonymousUser, kind: str) -> Rows:
    """Of rows of a kind that belongs to the cluster ("node"): all or none."""
    return rows if Rights(cluster_role(user)).may(f"{kind}.view") else rows.none()


def in_record(rows: Rows, user: User | AnonymousUser) -> Rows:
    """Of what is written down (changes, events): what is about her tenants; for an operator what is about things she
    operates, and only while it is nobody's: what a tenant left behind stays the administrators'."""
    if cluster_role(user) is not ClusterRole.OPERATOR:
        return in_tenants(rows, user, "tenant")
    operated = Q(tenant=None, tenant_name="", object_type__in=OPERATED.values())
    # Not a join: a change of no tenant has nothing to be joined with.
    return rows.filter(operated | Q(tenant__in=user.memberships.values("tenant")))  # type: ignore[union-attr]


def _hers(user: User, path: str) -> Q:
    """A token that was made for one tenant narrows whoever uses it to that one (tenants.tokens)."""
    only = getattr(user, "only_tenant", None)
    if only is not None:
        return Q(**{path or "pk": only})
    return Q(**{f"{path}__memberships__user".lstrip("_"): user})

"""What groups of a directory or a provider bring: roles in tenants and in the cluster, held while the group is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import ClusterRoleByGroup, GroupGrant, MembershipByGroup
from tenants.access import ClusterRole, Right
from tenants.actions import add_member, remove_member, set_role
from tenants.change import Actor, Refused, change, fresh, plain
from tenants.checks import FieldErrors, refuse
from tenants.models import Account, Membership, Role, Tenant
from tenants.users import set_cluster_role

log = logging.getLogger(__name__)

#: Roles in the cluster: who may change something is stronger than who only sees.
WEAK_TO_STRONG = (ClusterRole.AUDITOR, ClusterRole.OPERATOR, ClusterRole.ADMINISTRATOR)


def grant_group(
    *, actor: Actor, group: str, role: str, tenant: Tenant | None = None, pk: int | None = None
) -> GroupGrant:
    """Let a group bring a role in a tenant, or without one in the cluster, from its members' next sign-in on."""
    with change(actor=actor, tenant=tenant, verb="group_grant.create") as step:
        row = GroupGrant(pk=pk, group=group, tenant=tenant, role=role)
        _check(row)
        if GroupGrant.objects.filter(group__iexact=group, tenant=tenant).exists():
            where = f"in {tenant.name}" if tenant else "in the cluster"
            refuse("group", f"This group has a role {where} already. Take that one first.", "name_in_use")
        row.save()
        step.created(row)
    return row


def withdraw_group(*, actor: Actor, row: GroupGrant) -> None:
    """The group brings this role no more; who has it by the group loses it at the next sign-in."""
    with change(actor=actor, tenant=row.tenant, verb="group_grant.delete") as step:
        row = fresh(row)
        before = plain(row)
        row.delete()
        step.deleted(row, before)


def give_roles(user: User, groups: Iterable[str], actor: Actor) -> User:
    """Make what she is by her groups what they say now. What a person gave her stays as it is. Answers her account as
    it is then: what she may follows from it."""
    names = {group.casefold() for group in groups}
    grants = [row for row in GroupGrant.objects.select_related("tenant") if row.group.casefold() in names]
    _give_in_cluster(user, grants, actor)
    _give_in_tenants(user, grants, actor)
    return User.objects.get(pk=user.pk)


def _give_in_tenants(user: User, grants: Sequence[GroupGrant], actor: Actor) -> None:
    """In the order of their ids, as everybody locks tenants; and after the cluster, which comes before them."""
    wanted = _wanted(grants)
    held = {row.tenant: row for row in Membership.objects.filter(user=user).select_related("tenant", "by_group")}
    for tenant in sorted({*wanted, *held}, key=lambda tenant: tenant.pk):
        row, role = held.get(tenant), wanted.get(tenant)
        if row is None:
            _try(_join, actor=actor, tenant=tenant, user=user, role=role)
        elif hasattr(row, "by_group") and role is None:
            _try(remove_member, actor=actor, row=row)
        elif hasattr(row, "by_group") and row.role != role:
            _try(_change, actor=actor, row=row, role=role)


def _wanted(grants: Sequence[GroupGrant]) -> dict[Tenant, str]:
    """The strongest role in each tenant."""
    found: dict[Tenant, str] = {}
    for grant in grants:
        if grant.tenant is not None:
            has = found.get(grant.tenant)
            if has is None or Right[grant.role.upper()] > Right[has.upper()]:
                found[grant.tenant] = grant.role
    return found


def _join(*, actor: Actor, tenant: Tenant, user: User, role: str) -> None:
    MembershipByGroup.objects.create(membership=add_member(actor=actor, tenant=tenant, user=user, role=role))


def _change(*, actor: Actor, row: Membership, role: str) -> None:
    MembershipByGroup.objects.get_or_create(membership=set_role(actor=actor, row=row, role=role))


def _give_in_cluster(user: User, grants: Sequence[GroupGrant], actor: Actor) -> None:
    """A person has one role in the cluster. One that was given by hand is not the groups' to change."""
    roles = [ClusterRole(grant.role) for grant in grants if grant.tenant is None]
    wanted = max(roles, key=WEAK_TO_STRONG.index, default=None)
    account = Account.objects.select_related("held_role").get(pk=user.pk)
    by_group = ClusterRoleByGroup.objects.filter(user=user).exists()
    if (account.cluster_role and not by_group) or account.cluster_role == wanted:
        return
    _try(_hold, actor=actor, account=account, role=wanted)


def _hold(*, actor: Actor, account: Account, role: str | None) -> None:
    set_cluster_role(actor=actor, row=account, role=role)
    if role:
        ClusterRoleByGroup.objects.get_or_create(user=account)


def _try(verb: Callable[..., object], **given: Any) -> None:
    """A tenant's last owner and the last administrator stay, whatever their groups: they get in all the same. So does
    who signs in twice at once, and has it from the other sign-in."""
    try:
        with transaction.atomic():
            verb(**given)
    except (Refused, ValidationError) as refused:
        log.warning("What a group brings stays as it is: %s", refused)


def _check(row: GroupGrant) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    if row.role in Role.values and row.tenant is None:
        errors.add("tenant", f"Choose the tenant in which the group's people become {row.role}.", "required")
    if row.role in ClusterRole.values and row.tenant is not None:
        cluster, tenant = f"{row.role} is a role in the cluster", ", ".join(Role.values)
        errors.add("tenant", f"{cluster}: leave the tenant out, or choose one of {tenant}.", "invalid")
    errors.settle()

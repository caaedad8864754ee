"""The verbs on the directory: which one, what its groups bring, and taking in who signs in by it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from accounts.actions import outside
from accounts.directory import Found
from accounts.models import Directory, FromDirectory, GroupGrant, MembershipByGroup
from tenants.access import Right
from tenants.actions import add_member, remove_member, set_role
from tenants.change import KEEP, Actor, Keep, Refused, change, plain
from tenants.checks import FieldErrors, refuse
from tenants.models import Membership, Tenant

log = logging.getLogger(__name__)

#: How the record names what follows from a group.
DIRECTORY = Actor("directory", "system")


def set_directory(*, actor: Actor, service_account_password: str | Keep = KEEP, **fields: Any) -> Directory:
    """Say which directory people may sign in by, or change what is given of it."""
    return outside.keep(Directory, actor=actor, secret=service_account_password, fields=fields, check=_check)


def drop_directory(*, actor: Actor) -> None:
    outside.drop(Directory, actor=actor)


def grant_group(*, actor: Actor, group: str, tenant: Tenant, role: str) -> GroupGrant:
    """Let a group bring a role in a tenant, from its members' next sign-in on."""
    with change(actor=actor, tenant=tenant, verb="group_grant.create") as step:
        row = GroupGrant(group=group, tenant=tenant, role=role)
        errors = FieldErrors()
        errors.fields_of(row)
        errors.settle()
        if GroupGrant.objects.filter(group__iexact=group, tenant=tenant).exists():
            refuse("group", f"This group has a role in {tenant.name} already. Take that one first.", "name_in_use")
        row.save()
        step.created(row)
    return row


def withdraw_group(*, actor: Actor, row: GroupGrant) -> None:
    """The group brings this role no more; who has it by the group loses it at the next sign-in."""
    with change(actor=actor, tenant=row.tenant, verb="group_grant.delete") as step:
        before = plain(row)
        row.delete()
        step.deleted(row, before)


@transaction.atomic
def take_in(found: Found) -> User:
    """The account of somebody the directory vouches for, made at her first sign-in, with the roles of her groups."""
    user = User.objects.filter(username__iexact=found.name, from_directory__isnull=False).first()
    if user is None:
        user = _make(found)
    elif user.from_directory.dn != found.dn:
        FromDirectory.objects.filter(user=user).update(dn=found.dn)
    give_roles(user, found.groups)
    return user


def _make(found: Found) -> User:
    with change(actor=DIRECTORY, tenant=None, verb="user.create") as step:
        user = User(username=found.name, first_name=found.first_name[:150], last_name=found.last_name[:150])
        user.set_unusable_password()
        user.clean_fields()
        user.save()
        FromDirectory.objects.create(user=user, dn=found.dn)
        step.created(user, {"username": user.username, "dn": found.dn})
    return user


def give_roles(user: User, groups: Iterable[str], actor: Actor = DIRECTORY) -> None:
    """Make what she is by her groups what they say now. What a person gave her stays as it is."""
    wanted = _wanted({group.casefold() for group in groups})
    held = {row.tenant_id: row for row in Membership.objects.filter(user=user).select_related("tenant", "by_group")}
    for tenant, role in wanted.items():
        row = held.get(tenant.pk)
        if row is None:
            made = add_member(actor=actor, tenant=tenant, user=user, role=role)
            MembershipByGroup.objects.create(membership=made)
        elif hasattr(row, "by_group") and row.role != role:
            _try(set_role, actor=actor, row=row, role=role)
    kept = {tenant.pk for tenant in wanted}
    for row in held.values():
        if hasattr(row, "by_group") and row.tenant_id not in kept:
            _try(remove_member, actor=actor, row=row)


def _wanted(groups: set[str]) -> dict[Tenant, str]:
    """The strongest role in each tenant."""
    found: dict[Tenant, str] = {}
    for grant in GroupGrant.objects.select_related("tenant"):
        if grant.group.casefold() in groups:
            has = found.get(grant.tenant)
            if has is None or Right[grant.role.upper()] > Right[has.upper()]:
                found[grant.tenant] = grant.role
    return found


def _try(verb: Any, **given: Any) -> None:
    """A tenant's last owner stays, whatever her groups: she gets in all the same."""
    try:
        with transaction.atomic():
            verb(**given)
    except Refused as refused:
        log.warning("A group's role stays: %s", refused)


def _check(row: Directory) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    errors.settle()

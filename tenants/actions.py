"""The verbs on tenants and their members."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from core.labels import Labels
from tenants import chain, events, quotas
from tenants.change import KEEP, Actor, Keep, Refused, assign, change, fresh, gone, plain
from tenants.checks import FieldErrors, check_named, refuse, unused
from tenants.models import AuditEntry, Membership, Role, Tenant, Verdict
from tenants.signals import role_set, tenant_goes

#: What a tenant owns, by the reverse names of TenantOwned, and the words for one and many.
OWNED = {
    "networks": ("network", "networks"),
    "endpointgroups": ("group", "groups"),
    "endpoints": ("endpoint", "endpoints"),
    "policys": ("policy", "policies"),
    "bandwidthprofiles": ("bandwidth profile", "bandwidth profiles"),
    "appprofiles": ("application profile", "application profiles"),
    "contractgroups": ("contract group", "contract groups"),
    "services": ("service", "services"),
}


def create_tenant(
    *,
    actor: Actor,
    name: str,
    description: str = "",
    default_verdict: str = Verdict.ALLOW,
    owner: User | None = None,
    labels: Labels | None = None,
    pk: int | None = None,
) -> Tenant:
    """Make a tenant, with its first owner when one is given. `pk` brings back one that was deleted: its generations and
    its record go on where they ended. (So it does in all verbs that make something.)"""
    with change(actor=actor, tenant=None, verb="tenant.create") as step:
        row = Tenant(pk=pk, name=name, description=description, default_verdict=default_verdict, labels=labels or {})
        if pk is not None:
            _go_on(row)
        check_named(row)
        row.save()
        if owner is not None:
            Membership.objects.create(user=owner, tenant=row, role=Role.OWNER)
        step.created(row, plain(row) | {"owner": owner.get_username() if owner else None})
    return row


def update_tenant(
    *,
    actor: Actor,
    row: Tenant,
    name: str | Keep = KEEP,
    description: str | Keep = KEEP,
    default_verdict: str | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> Tenant:
    """Rename, describe, or change what happens to flows no rule speaks of (judged anew, running ones too)."""
    with change(actor=actor, tenant=row, verb="tenant.update") as step:
        row = fresh(row)
        before = plain(row)
        assign(row, name=name, description=description, default_verdict=default_verdict, labels=labels)
        check_named(row)
        if step.same(row, before):
            return row
        row.save(update_fields=["name", "description", "default_verdict", "labels"])
        step.updated(row, before)
    row.refresh_from_db(fields=["generation"])
    return row


def set_quota(*, actor: Actor, row: Tenant, **limits: int | Keep | None) -> Tenant:
    """Limit how much a tenant may have of what tenants.quotas names; None is any number. What there is too much of
    stays, and no more of it is let in."""
    with change(actor=actor, tenant=row, verb="quota.update") as step:
        row = fresh(row)
        before = plain(row)
        errors = FieldErrors()
        for name, limit in limits.items():
            if name not in quotas.NAMES:
                errors.add(name, f"There is no quota of {name}. There are: {', '.join(quotas.NAMES)}.", "unknown")
            elif isinstance(limit, int) and not 0 <= limit <= quotas.LARGEST:
                errors.add(name, f"Give 0 to {quotas.LARGEST}, or nothing for any number.", "range")
        errors.settle()
        given = {name: limit for name, limit in limits.items() if limit is not KEEP}
        row.limits = {name: limit for name, limit in {**row.limits, **given}.items() if limit is not None}
        if step.same(row, before):
            return row
        row.save(update_fields=["limits"])
        step.updated(row, before)
    row.refresh_from_db(fields=["generation"])
    return row


def delete_tenant(*, actor: Actor, row: Tenant) -> None:
    """Delete a tenant that owns nothing any more; its memberships go with it. Raises Refused naming what it owns."""
    with change(actor=actor, tenant=None, verb="tenant.delete") as step:
        tenant_goes.send(sender=Tenant, row=row, actor=actor)
        locked = Tenant.objects.select_for_update().filter(pk=row.pk).first()
        if locked is None:
            raise gone(row)
        unused(locked, _owns(locked))
        members = [plain(member) for member in locked.memberships.order_by("pk")]
        before = plain(locked) | {"members": members, "record": chain.ending(chain.Head.of(locked))}
        events.tell(locked)
        locked.delete()
        step.deleted(locked, before)


def add_member(
    *, actor: Actor, tenant: Tenant, user: User, role: str = Role.VIEWER, pk: int | None = None
) -> Membership:
    """Give a person a role in a tenant."""
    with change(actor=actor, tenant=tenant, verb="member.create") as step:
        if Membership.objects.filter(tenant=tenant, user=user).exists():
            name = user.get_username()
            refuse("user", f"{name} is a member of {tenant.name} already. Change the role instead.", "name_in_use")
        row = Membership(pk=pk, tenant=tenant, user=user, role=role)
        _check_role(row)
        row.save()
        step.created(row, recorded_member(row))
    return row


def set_role(*, actor: Actor, row: Membership, role: str | Keep = KEEP, user: User | Keep = KEEP) -> Membership:
    """Change a member's role. Whose membership it is stays; `user` is there to be refused when it differs."""
    with change(actor=actor, tenant=row.tenant, verb="member.update") as step:
        row = fresh(row)
        before = recorded_member(row)
        if user is not KEEP and user.pk != row.user_id:
            refuse("user", "A membership stays with its person. Remove this one and add another.", "fixed")
        assign(row, role=role)
        _check_role(row)
        if step.same(row, before):
            return row
        if before["role"] == Role.OWNER:
            _another_owner(row)
        row.save()
        role_set.send(sender=Membership, row=row)
        step.updated(row, before, recorded_member(row))
    return row


def remove_member(*, actor: Actor, row: Membership) -> None:
    """Take a person out of a tenant. Raises Refused for the last owner."""
    with change(actor=actor, tenant=row.tenant, verb="member.delete") as step:
        row = fresh(row)
        before = recorded_member(row)
        if row.role == Role.OWNER:
            _another_owner(row)
        row.delete()
        step.deleted(row, before)


def _go_on(row: Tenant) -> None:
    last = AuditEntry.objects.filter(chain=row.pk).order_by("-number").first()
    if last is not None:
        row.record_number, row.record_link = last.number, chain.link(last.pk, last.digest)
        row.generation = last.generation or row.generation


def _check_role(row: Membership) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    errors.settle()


def _owns(tenant: Tenant) -> list[str]:
    """ "it has 3 networks", "it has 1 policy"."""
    counts = {name: getattr(tenant, name).count() for name in OWNED}
    return [f"it has {n} {OWNED[name][0 if n == 1 else 1]}" for name, n in counts.items() if n]


def _another_owner(row: Membership) -> None:
    others = Membership.objects.filter(tenant_id=row.tenant_id, role=Role.OWNER).exclude(pk=row.pk)
    if not others.exists():
        raise Refused(
            f"{row.user.get_username()} is the last owner of {row.tenant.name}. Make somebody else an owner first.",
            code="last_owner",
        )


def recorded_member(row: Membership) -> dict[str, Any]:
    """A membership for the record, with the person's name."""
    return plain(row) | {"user": row.user.get_username()}

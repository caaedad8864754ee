"""The verbs on application profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.labels import Labels
from networks.models import EndpointGroup
from routing.models import AppProfile, AppProfileGroup
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import check_named, owned_all
from tenants.models import Tenant


def create_app_profile(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    groups: Sequence[EndpointGroup] = (),
    labels: Labels | None = None,
    pk: int | None = None,
) -> AppProfile:
    """Make a profile of these groups. A group that is in another profile moves here: it is in one at a time."""
    with change(actor=actor, tenant=tenant, verb="app.create") as step:
        row = AppProfile(pk=pk, tenant=tenant, name=name, labels=labels or {})
        check_named(row)
        chosen = owned_all("groups", groups, tenant)
        row.generation = step.generation or 0
        row.save()
        _put_in(row, chosen)
        step.created(row, recorded(row))
    return row


def update_app_profile(
    *,
    actor: Actor,
    row: AppProfile,
    name: str | Keep = KEEP,
    groups: Sequence[EndpointGroup] | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> AppProfile:
    """Rename, or make it of exactly these groups."""
    with change(actor=actor, tenant=row.tenant, verb="app.update") as step:
        row = fresh(row)
        before = recorded(row)
        assign(row, name=name, labels=labels)
        check_named(row)
        chosen = groups if groups is KEEP else owned_all("groups", groups, row.tenant)
        if step.same(row, before, groups=chosen):
            return row
        row.generation = step.generation or 0
        row.save()
        if chosen is not KEEP:
            _put_in(row, chosen)
        step.updated(row, before, recorded(row))
    return row


def delete_app_profile(*, actor: Actor, row: AppProfile) -> None:
    """Delete a profile; its groups stay."""
    with change(actor=actor, tenant=row.tenant, verb="app.delete") as step:
        row = fresh(row)
        before = recorded(row)
        row.delete()
        step.deleted(row, before)


def recorded(row: AppProfile) -> dict[str, Any]:
    """A profile for the record, with its groups: by id, for their names may change."""
    return plain(row) | {"groups": list(row.groups.order_by("id").values("id", "name"))}


def _put_in(row: AppProfile, groups: Sequence[EndpointGroup]) -> None:
    row.members.exclude(group__in=groups).delete()
    AppProfileGroup.objects.filter(group__in=groups).exclude(profile=row).delete()
    there = set(row.members.values_list("group_id", flat=True))
    for group in groups:
        if group.pk not in there:
            AppProfileGroup.objects.create(profile=row, group=group)

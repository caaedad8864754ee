"""The verbs on policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.labels import Labels
from networks.models import EndpointGroup
from policies.models import Policy, Rule
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import check_named, owned_all, unused
from tenants.labels import follow_all
from tenants.models import Tenant


def create_policy(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    groups: Sequence[EndpointGroup] = (),
    labels: Labels | None = None,
    pk: int | None = None,
) -> Policy:
    """Make a policy without rules, on these groups."""
    with change(actor=actor, tenant=tenant, verb="policy.create") as step:
        row = Policy(pk=pk, tenant=tenant, name=name, labels=labels or {}, generation=step.generation or 0)
        check_named(row)
        chosen = owned_all("groups", groups, tenant)
        row.save()
        row.groups.set(chosen)
        step.created(row, recorded(row))
    return row


def update_policy(
    *,
    actor: Actor,
    row: Policy,
    name: str | Keep = KEEP,
    groups: Sequence[EndpointGroup] | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> Policy:
    """Rename, or put the policy on exactly these groups."""
    with change(actor=actor, tenant=row.tenant, verb="policy.update") as step:
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
            row.groups.set(chosen)
        step.updated(row, before, recorded(row))
    return row


def delete_policy(*, actor: Actor, row: Policy) -> None:
    """Delete a policy with its rules, once it is on no group: Refused names those it is on, for without it they
    would be open."""
    with change(actor=actor, tenant=row.tenant, verb="policy.delete") as step:
        row = fresh(row)
        unused(row, [f"it is on group {name}" for name in row.groups.values_list("name", flat=True)])
        before = recorded(row) | {"rules": [plain(rule) for rule in row.rules.order_by("id")]}
        row.delete()
        follow_all(Rule, before["rules"], ())
        step.deleted(row, before)


def recorded(row: Policy) -> dict[str, Any]:
    """A policy for the record, with the groups it is on: by id, for their names may change."""
    groups = row.groups.order_by("id").values("id", "name")
    return plain(row) | {"groups": list(groups)}

"""The verbs on contract groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.labels import Labels
from networks.models import EndpointGroup
from routing.models import ContractGroup
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, name_free, owned_all, unused
from tenants.models import Tenant

MOST_CONTRACTS, LONGEST = 200, 500


def create_contract_group(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    kind: str,
    contracts: Sequence[str] = (),
    groups: Sequence[EndpointGroup] = (),
    labels: Labels | None = None,
    pk: int | None = None,
) -> ContractGroup:
    """Name contracts that these groups provide or consume."""
    with change(actor=actor, tenant=tenant, verb="contract.create") as step:
        row = ContractGroup(pk=pk, tenant=tenant, name=name, labels=labels or {}, kind=kind, contracts=list(contracts))
        _check(row)
        chosen = owned_all("groups", groups, tenant)
        row.generation = step.generation or 0
        row.save()
        row.groups.set(chosen)
        step.created(row, recorded(row))
    return row


def update_contract_group(
    *,
    actor: Actor,
    row: ContractGroup,
    name: str | Keep = KEEP,
    kind: str | Keep = KEEP,
    contracts: Sequence[str] | Keep = KEEP,
    groups: Sequence[EndpointGroup] | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> ContractGroup:
    """Change what it holds, or put it on exactly these groups."""
    with change(actor=actor, tenant=row.tenant, verb="contract.update") as step:
        row = fresh(row)
        before = recorded(row)
        assign(row, name=name, labels=labels, kind=kind, contracts=contracts if contracts is KEEP else list(contracts))
        _check(row)
        chosen = groups if groups is KEEP else owned_all("groups", groups, row.tenant)
        if step.same(row, before, groups=chosen):
            return row
        row.generation = step.generation or 0
        row.save()
        if chosen is not KEEP:
            row.groups.set(chosen)
        step.updated(row, before, recorded(row))
    return row


def delete_contract_group(*, actor: Actor, row: ContractGroup) -> None:
    """Delete one that is on no group any more. Raises Refused naming those it is on."""
    with change(actor=actor, tenant=row.tenant, verb="contract.delete") as step:
        row = fresh(row)
        unused(row, [f"it is on group {name}" for name in row.groups.order_by("name").values_list("name", flat=True)])
        before = recorded(row)
        row.delete()
        step.deleted(row, before)


def recorded(row: ContractGroup) -> dict[str, Any]:
    """A contract group for the record, with its groups: by id, for their names may change."""
    return plain(row) | {"groups": list(row.groups.order_by("id").values("id", "name"))}


def _check(row: ContractGroup) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=["contracts"])
    name_free(row, errors)
    wrong = [one for one in row.contracts if not isinstance(one, str) or not one.strip() or len(one) > LONGEST]
    if wrong or len(row.contracts) > MOST_CONTRACTS:
        says = f"Give at most {MOST_CONTRACTS} names of contracts, for example uni/tn-common/brc-default."
        errors.add("contracts", says, "contracts")
    errors.settle()

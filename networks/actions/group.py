"""The verbs on groups."""

from __future__ import annotations

from core.labels import Labels
from networks import spaces
from networks.allocation import space_of
from networks.kept import FAMILIES, area_of, of_family
from networks.models import Endpoint, EndpointGroup, Network
from networks.pools import check_pool
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, name_free, owned, unused
from tenants.models import Tenant
from tenants.storing import insert


def create_group(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    network: Network,
    label: str = "",
    pool4: str = "",
    pool6: str = "",
    labels: Labels | None = None,
    pk: int | None = None,
) -> EndpointGroup:
    """Make a group in a network of the tenant. Group and network may share a name. A pool is a range of the network
    that only this group draws its addresses from, and it from nothing else."""
    with change(actor=actor, tenant=tenant, verb="group.create") as step:
        row = EndpointGroup(pk=pk, tenant=tenant, name=name, network=owned("network", network, tenant))
        assign(row, label=label, pool4=pool4, pool6=pool6, labels=labels or {})
        _check(row, back=step.back)
        row.generation = step.generation or 0
        insert(row)
        _keep(row)
        step.created(row)
    return row


def update_group(
    *,
    actor: Actor,
    row: EndpointGroup,
    name: str | Keep = KEEP,
    network: Network | Keep = KEEP,
    label: str | Keep = KEEP,
    pool4: str | Keep = KEEP,
    pool6: str | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> EndpointGroup:
    """Rename; move to another network while it has no endpoints, whose addresses are of the old one. With another pool
    its endpoints keep the addresses they have."""
    with change(actor=actor, tenant=row.tenant, verb="group.update") as step:
        row = fresh(row)
        before, old = plain(row), fresh(row)
        assign(row, name=name, label=label, pool4=pool4, pool6=pool6, labels=labels)
        if network is not KEEP:
            row.network = owned("network", network, row.tenant)
        _check(row, old, back=step.back)
        if step.same(row, before):
            return row
        row.generation = step.generation or 0
        row.save()
        _let_go(old)
        _keep(row)
        step.updated(row, before)
    return row


def delete_group(*, actor: Actor, row: EndpointGroup) -> None:
    """Delete a group that is empty and that no policy, rule or profile speaks of. Raises Refused naming who does."""
    with change(actor=actor, tenant=row.tenant, verb="group.delete") as step:
        row = fresh(row)
        unused(row, _users(row))
        before = plain(row)
        _let_go(row)
        row.delete()
        step.deleted(row, before)


def _keep(row: EndpointGroup) -> None:
    """What is free of the group's pools is for it alone."""
    for family in FAMILIES:
        if pool := of_family(row, "pool", family):
            spaces.keep_for(space_of(row.network, family), area_of(pool), row.pk)


def _let_go(row: EndpointGroup) -> None:
    """What is free of the group's pools is for everybody."""
    for family in FAMILIES:
        if pool := of_family(row, "pool", family):
            spaces.keep_for(space_of(row.network, family), area_of(pool), None)


def _check(row: EndpointGroup, old: EndpointGroup | None = None, *, back: bool = False) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=["pool4", "pool6"])
    name_free(row, errors)
    stays = old is not None and old.network_id == row.network_id
    if old is not None and not stays and Endpoint.objects.filter(group=row).exists():
        errors.add("network", "This cannot change while the group has endpoints. Make another group.", "fixed")
    for family in FAMILIES:
        check_pool(row, family, errors, getattr(old, f"pool{family}") if stays else "", had_it=back)
    errors.settle()


def _users(row: EndpointGroup) -> list[str]:
    endpoints = row.endpoints.values_list("name", flat=True)
    policies = row.policies.values_list("name", flat=True)
    rules = row.peer_rules.values_list("policy__name", "name", "pk")
    profiles = row.bandwidth_profiles.values_list("name", flat=True)
    return [
        *(f"endpoint {name} is in it" for name in endpoints),
        *(f"policy {name} is on it" for name in policies),
        *(f"rule {name or pk} of policy {policy} names it" for policy, name, pk in rules),
        *(f"bandwidth profile {name} is on it" for name in profiles),
    ]

"""The verbs on groups."""

from __future__ import annotations

from networks.models import Endpoint, EndpointGroup, Network
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, name_free, owned, unused
from tenants.models import Tenant


def create_group(*, actor: Actor, tenant: Tenant, name: str, network: Network) -> EndpointGroup:
    """Make a group in a network of the tenant. Group and network may share a name."""
    with change(actor=actor, tenant=tenant, verb="group.create") as step:
        row = EndpointGroup(tenant=tenant, name=name, network=owned("network", network, tenant))
        _check(row)
        row.generation = step.generation or 0
        row.save()
        step.created(row)
    return row


def update_group(
    *, actor: Actor, row: EndpointGroup, name: str | Keep = KEEP, network: Network | Keep = KEEP
) -> EndpointGroup:
    """Rename; move to another network while it has no endpoints, whose addresses are of the old one."""
    with change(actor=actor, tenant=row.tenant, verb="group.update") as step:
        row = fresh(row)
        before, old = plain(row), row.network_id
        assign(row, name=name)
        if network is not KEEP:
            row.network = owned("network", network, row.tenant)
        _check(row, old)
        row.generation = step.generation or 0
        row.save()
        step.updated(row, before)
    return row


def delete_group(*, actor: Actor, row: EndpointGroup) -> None:
    """Delete a group that is empty and that no policy, rule or profile speaks of. Raises Refused naming who does."""
    with change(actor=actor, tenant=row.tenant, verb="group.delete") as step:
        row = fresh(row)
        unused(row, _users(row))
        before = plain(row)
        row.delete()
        step.deleted(row, before)


def _check(row: EndpointGroup, network_before: int | None = None) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    name_free(row, errors)
    if network_before not in (None, row.network_id) and Endpoint.objects.filter(group=row).exists():
        errors.add("network", "This cannot change while the group has endpoints. Make another group.", "fixed")
    errors.settle()


def _users(row: EndpointGroup) -> list[str]:
    endpoints = row.endpoints.values_list("name", flat=True)
    policies = row.policies.values_list("name", flat=True)
    rules = row.peer_rules.values_list("policy__name", "pk")
    profiles = row.bandwidth_profiles.values_list("name", flat=True)
    return [
        *(f"endpoint {name} is in it" for name in endpoints),
        *(f"policy {name} is on it" for name in policies),
        *(f"rule {pk} of policy {policy} names it" for policy, pk in rules),
        *(f"bandwidth profile {name} is on it" for name in profiles),
    ]

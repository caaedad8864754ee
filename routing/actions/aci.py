"""The verbs on the ACI gateway. There is one at the most."""

from __future__ import annotations

from routing.models import AciGateway, AppProfile
from tenants.change import KEEP, Actor, Keep, assign, change, held, plain
from tenants.checks import FieldErrors, refuse, unused, users_seen


def create_gateway(
    *,
    actor: Actor,
    physical_domain: str,
    path_bindings: str = "",
    node_bindings: str = "",
    enforce_policies: bool = True,
    include_common_tenant: bool = False,
    pk: int | None = None,
) -> AciGateway:
    """Name the fabric that application profiles are for."""
    with change(actor=actor, tenant=None, verb="aci.create") as step:
        if AciGateway.objects.exists():
            refuse("physical_domain", "There is an ACI gateway already. Change that one.", "taken")
        row = AciGateway(pk=pk, physical_domain=physical_domain, path_bindings=path_bindings)
        assign(row, node_bindings=node_bindings)
        assign(row, enforce_policies=enforce_policies, include_common_tenant=include_common_tenant)
        _check(row)
        row.save()
        step.created(row)
    return row


def update_gateway(
    *,
    actor: Actor,
    row: AciGateway,
    physical_domain: str | Keep = KEEP,
    path_bindings: str | Keep = KEEP,
    node_bindings: str | Keep = KEEP,
    enforce_policies: bool | Keep = KEEP,
    include_common_tenant: bool | Keep = KEEP,
) -> AciGateway:
    """Change what is given."""
    with change(actor=actor, tenant=None, verb="aci.update") as step:
        row = held(row)
        before = plain(row)
        assign(row, physical_domain=physical_domain, path_bindings=path_bindings, node_bindings=node_bindings)
        assign(row, enforce_policies=enforce_policies, include_common_tenant=include_common_tenant)
        _check(row)
        if step.same(row, before):
            return row
        row.save()
        step.updated(row, before)
    return row


def delete_gateway(*, actor: Actor, row: AciGateway) -> None:
    """Delete the gateway once no application profile is left. Raises Refused naming those there are."""
    with change(actor=actor, tenant=None, verb="aci.delete") as step:
        row = held(row)
        profiles = AppProfile.objects.order_by("tenant__name", "name")
        unused(row, users_seen(actor, profiles, lambda one: f"tenant {one.tenant} has application profile {one}"))
        before = plain(row)
        row.delete()
        step.deleted(row, before)


def _check(row: AciGateway) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    errors.settle()

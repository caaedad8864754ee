"""The verbs on reservations: addresses of a network that are never handed out."""

from __future__ import annotations

from core import ipam, ranges
from core.labels import Labels
from networks import spaces
from networks.allocation import free_again, lowest_address, space_of
from networks.kept import Family, area_of, of_family
from networks.models import AddressReservation, EndpointGroup, Network
from networks.pools import check_reservation
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, owned, refuse
from tenants.models import Tenant


def create_reservation(
    *,
    actor: Actor,
    tenant: Tenant,
    network: Network,
    addresses: str,
    note: str = "",
    labels: Labels | None = None,
    pk: int | None = None,
) -> AddressReservation:
    """Keep addresses of a network aside, "20.1.1.5" or "20.1.1.5-20.1.1.9". Refused where an endpoint has one."""
    with change(actor=actor, tenant=tenant, verb="reservation.create") as step:
        row = AddressReservation(pk=pk, network=owned("network", network, tenant), addresses=addresses)
        assign(row, note=note, labels=labels or {})
        _check(row)
        row.save()
        _keep(row)
        step.created(row)
    return row


def reserve_next(
    *,
    actor: Actor,
    tenant: Tenant,
    network: Network,
    family: Family = 4,
    group: EndpointGroup | None = None,
    note: str = "",
) -> AddressReservation:
    """Keep the lowest free address aside, of the pool of a group if it has one: for who draws an address first and
    makes the endpoint later. Delete the reservation and make the endpoint with its address in one transaction then."""
    with change(actor=actor, tenant=tenant, verb="reservation.create") as step:
        row = AddressReservation(network=owned("network", network, tenant), note=note)
        if group is not None:
            group = owned("group", group, tenant)
            if group.network_id != row.network_id:
                refuse("group", f"Group {group} is not in network {row.network}. Choose one that is.", "elsewhere")
        if not of_family(row.network, "subnet", family):
            refuse("network", f"Network {row.network} has no IPv{family} subnet.", "outside")
        row.addresses = ranges.canonical(lowest_address(row.network, family, group, "addresses"), family)
        errors = FieldErrors()
        errors.fields_of(row)
        errors.settle()
        row.save()
        step.created(row)
    return row


def update_reservation(
    *,
    actor: Actor,
    row: AddressReservation,
    network: Network | Keep = KEEP,
    addresses: str | Keep = KEEP,
    note: str | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> AddressReservation:
    """Keep other addresses aside, or say why in other words. Its network stays."""
    with change(actor=actor, tenant=row.tenant, verb="reservation.update") as step:
        row = fresh(row)
        before, old = plain(row), row.addresses
        if network is not KEEP and network.pk != row.network_id:
            refuse("network", "A reservation stays in its network. Make one in the other network instead.", "fixed")
        assign(row, addresses=addresses, note=note, labels=labels)
        _check(row, old)
        if step.same(row, before):
            return row
        row.save()
        free_again(row.network, old)
        _keep(row)
        step.updated(row, before)
    return row


def delete_reservation(*, actor: Actor, row: AddressReservation) -> None:
    """Let the addresses be handed out again."""
    with change(actor=actor, tenant=row.tenant, verb="reservation.delete") as step:
        row = fresh(row)
        before = plain(row)
        row.delete()
        free_again(row.network, row.addresses)
        step.deleted(row, before)


def _keep(row: AddressReservation) -> None:
    spaces.take(space_of(row.network, 4 if ipam.family(row.addresses) == 4 else 6), area_of(row.addresses))


def _check(row: AddressReservation, old: str = "") -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    if not errors.found:
        check_reservation(row, errors, old)
    errors.settle()

"""The address of a service: one of its network that nothing else has, kept aside for as long as the service has it."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from networks.allocation import choose_address, free_again
from networks.models import AddressReservation, Endpoint
from routing.models import Service
from tenants.change import plain
from tenants.checks import refuse
from tenants.labels import follow


def take_address(row: Service, asked: str | None) -> None:
    """Give the service the address asked for if it can be had, else the lowest free one. With the tenant locked."""
    probe = Endpoint(tenant=row.tenant, network=row.network)
    if not row.network.subnet4:
        refuse("network", f"Network {row.network} has no IPv4 subnet, and services have IPv4 addresses.", "outside")
    try:
        found = choose_address(probe, 4, asked or None)
    except ValidationError as error:
        raise ValidationError({"address": error.error_dict["ip4"]}) from error
    assert found is not None, "a network with a subnet has an address or refuses"
    row.address = found
    note = f"address of service {row.name}"[:200]
    AddressReservation.objects.create(network=row.network, addresses=f"{found}-{found}", note=note)


def free_address(row: Service) -> None:
    """Let others have the service's address."""
    addresses = f"{row.address}-{row.address}"
    kept = list(AddressReservation.objects.filter(network_id=row.network_id, addresses=addresses))
    for reservation in kept:
        follow(reservation, reservation.pk, plain(reservation), None)
        reservation.delete()
    if kept:
        free_again(row.network, addresses)

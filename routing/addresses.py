"""The address of a service: one of its network that nothing else has."""

from __future__ import annotations

from core import ipam
from networks.addresses import choose_address
from networks.models import Endpoint, Network
from routing.models import Service
from tenants.checks import refuse


def choose_service_address(row: Service, asked: str | None) -> str:
    """The address asked for if it can be had, else the lowest free one. Called with the tenant locked."""
    others = set(Service.objects.filter(network=row.network).exclude(pk=row.pk).values_list("address", flat=True))
    probe = Endpoint(tenant=row.tenant, network=row.network)
    if asked:
        found = choose_address(probe, 4, asked)
        if found in others:
            refuse("address", f"Another service has {found} already. Leave this empty for a free one.", "taken")
        return _needed(found)
    return _lowest(row.network, others)


def _lowest(network: Network, others: set[str]) -> str:
    if not network.subnet4:
        refuse("network", f"Network {network} has no IPv4 subnet, and services have IPv4 addresses.", "outside")
    taken = Endpoint.objects.filter(network=network, ip4__isnull=False).values_list("ip4", flat=True)
    used = [ipam.number(text) for text in (*taken, *others)]
    try:
        return ipam.lowest_free(network.subnet4, network.gateway4 or None, used)
    except ipam.AddressError as error:
        refuse("address", str(error), "full")


def _needed(found: str | None) -> str:
    assert found is not None
    return found

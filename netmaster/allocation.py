"""Addresses that plug-ins ask for before there is an endpoint: each is kept aside under a reservation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError

from core import ipam
from netmaster.addresses import beyond, octets
from netmaster.refusal import Refusal
from networks.actions import delete_reservation
from networks.allocation import choose_address
from networks.models import AddressReservation, Endpoint, EndpointGroup, Network
from tenants.change import Actor, change

#: Of an address that was chosen here, and of one that a plug-in asked for.
NOTE, ASKED = "allocated by a plug-in", "asked for by a plug-in"


def network_named(key: str) -> tuple[Network, EndpointGroup | None]:
    """The network of "network.tenant", or the group of "network:group.tenant" with its network. Names may have dots
    themselves, so every way to read it is tried."""
    parts = key.split(".")
    for cut in range(1, len(parts)):
        name, tenant = ".".join(parts[:cut]), ".".join(parts[cut:])
        name, _, group = name.partition(":")
        network = Network.objects.select_related("tenant").filter(tenant__name=tenant, name=name).first()
        if network is None:
            continue
        if not group:
            return network, None
        found = EndpointGroup.objects.filter(network=network, name=group).first()
        if found is not None:
            return network, found
    raise Refusal("key not found")


def address_in(key: str, pool: str) -> tuple[Network, EndpointGroup | None]:
    """Where an address is asked for: in the network named, or in the one with this subnet, of tenant `default`
    first, or of the tenant behind it ("10.1.1.0/24:blue")."""
    if key:
        return network_named(key)
    subnet, slash, length = pool.partition("/")
    length, _, tenant = length.partition(":")
    try:
        prefix = ipam.prefix(subnet + slash + length)
    except ipam.AddressError:
        raise Refusal("network not found") from None
    rows = Network.objects.select_related("tenant").filter(**{f"subnet{ipam.family(prefix)}": prefix}).order_by("pk")
    if tenant:
        rows = rows.filter(tenant__name=tenant)
    found = rows.filter(tenant__name="default").first() or rows.first()
    if found is None:
        raise Refusal("network not found")
    return found, None


def reserve(actor: Actor, network: Network, group: EndpointGroup | None, family: int, asked: str) -> str:
    """Keep an address aside: the one asked for if it can be had, else the lowest free one."""
    if family == 6 and not network.subnet6:
        raise Refusal("subnet length 0 not supported" if asked else "subnet length 0 is invalid")
    if family == 4 and not network.subnet4:
        raise Refusal("network not found")
    if asked and family == 4:
        _refuse_outside(network, asked)
    with exhaustion(network, group):
        return _keep(actor, network, group, family, asked)


@contextmanager
def exhaustion(network: Network, group: EndpointGroup | None = None) -> Iterator[None]:
    """Contiv's words where no address is left."""
    try:
        yield
    except ValidationError as error:
        fields = getattr(error, "error_dict", {})
        full = next((field for field, found in fields.items() if any(one.code == "full" for one in found)), "")
        if not full:
            raise
        subnet, pool = ("subnet6", "pool6") if full == "ip6" else ("subnet4", "pool4")
        taken = getattr(group, pool, "")
        where = f"pool {taken}" if taken else f"subnet {getattr(network, subnet)}"
        raise Refusal(f"auto allocation failed - address exhaustion in {where}") from None


def _keep(actor: Actor, network: Network, group: EndpointGroup | None, family: int, asked: str) -> str:
    """The verb: choosing and keeping are one step, so nobody else may have the address in between."""
    with change(actor=actor, tenant=network.tenant, verb="reservation.create") as step:
        probe = Endpoint(tenant=network.tenant, network=network, group=group)
        found = choose_address(probe, 4 if family == 4 else 6, asked or None)
        assert found is not None, "a network with a subnet has an address or refuses"
        row = AddressReservation(network=network, addresses=f"{found}-{found}", note=ASKED if asked else NOTE)
        row.save()
        step.created(row)
    return found


def free_reservation(actor: Actor, network: Network, address: str) -> bool:
    """Let go of an address that a plug-in was given, and answer whether it was chosen here. Raises Refusal for one
    outside the subnet."""
    if ":" not in address:
        _refuse_outside(network, address)
    kept = AddressReservation.objects.filter(
        network=network, addresses=f"{address}-{address}", note__in=(NOTE, ASKED)
    ).first()
    if kept is not None:
        delete_reservation(actor=actor, row=kept)
    return kept is not None and kept.note == NOTE


def with_length(network: Network, address: str, family: int) -> str:
    subnet = network.subnet4 if family == 4 else network.subnet6
    return f"{address}/{subnet.partition('/')[2]}"


def _refuse_outside(network: Network, address: str) -> None:
    try:
        number = octets(address)
    except ipam.AddressError:
        raise Refusal(f"unable to convert hostIP {address} to uint32") from None
    if network.subnet4 and number not in ipam.span(network.subnet4):
        raise beyond(address, network.subnet4)

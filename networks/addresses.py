"""The addresses of networks and endpoints as core.ipam judges them, with its refusals at the field they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, inet_pton
from typing import Literal

from core import ipam
from networks.models import Endpoint, Network
from tenants.checks import FieldErrors, refuse

Family = Literal[4, 6]


def check_family(row: Network, family: Family, errors: FieldErrors) -> None:
    """Make the subnet and gateway of one family canonical; note what is wrong with them, by field."""
    subnet, gateway = f"subnet{family}", f"gateway{family}"
    typed = getattr(row, subnet).strip()
    if not typed:
        setattr(row, subnet, "")
        _check_gateway_alone(row, gateway, subnet, errors)
        return
    try:
        canonical = ipam.subnet(typed, family)
    except ipam.AddressError as error:
        errors.add(subnet, str(error), "prefix")
        return
    setattr(row, subnet, canonical)
    _check_overlap(row, family, canonical, errors)
    _check_gateway(row, family, canonical, errors)


def choose_address(row: Endpoint, family: Family, asked: str | None) -> str | None:
    """The address of one family: the one asked for if it can be had, else the lowest free one; None when the network
    has no such family. Called with the tenant locked, so it stays free until the endpoint is saved."""
    field, subnet = f"ip{family}", getattr(row.network, f"subnet{family}")
    if not subnet:
        if asked:
            refuse(field, f"Network {row.network} has no IPv{family} subnet. Leave this empty.", "outside")
        return None
    gateway: str = getattr(row.network, f"gateway{family}")
    if asked:
        return _asked(row, family, asked.strip(), subnet, gateway)
    taken = Endpoint.objects.filter(network=row.network).exclude(**{f"{field}__isnull": True})
    try:
        return ipam.lowest_free(subnet, gateway or None, _numbers(family, taken.values_list(field, flat=True)))
    except ipam.AddressError as error:
        refuse(field, str(error), "full")


def _numbers(family: Family, texts: Iterable[str]) -> Iterator[int]:
    """Stored addresses as numbers. They are canonical, so the system's own parser does: it is ten times as fast, and
    a full network has ten thousand of them."""
    kind = AF_INET if family == 4 else AF_INET6
    return (int.from_bytes(inet_pton(kind, text), "big") for text in texts)


def _asked(row: Endpoint, family: Family, asked: str, subnet: str, gateway: str) -> str:
    field = f"ip{family}"
    try:
        wanted = ipam.host(subnet, asked)
    except ipam.AddressError as error:
        refuse(field, str(error), "outside")
    if wanted == gateway:
        refuse(field, f"{wanted} is the gateway of network {row.network}. Leave this empty for a free one.", "taken")
    holder = Endpoint.objects.filter(network=row.network, **{field: wanted}).first()
    if holder is not None:
        refuse(field, f"Endpoint {holder} has {wanted} already. Leave this empty for a free one.", "taken")
    return wanted


def _check_gateway_alone(row: Network, gateway: str, subnet: str, errors: FieldErrors) -> None:
    """A gateway without its subnet was meant for something."""
    typed = getattr(row, gateway).strip()
    setattr(row, gateway, typed)
    if typed:
        errors.add(gateway, f"A gateway needs its subnet. Fill in {subnet}, or leave this empty.", "outside")


def _check_overlap(row: Network, family: Family, subnet: str, errors: FieldErrors) -> None:
    field = f"subnet{family}"
    others = Network.objects.filter(tenant=row.tenant).exclude(pk=row.pk).exclude(**{field: ""})
    for name, other in others.values_list("name", field):
        if ipam.overlaps(subnet, other):
            errors.add(
                field,
                f"{subnet} overlaps network {name} of this tenant, which has {other}. Choose a subnet beside it.",
                "overlap",
            )
            return


def _check_gateway(row: Network, family: Family, subnet: str, errors: FieldErrors) -> None:
    field = f"gateway{family}"
    typed = getattr(row, field).strip()
    if not typed:
        setattr(row, field, "")
        return
    try:
        canonical = ipam.host(subnet, typed, "gateway")
    except ipam.AddressError as error:
        errors.add(field, str(error), "outside")
        return
    setattr(row, field, canonical)
    holder = Endpoint.objects.filter(network_id=row.pk, **{f"ip{family}": canonical}).first() if row.pk else None
    if holder is not None:
        errors.add(field, f"Endpoint {holder} has {canonical}. Choose an address no endpoint has.", "taken")

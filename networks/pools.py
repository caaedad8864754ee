"""Addresses that are kept for somebody: pools of groups and reservations, judged by field."""

from __future__ import annotations

from core import ipam, ranges
from core.ipam import AddressError
from networks.allocation import holder_in
from networks.kept import Family, of_family, pools_of, reservations_of
from networks.models import AddressReservation, Endpoint, EndpointGroup, Network
from tenants.checks import FieldErrors


def check_pool(row: EndpointGroup, family: Family, errors: FieldErrors, old: str = "", *, had_it: bool = False) -> None:
    """Make a group's pool of one family canonical; note what is wrong with it. It lies in what the network hands out,
    and nothing in it is anybody's; what was in the pool before (`old`) is the group's own. One it `had` it gets back
    with what its own endpoints have of it, and with what is reserved in it: both may be in a pool."""
    field = f"pool{family}"
    typed = getattr(row, field).strip()
    setattr(row, field, typed)
    if not typed:
        return
    if (pool := _canonical(row.network, family, typed, field, errors)) is None:
        return
    setattr(row, field, pool)
    for other in pools_of(row.network, family, but=row):
        if other.meets(pool):
            sentence = f"{pool} overlaps the pool of group {other.whose}, {other.addresses}. Choose a range beside it."
            errors.add(field, sentence, "overlap")
            return
    gateway = of_family(row.network, "gateway", family)
    if gateway and ipam.overlaps(pool, gateway):
        errors.add(field, f"{gateway} is the gateway of network {row.network}. Choose a range beside it.", "taken")
    if not had_it:
        _check_free(row.network, pool, field, errors, but=old)
    elif stranger := _stranger_in(row, family, pool):
        errors.add(field, "Endpoint {} has {} now.".format(*stranger), "taken")


def check_reservation(row: AddressReservation, errors: FieldErrors, old: str = "") -> None:
    """Make the addresses of a reservation canonical; note what is wrong. Gateway and pools may be in it, endpoints
    and other reservations not."""
    try:
        family: Family = 4 if ipam.family(row.addresses.strip()) == 4 else 6
    except AddressError as error:
        errors.add("addresses", str(error), "range")
        return
    if (found := _canonical(row.network, family, row.addresses, "addresses", errors)) is None:
        return
    row.addresses = found
    others = AddressReservation.objects.filter(network=row.network).exclude(pk=row.pk)
    for addresses in others.values_list("addresses", flat=True):
        if ipam.overlaps(found, addresses):
            sentence = f"{found} overlaps the reservation {addresses}. Change that one, or choose a range beside it."
            errors.add("addresses", sentence, "overlap")
            return
    if holder := holder_in(row.network, found, but=old):
        sentence = "Endpoint {} has {}. Reserve a range beside it.".format(*holder)
        errors.add("addresses", sentence, "taken")


def _canonical(network: Network, family: Family, typed: str, field: str, errors: FieldErrors) -> str | None:
    subnet = of_family(network, "subnet", family)
    if not subnet:
        errors.add(field, f"Network {network} has no IPv{family} subnet.", "outside")
        return None
    try:
        return ranges.pool(subnet, of_family(network, "range", family), typed)
    except AddressError as error:
        errors.add(field, str(error), "range")
        return None


def _stranger_in(row: EndpointGroup, family: Family, pool: str) -> tuple[str, str] | None:
    """(endpoint, address) of one with an address of the pool that is not in the group. Reads all that are not."""
    field = f"ip{family}"
    others = Endpoint.objects.filter(network=row.network).exclude(group=row).exclude(**{field: None})
    had = others.order_by("pk").values_list("name", field).iterator()
    return next(((name, address) for name, address in had if ipam.overlaps(pool, address)), None)


def _check_free(network: Network, pool: str, field: str, errors: FieldErrors, but: str) -> None:
    if holder := holder_in(network, pool, but=but):
        errors.add(field, "Endpoint {} has {}. Choose a range nobody has addresses of.".format(*holder), "taken")
    for kept in reservations_of(network, 4 if ipam.family(pool) == 4 else 6):
        if kept.meets(pool) and not (but and kept.meets(but)):
            said = f"{kept.addresses} ({kept.whose})" if kept.whose else kept.addresses
            errors.add(field, f"{said} is reserved. Choose a range beside it.", "reserved")

"""The addresses of a network as core.ipam and core.ranges judge them, with refusals at the field they are about."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.db.models import Q, QuerySet

from core import ipam, ranges
from core.ipam import AddressError
from networks.kept import Family, of_family, pools_of
from networks.models import Endpoint, Network
from tenants import standing
from tenants.checks import FieldErrors
from tenants.lookup import Lookup
from tenants.models import Tenant

#: Fields a network has once per family.
OF_FAMILY = ("subnet", "gateway", "range")


def check_family(row: Network, family: Family, errors: FieldErrors) -> None:
    """Make subnet, range and gateway of one family canonical; note what is wrong with them, by field."""
    subnet = f"subnet{family}"
    typed = getattr(row, subnet).strip()
    if not typed:
        setattr(row, subnet, "")
        _check_alone(row, family, errors)
        return
    try:
        prefix, own = ranges.subnet(typed, family)
    except AddressError as error:
        errors.add(subnet, str(error), "prefix")
        return
    setattr(row, subnet, prefix)
    if own:
        setattr(row, f"range{family}", own)
    if not _check_range(row, family, errors):
        return
    known = near(row.tenant, family, prefix)
    others = sorted((one for one in known if one.pk != row.pk), key=lambda one: one.name)
    _check_overlap(row, others, family, errors)
    _check_gateway(row, family, errors)
    if not (_stands(row, known, family) or errors.found.keys() & {f"{field}{family}" for field in OF_FAMILY}):
        _check_broadcasts(row, others, family, errors)


def near(tenant: Tenant, family: Family, subnet: str) -> list[Network]:
    """The networks of the tenant that may share addresses with a subnet, the oldest first: prefixes do only where one
    holds the other. A handful of rows of an index, however many networks there are."""
    field: Any = Network._meta.get_field(f"base{family}")
    span = ipam.span(subnet)
    around = [field.digits(base) for base in ipam.bases_around(subnet)]
    ask = partial(_near(family, len(around)).all, tenant.pk, field.digits(span.first), field.digits(span.last), *around)
    return standing.once(tenant.pk, ("near", family, subnet), ask)


@cache
def _near(family: Family, count: int) -> Lookup[Network]:
    """By the tenant, the first and the last digits of a subnet, and those of so many others it may lie in."""

    def ask(tenant: int, first: str, last: str, *around: str) -> QuerySet[Network]:
        # Each of the two names the tenant, so that SQLite looks for each in the index. Else it reads all of a tenant's.
        holders = Q(tenant=tenant, **{f"base{family}__in": around})
        held = Q(tenant=tenant, **{f"base{family}__range": (first, last)})
        return Network.objects.filter(holders | held).exclude(**{f"subnet{family}": ""}).order_by("pk")

    return Lookup(ask, int, *[str] * (2 + count))


def handed_out(row: Network, family: Family) -> str:
    """What the network hands out of a family: its range or its subnet; "" where it has none."""
    return of_family(row, "range", family) or of_family(row, "subnet", family)


def _check_alone(row: Network, family: Family, errors: FieldErrors) -> None:
    """A gateway or a range without its subnet was meant for something."""
    for name, what in ((f"gateway{family}", "gateway"), (f"range{family}", "range")):
        typed = getattr(row, name).strip()
        setattr(row, name, typed)
        if typed:
            errors.add(name, f"A {what} needs its subnet. Fill in subnet{family}, or leave this empty.", "outside")


def _check_range(row: Network, family: Family, errors: FieldErrors) -> bool:
    field = f"range{family}"
    typed = getattr(row, field).strip()
    try:
        setattr(row, field, ranges.inside(getattr(row, f"subnet{family}"), typed) if typed else "")
    except AddressError as error:
        errors.add(field, str(error), "range")
        return False
    return True


def _check_overlap(row: Network, others: list[Network], family: Family, errors: FieldErrors) -> None:
    """No address belongs to two networks of a tenant, neither to hand out nor as a gateway."""
    field, mine = f"subnet{family}", handed_out(row, family)
    for other in others:
        theirs, gateway, name = handed_out(other, family), of_family(other, "gateway", family), other.name
        if ipam.overlaps(mine, theirs):
            sentence = f"{mine} overlaps network {name} of this tenant, which has {theirs}. Choose a subnet beside it."
            errors.add(field, sentence, "overlap")
            return
        if gateway and ipam.overlaps(mine, gateway):
            sentence = f"{gateway} is the gateway of network {name} of this tenant. Choose addresses beside it."
            errors.add(field, sentence, "overlap")
            return
        if (own := getattr(row, f"gateway{family}").strip()) and _lies_in(theirs, own):
            sentence = f"{own} is an address of network {name} of this tenant, which has {theirs}. Choose another."
            errors.add(f"gateway{family}", sentence, "overlap")
            return


def _lies_in(area: str, typed: str) -> bool:
    """Whether what was typed is an address of the area. That it is one at all is checked elsewhere."""
    try:
        return ipam.overlaps(area, ipam.address(typed))
    except AddressError:
        return False


def _stands(row: Network, known: list[Network], family: Family) -> bool:
    """Whether the addresses of a family are those that are stored: what was once let in can still be renamed."""
    return any(one.pk == row.pk and _of(one, family) == _of(row, family) for one in known)


def _of(row: Network, family: Family) -> ranges.Own:
    return ranges.Own(*(of_family(row, field, family) for field in OF_FAMILY))


def _check_broadcasts(row: Network, others: list[Network], family: Family, errors: FieldErrors) -> None:
    """Of networks that share a prefix in part one may have the other's broadcast address, to which nodes of the tenant
    let nothing pass."""
    mine = _of(row, family)
    for other in others:
        if not ipam.overlaps(mine.subnet, of_family(other, "subnet", family)):
            continue  # Most of those that are near by the index.
        theirs, whose = _of(other, family), f"network {other.name} of this tenant"
        if lost := ranges.lost(mine, theirs.subnet):
            field = "gateway" if lost == mine.gateway else "subnet"
            sentence = f"{lost} is the broadcast address of {whose}, {theirs.subnet}: nothing sent to it arrives."
            errors.add(f"{field}{family}", f"{sentence} Choose addresses beside it.", "overlap")
            return
        if lost := ranges.lost(theirs, mine.subnet):
            sentence = f"{lost}, the broadcast address of {mine.subnet}, is an address of {whose}."
            errors.add(f"subnet{family}", f"{sentence} Choose another subnet.", "overlap")
            return


def _check_gateway(row: Network, family: Family, errors: FieldErrors) -> None:
    field = f"gateway{family}"
    typed = getattr(row, field).strip()
    if not typed:
        setattr(row, field, "")
        return
    try:
        canonical = ipam.host(getattr(row, f"subnet{family}"), typed, "gateway")
    except AddressError as error:
        errors.add(field, str(error), "outside")
        return
    setattr(row, field, canonical)
    if row.pk:
        _check_gateway_free(row, family, canonical, errors)


def _check_gateway_free(row: Network, family: Family, gateway: str, errors: FieldErrors) -> None:
    field = f"gateway{family}"
    holder = Endpoint.objects.filter(network=row, **{f"ip{family}": gateway}).first()
    if holder is not None:
        errors.add(field, f"Endpoint {holder} has {gateway}. Choose an address no endpoint has.", "taken")
    for pool in pools_of(row, family):
        if pool.meets(gateway):
            sentence = f"{gateway} is in the pool of group {pool.whose}, {pool.addresses}. Choose one beside it."
            errors.add(field, sentence, "taken")

"""Which address an endpoint gets: the one asked for if it can be had, else the lowest free one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, inet_pton

from core import ipam, ranges
from core.free import FreeSet
from core.ipam import AddressError
from networks.addresses import Family
from networks.models import AddressReservation, Endpoint, EndpointGroup, Network
from tenants.checks import refuse


def choose_address(row: Endpoint, family: Family, asked: str | None) -> str | None:
    """The address of one family; None when the network has no such family. Called with the tenant locked, so it stays
    free until the endpoint is saved. The endpoint is in its group by then: one with a pool draws only from it."""
    field, subnet = f"ip{family}", getattr(row.network, f"subnet{family}")
    if not subnet:
        if asked:
            refuse(field, f"Network {row.network} has no IPv{family} subnet. Leave this empty.", "outside")
        return None
    if asked:
        return _asked(row, family, asked.strip())
    pool = getattr(row.group, f"pool{family}") if row.group else ""
    lowest = _free(row.network, family, row.group if pool else None).lowest()
    if lowest is None:
        where = f"pool {pool} of group {row.group}" if pool else f"subnet {subnet}"
        refuse(field, f"The {where} is full: no address of it is free.", "full")
    return ipam.text_of(family, lowest)


def _free(network: Network, family: Family, group: EndpointGroup | None) -> FreeSet:
    subnet, gateway = getattr(network, f"subnet{family}"), getattr(network, f"gateway{family}")
    own = getattr(group, f"pool{family}") if group else ""
    room = ipam.span(own) if own else ranges.room(subnet, getattr(network, f"range{family}"))
    free = FreeSet.whole(room.first, room.last)
    if gateway:
        free = free.take(ipam.number(gateway))
    kept = [addresses for addresses, _ in reservations_of(network, family)]
    pools = [] if own else [addresses for _, addresses in pools_of(network, family)]
    for span in map(ipam.span, [*kept, *pools]):
        free = free.take(span.first, span.last)
    for number in _numbers(family, _addresses(network, family)):
        free = free.take(number)
    return free


def pools_of(network: Network, family: Family, but: EndpointGroup | None = None) -> list[tuple[str, str]]:
    """(group, addresses) of the pools in a network, but that of one group."""
    pool = f"pool{family}"
    rows = EndpointGroup.objects.filter(network=network).exclude(**{pool: ""})
    return list(rows.exclude(pk=but and but.pk).values_list("name", pool))


def reservations_of(network: Network, family: Family) -> list[tuple[str, str]]:
    """(addresses, note) of what is kept aside in a network."""
    rows = AddressReservation.objects.filter(network=network).values_list("addresses", "note")
    return [row for row in rows if ipam.family(row[0]) == family]


def holder_in(network: Network, addresses: str, but: str = "") -> tuple[str, str] | None:
    """(endpoint, address) of one that has an address of this range, `but` one in that range; None when nobody has."""
    span = ipam.span(addresses)
    rows = Endpoint.objects.filter(network=network).exclude(**{f"ip{span.version}": None})
    for name, address in rows.order_by("id").values_list("name", f"ip{span.version}"):
        if ipam.number(address) in span and not (but and ipam.overlaps(but, address)):
            return name, address
    return None


def _addresses(network: Network, family: Family) -> Iterable[str]:
    field = f"ip{family}"
    return Endpoint.objects.filter(network=network).exclude(**{field: None}).values_list(field, flat=True)


def _numbers(family: Family, texts: Iterable[str]) -> Iterator[int]:
    """Stored addresses as numbers. They are canonical, so the system's own parser does: it is ten times as fast, and
    a full network has ten thousand of them."""
    kind = AF_INET if family == 4 else AF_INET6
    return (int.from_bytes(inet_pton(kind, text), "big") for text in texts)


def _asked(row: Endpoint, family: Family, asked: str) -> str:
    field, network = f"ip{family}", row.network
    try:
        wanted = ranges.host(getattr(network, f"subnet{family}"), getattr(network, f"range{family}"), asked)
    except AddressError as error:
        refuse(field, str(error), "outside")
    if wanted == getattr(network, f"gateway{family}"):
        refuse(field, f"{wanted} is the gateway of network {network}. Leave this empty for a free one.", "taken")
    holder = Endpoint.objects.filter(network=network, **{field: wanted}).first()
    if holder is not None:
        refuse(field, f"Endpoint {holder} has {wanted} already. Leave this empty for a free one.", "taken")
    _refuse_kept(row, family, wanted)
    return wanted


def _refuse_kept(row: Endpoint, family: Family, wanted: str) -> None:
    """Reserved addresses are nobody's, those of a pool are its group's, and a group with a pool has no others."""
    field = f"ip{family}"
    for addresses, note in reservations_of(row.network, family):
        if ipam.overlaps(addresses, wanted):
            why = f" ({note})" if note else ""
            refuse(field, f"{wanted} is reserved{why}. Leave this empty for a free one.", "reserved")
    refuse_strange_pool(row, family, wanted, field)


def refuse_strange_pool(row: Endpoint, family: Family, address: str, field: str) -> None:
    """Refuse, at `field`, an address of another group's pool, or one outside the pool of the endpoint's own group."""
    own = getattr(row.group, f"pool{family}") if row.group else ""
    if own and not ipam.overlaps(own, address):
        refuse(field, f"Group {row.group} has only the addresses {own}, and {address} is none of them.", "pool")
    for group, addresses in pools_of(row.network, family, but=row.group):
        if ipam.overlaps(addresses, address):
            refuse(field, f"{address} is in the pool of group {group}, which alone has {addresses}.", "pool")

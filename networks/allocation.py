"""Which address an endpoint gets, and what becomes of it afterwards. Called inside change() with the tenant locked, so
what is decided here stays true until it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, inet_pton

from core import ipam, ranges, spans
from core.intervals import Interval
from core.spans import Span
from networks import spaces
from networks.kept import (
    Family,
    area_of,
    never_given,
    of_family,
    pools_of,
    reservations_of,
    room_of,
    zones,
)
from networks.models import Endpoint, EndpointGroup, Network, NumberSpace
from tenants.checks import refuse
from tenants.lookup import Lookup

SPACE = Lookup(lambda network, what: NumberSpace.objects.filter(network=network, what=what), int, str)


def choose_address(row: Endpoint, family: Family, asked: str | None, *, had_it: bool = False) -> str | None:
    """The address of one family, the one asked for if it can be had, else the lowest free one; None when the network
    has no such family. It is not free any more then. The endpoint is in its group already: one with a pool draws from
    nothing else, but for what the endpoint had before."""
    subnet = of_family(row.network, "subnet", family)
    if not subnet:
        if asked:
            refuse(f"ip{family}", f"Network {row.network} has no IPv{family} subnet. Leave this empty.", "outside")
        return None
    if had_it and not asked:
        return None  # Its network has got this family since: it had none of these.
    if asked:
        wanted = _asked(row, family, asked.strip(), had_it)
        spaces.take(space_of(row.network, family), area_of(wanted))
        return wanted
    return lowest_address(row.network, family, row.group, f"ip{family}")


def lowest_address(network: Network, family: Family, group: EndpointGroup | None, field: str) -> str:
    """The lowest free address of a network that has the family, for members of a group or (None) of none; not free any
    more then. Refused at `field` when there is none."""
    pool = of_family(group, "pool", family) if group else ""
    lowest = None if pool else spaces.take_lowest_of(network.pk, f"ip{family}")
    if lowest is None:
        lowest = spaces.take_lowest(space_of(network, family), group.pk if group and pool else None)
    if lowest is None:
        subnet = of_family(network, "subnet", family)
        where = f"pool {pool} of group {group}" if pool else f"subnet {subnet}"
        refuse(field, f"The {where} is full: no address of it is free.", "full")
    return ipam.text_of(family, lowest)


def free_again(network: Network, addresses: str) -> None:
    """Addresses that an endpoint, the gateway or a reservation had, which is gone by now: free, as far as nothing else
    keeps them."""
    family: Family = 4 if ipam.family(addresses) == 4 else 6
    room, (first, last) = room_of(network, family), area_of(addresses)
    area = max(first, room[0]), min(last, room[1])
    space, pools = space_of(network, family), zones(pools_of(network, family))
    for free in spans.count(area, never_given(network, family)):
        spaces.give(space, free[:2], pools)


def space_of(network: Network, family: Family) -> NumberSpace:
    """The addresses of a family of the network; counted now if they never were."""
    found = SPACE.first(network.pk, f"ip{family}")
    return found or spaces.make(NumberSpace(network=network, what=f"ip{family}"), counted(network, family))


def counted(network: Network, family: Family) -> list[Span]:
    """The free addresses as they follow from the other rows; reads all endpoints of the network."""
    had = ((number, number) for number in _numbers(family, _addresses(network, family)))
    taken = [*never_given(network, family), *had]
    return spans.count(room_of(network, family), taken, zones(pools_of(network, family)))


def holder_in(network: Network, addresses: str, but: str = "") -> tuple[str, str] | None:
    """(endpoint, address) of the one with the lowest address in this range, not looking at those in `but`; None when
    nobody has one."""
    family: Family = 4 if ipam.family(addresses) == 4 else 6
    area = area_of(addresses)
    known: list[Interval] = [*never_given(network, family), *([area_of(but)] if but else [])]
    number = spans.others_in(area, spaces.free_in(space_of(network, family), area), known)
    if number is None:
        return None
    text = ipam.text_of(family, number)
    return Endpoint.objects.get(network=network, **{f"ip{family}": text}).name, text


def refuse_strange_pool(row: Endpoint, family: Family, address: str, field: str, *, was_there: bool = False) -> None:
    """Refuse, at `field`, an address of another group's pool, or one outside the pool of the endpoint's own group
    (unless it was there with it: a pool may change under its endpoints)."""
    own = of_family(row.group, "pool", family) if row.group and not was_there else ""
    if own and not ipam.overlaps(own, address):
        refuse(field, f"Group {row.group} has only the addresses {own}, and {address} is none of them.", "pool")
    for pool in pools_of(row.network, family, but=row.group):
        if pool.meets(address):
            sentence = f"{address} is in the pool of group {pool.whose}, which alone has {pool.addresses}."
            refuse(field, sentence, "pool")


def _asked(row: Endpoint, family: Family, asked: str, had_it: bool) -> str:
    field, network = f"ip{family}", row.network
    try:
        wanted = ranges.host(of_family(network, "subnet", family), of_family(network, "range", family), asked)
    except ipam.AddressError as error:
        refuse(field, str(error), "outside")
    if wanted == of_family(network, "gateway", family):
        refuse(field, f"{wanted} is the gateway of network {network}. Leave this empty for a free one.", "taken")
    holder = Endpoint.objects.filter(network=network, **{field: wanted}).first()
    if holder is not None:
        refuse(field, f"Endpoint {holder} has {wanted} already. Leave this empty for a free one.", "taken")
    for kept in reservations_of(network, family):
        if kept.meets(wanted):
            why = f" ({kept.whose})" if kept.whose else ""
            refuse(field, f"{wanted} is reserved{why}. Leave this empty for a free one.", "reserved")
    refuse_strange_pool(row, family, wanted, field, was_there=had_it)
    return wanted


def _addresses(network: Network, family: Family) -> Iterable[str]:
    field = f"ip{family}"
    return Endpoint.objects.filter(network=network).exclude(**{field: None}).values_list(field, flat=True).iterator()


def _numbers(family: Family, texts: Iterable[str]) -> Iterator[int]:
    """Stored addresses as numbers. They are canonical, so the system's own parser does: it is ten times as fast, and
    a full network has a million of them."""
    kind = AF_INET if family == 4 else AF_INET6
    return (int.from_bytes(inet_pton(kind, text), "big") for text in texts)

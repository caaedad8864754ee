"""What of a network's addresses is kept for something, as numbers and as words: its gateway, pools, reservations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core import ipam, ranges
from core.intervals import Interval
from core.spans import Pool
from networks.models import AddressReservation, EndpointGroup, Network

Family = Literal[4, 6]
FAMILIES: tuple[Family, Family] = (4, 6)


@dataclass(frozen=True, slots=True)
class Kept:
    """A range and whose it is: a group with its id, or the note of a reservation."""

    addresses: str
    whose: str
    group: int | None = None

    @property
    def area(self) -> Interval:
        return area_of(self.addresses)

    def meets(self, addresses: str) -> bool:
        return ipam.overlaps(self.addresses, addresses)


def area_of(addresses: str) -> Interval:
    """A range, prefix or address as numbers."""
    span = ipam.span(addresses)
    return span.first, span.last


def of_family(row: Network | EndpointGroup, field: str, family: Family) -> str:
    """What a row says of a family: its "subnet", "range", "gateway" or "pool"."""
    return str(getattr(row, f"{field}{family}"))


def room_of(network: Network, family: Family) -> Interval:
    """The addresses the network hands out, the gateway among them where it lies inside."""
    room = ranges.room(of_family(network, "subnet", family), of_family(network, "range", family))
    return room.first, room.last


def pools_of(network: Network, family: Family, but: EndpointGroup | None = None) -> list[Kept]:
    """The pools in a network, but that of one group. One query."""
    pool = f"pool{family}"
    rows = EndpointGroup.objects.filter(network=network).exclude(**{pool: ""}).order_by("id")
    columns = rows.exclude(pk=but and but.pk).values_list(pool, "name", "id")
    return [Kept(addresses, name, pk) for addresses, name, pk in columns]


def zones(pools: list[Kept]) -> list[Pool]:
    """Pools as the core takes them."""
    return [(pool.area, pool.group) for pool in pools if pool.group is not None]


def reservations_of(network: Network, family: Family) -> list[Kept]:
    """What is reserved in a network. One query."""
    rows = AddressReservation.objects.filter(network=network).order_by("id").values_list("addresses", "note")
    return [Kept(addresses, note) for addresses, note in rows if ipam.family(addresses) == family]


def never_given(network: Network, family: Family) -> list[Interval]:
    """Addresses no endpoint gets: the gateway's and the reserved ones."""
    gateway = of_family(network, "gateway", family)
    reserved = [kept.area for kept in reservations_of(network, family)]
    return [area_of(gateway), *reserved] if gateway else reserved

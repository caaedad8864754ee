"""What of this room is found by search, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from django.db.models import Q

from contivui.web.search import Address, Findable, Rows, findable, has_address
from core import ipam
from networks.resources import ENDPOINT, GROUP, NETWORK, NODE, RESERVATION


def holding(path: str, address: Address) -> Q:
    """What has a subnet that holds the address: one of as many texts as there are lengths of prefixes."""
    lengths = range(address.max_prefixlen + 1)
    subnets = [str(ip_network((address, length), strict=False)) for length in lengths]
    return Q(**{f"{path}subnet{address.version}__in": subnets})


def networks_at(rows: Rows, address: Address) -> Iterator[tuple[Any, str]]:
    gateway = f"gateway{address.version}"
    for row in rows.filter(holding("", address) | Q(**{gateway: str(address)})).order_by("name", "pk"):
        yield row, gateway if getattr(row, gateway) == str(address) else f"subnet{address.version}"


def reservations_at(rows: Rows, address: Address) -> Iterator[tuple[Any, str]]:
    """Of those in the networks that hold it: ranges are kept as text, which no database compares as addresses."""
    for row in rows.filter(holding("network__", address)).order_by("pk").iterator():
        kept = ipam.span(row.addresses)
        if kept.version == address.version and kept.first <= int(address) <= kept.last:
            yield row, "addresses"


def register() -> None:
    findable(Findable(NETWORK, ("name", "label", "subnet4", "subnet6"), at=networks_at))
    findable(Findable(RESERVATION, ("addresses", "note"), at=reservations_at))
    findable(Findable(GROUP, ("name", "label")))
    findable(Findable(ENDPOINT, same=("mac",), at=has_address("ip4", "ip6")))
    findable(Findable(NODE, at=has_address("vtep")))

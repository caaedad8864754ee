"""Tags of networks: VLAN ids and VXLAN identifiers, unique over all tenants, out of the fabric's ranges."""

from __future__ import annotations

from core import ipam
from networks.models import Fabric, Network
from tenants.checks import refuse


def locked_fabric() -> Fabric:
    """The fabric's one row, locked: who chooses tags, or moves their ranges, is in line over all tenants."""
    row = Fabric.objects.select_for_update().filter(pk=1).first()
    if row is not None:
        return row
    Fabric.objects.bulk_create([Fabric(pk=1)], ignore_conflicts=True)
    return Fabric.objects.select_for_update().get(pk=1)


def choose_tag(row: Network) -> int:
    """The network's own tag if it can have it, else (tag 0) the lowest free one. Call inside change()."""
    fabric = locked_fabric()
    first, last = getattr(fabric, f"{row.encap}_first"), getattr(fabric, f"{row.encap}_last")
    others = Network.objects.filter(encap=row.encap).exclude(pk=row.pk)
    used = set(others.filter(tag__range=(first, last)).values_list("tag", flat=True))
    if not row.tag:
        return _lowest(first, last, used)
    free = f"Free {row.encap.upper()} tags: {ipam.free_tags(first, last, used)}."
    if not first <= row.tag <= last:
        refuse("tag", f"The fabric's tags for {row.encap.upper()} are {first} to {last}. {free}", "range")
    if row.tag in used:
        # Whose it is may be another tenant's business, so the other network is not named.
        refuse("tag", f"Tag {row.tag} is in use. {free}", "taken")
    return row.tag


def tags_in_use(encap: str) -> list[int]:
    """The tags of all networks of an encapsulation, sorted."""
    return list(Network.objects.filter(encap=encap).order_by("tag").values_list("tag", flat=True))


def tags_outside(encap: str, first: int, last: int) -> str:
    """Tags in use that a range would no longer hold, "3, 7-9"; "" when it holds all."""
    used = Network.objects.filter(encap=encap).exclude(tag__range=(first, last))
    return ipam.describe(used.values_list("tag", flat=True))


def _lowest(first: int, last: int, used: set[int]) -> int:
    try:
        return ipam.lowest_free_tag(first, last, used)
    except ipam.AddressError as error:
        refuse("tag", str(error), "full")

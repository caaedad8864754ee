"""Tags of networks: VLAN ids and VXLAN identifiers, unique over all tenants, out of the fabric's ranges."""

from __future__ import annotations

from core import ipam, spans
from core.intervals import Interval
from core.spans import Span
from networks import spaces
from networks.models import Encap, Fabric, Network, NumberSpace
from tenants.checks import refuse
from tenants.lookup import Lookup

#: Runs of free tags that a sentence names.
NAMED_RUNS = 5
FABRIC = Lookup(lambda: Fabric.objects.select_for_update().filter(pk=1))
CURRENT = Lookup(lambda: Fabric.objects.filter(pk=1))
SPACE = Lookup(lambda encap: NumberSpace.objects.filter(what=encap, network=None), str)


def locked_fabric() -> Fabric:
    """The fabric's one row, locked: who chooses tags, or moves their ranges, is in line over all tenants."""
    row = FABRIC.first()
    if row is not None:
        return row
    Fabric.objects.bulk_create([Fabric(pk=1)], ignore_conflicts=True)
    return Fabric.objects.select_for_update().get(pk=1)


def current_fabric() -> Fabric:
    """The fabric's one row, for reading; one that nobody has changed yet need not be stored."""
    return CURRENT.first() or Fabric()


def choose_tag(row: Network) -> int:
    """The network's own tag if it can have it, else (tag 0) the lowest free one. Call inside change(); it is not free
    any more then."""
    fabric = locked_fabric()
    first, last = range_of(fabric, row.encap)
    space = space_of_tags(fabric, row.encap)
    if not row.tag:
        lowest = spaces.take_lowest(space)
        if lowest is None:
            widen = "Widen the range in the fabric's settings."
            refuse("tag", f"All tags from {first} to {last} are in use. {widen}", "full")
        return lowest
    free = f"Free {row.encap.upper()} tags: {_free_words(space)}."
    if not first <= row.tag <= last:
        refuse("tag", f"The fabric's tags for {row.encap.upper()} are {first} to {last}. {free}", "range")
    if not spaces.free_in(space, (row.tag, row.tag)):
        # Whose it is may be another tenant's business, so the other network is not named.
        refuse("tag", f"Tag {row.tag} is in use. {free}", "taken")
    spaces.take(space, (row.tag, row.tag))
    return row.tag


def tag_free_again(row: Network) -> None:
    """The tag of a network that has it no more. Call inside change(), when that is saved."""
    fabric = locked_fabric()
    first, last = range_of(fabric, row.encap)
    if first <= row.tag <= last:
        spaces.give(space_of_tags(fabric, row.encap), (row.tag, row.tag))


def forget_tags(encap: str) -> None:
    """The range of an encapsulation has changed: what is free of it is counted when the next tag is asked for."""
    NumberSpace.objects.filter(what=encap, network=None).delete()


def space_of_tags(fabric: Fabric, encap: str) -> NumberSpace:
    """The tags of an encapsulation; counted now if they never were."""
    found = SPACE.first(encap)
    return found or spaces.make(NumberSpace(what=encap), counted_tags(fabric, encap))


def counted_tags(fabric: Fabric, encap: str) -> list[Span]:
    """The free tags as they follow from the networks; reads all of them."""
    return spans.count(range_of(fabric, encap), ((tag, tag) for tag in tags_in_use(encap)))


def free_tags(fabric: Fabric, encap: str, most: int) -> list[Interval]:
    """The first free runs, for reading only: nothing is locked, and nothing counted that was not."""
    space = SPACE.first(encap)
    if space is not None:
        return spaces.lowest_spans(space, most)
    return [span[:2] for span in counted_tags(fabric, encap)[:most]]


def range_of(fabric: Fabric, encap: str) -> tuple[int, int]:
    """The first and the last tag networks of an encapsulation may take."""
    of = {
        Encap.VLAN: (fabric.vlan_first, fabric.vlan_last),
        Encap.VXLAN: (fabric.vxlan_first, fabric.vxlan_last),
    }
    return of[Encap(encap)]


def tags_in_use(encap: str) -> list[int]:
    """The tags of all networks of an encapsulation, sorted."""
    return list(Network.objects.filter(encap=encap).order_by("tag").values_list("tag", flat=True))


def tags_outside(encap: str, first: int, last: int) -> str:
    """Tags in use that a range would no longer hold, "3, 7-9"; "" when it holds all."""
    used = Network.objects.filter(encap=encap).exclude(tag__range=(first, last))
    return ipam.describe(used.values_list("tag", flat=True))


def _free_words(space: NumberSpace) -> str:
    return ipam.runs(spaces.lowest_spans(space, NAMED_RUNS + 1), NAMED_RUNS) or "none"

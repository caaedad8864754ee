"""The one verb on the settings all tenants share."""

from __future__ import annotations

from django.db.models import Count

from core import ipam
from networks.models import Encap, Fabric, Network
from networks.tags import forget_tags, locked_fabric, tags_outside
from tenants.change import KEEP, Actor, Keep, assign, change, plain
from tenants.checks import FieldErrors

#: What networks stand on, and the word for it.
FIXED = {"forwarding_mode": "forwarding mode", "private_subnet": "private subnet"}
PRIVATE_LENGTH = 16


def update_fabric(
    *,
    actor: Actor,
    row: Fabric | None = None,
    vlan_first: int | Keep = KEEP,
    vlan_last: int | Keep = KEEP,
    vxlan_first: int | Keep = KEEP,
    vxlan_last: int | Keep = KEEP,
    forwarding_mode: str | Keep = KEEP,
    arp_mode: str | Keep = KEEP,
    infra_type: str | Keep = KEEP,
    private_subnet: str | Keep = KEEP,
) -> Fabric:
    """Set which tags networks may take, and what Contiv's clients read. A range must hold the tags in use; the error
    names those that fall out. Forwarding mode and private subnet stay while there are networks.
    There is one fabric: `row` is accepted as of every update verb, and not needed."""
    with change(actor=actor, tenant=None, verb="fabric.update") as step:
        row = locked_fabric()
        before = plain(row)
        assign(row, vlan_first=vlan_first, vlan_last=vlan_last, vxlan_first=vxlan_first, vxlan_last=vxlan_last)
        assign(row, forwarding_mode=forwarding_mode, arp_mode=arp_mode, infra_type=infra_type)
        assign(row, private_subnet=private_subnet)
        _check(row, before)
        if step.same(row, before):
            return row
        row.save()
        for encap in Encap:
            if any(getattr(row, field) != before[field] for field in (f"{encap}_first", f"{encap}_last")):
                forget_tags(encap)
        step.updated(row, before)
    return row


def _check(row: Fabric, before: dict[str, object]) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=["private_subnet"])
    _check_private(row, errors)
    errors.settle()
    for encap in Encap:
        first, last = getattr(row, f"{encap.value}_first"), getattr(row, f"{encap.value}_last")
        if first > last:
            errors.add(f"{encap.value}_last", f"The range ends before it begins. Give {first} or more.", "range")
        elif used := tags_outside(encap, first, last):
            errors.add(f"{encap.value}_first", f"The range must hold the tags in use: {used}.", "in_use")
    _check_fixed(row, before, errors)
    errors.settle()


def _check_private(row: Fabric, errors: FieldErrors) -> None:
    try:
        row.private_subnet = ipam.subnet(row.private_subnet, 4)
    except ipam.AddressError as error:
        errors.add("private_subnet", str(error), "prefix")
        return
    if not row.private_subnet.endswith(f"/{PRIVATE_LENGTH}"):
        sentence = f"The private subnet is a /{PRIVATE_LENGTH}, for example 172.19.0.0/{PRIVATE_LENGTH}."
        errors.add("private_subnet", sentence, "prefix")


def _check_fixed(row: Fabric, before: dict[str, object], errors: FieldErrors) -> None:
    moved = [field for field in FIXED if getattr(row, field) != before[field]]
    counts = Network.objects.order_by().values_list("encap").annotate(Count("pk")) if moved else ()
    there = " and ".join(f"{count} {Encap(encap).label}" for encap, count in sorted(counts))
    for field in moved if there else ():
        sentence = f"The {FIXED[field]} stays while there are networks, and there are {there}. Delete those first."
        errors.add(field, sentence, "in_use")

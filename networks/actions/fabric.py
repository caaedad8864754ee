"""The one verb on the settings all tenants share."""

from __future__ import annotations

from networks.models import Encap, Fabric
from networks.tags import locked_fabric, tags_outside
from tenants.change import KEEP, Actor, Keep, assign, change, plain
from tenants.checks import FieldErrors


def update_fabric(
    *,
    actor: Actor,
    row: Fabric | None = None,
    vlan_first: int | Keep = KEEP,
    vlan_last: int | Keep = KEEP,
    vxlan_first: int | Keep = KEEP,
    vxlan_last: int | Keep = KEEP,
) -> Fabric:
    """Set which tags networks may take. A range must hold the tags in use; the error names those that fall out.
    There is one fabric: `row` is accepted as of every update verb, and not needed."""
    with change(actor=actor, tenant=None, verb="fabric.update") as step:
        row = locked_fabric()
        before = plain(row)
        assign(row, vlan_first=vlan_first, vlan_last=vlan_last, vxlan_first=vxlan_first, vxlan_last=vxlan_last)
        _check(row)
        row.save()
        step.updated(row, before)
    return row


def _check(row: Fabric) -> None:
    errors = FieldErrors()
    errors.fields_of(row)
    errors.settle()
    for encap in Encap:
        first, last = getattr(row, f"{encap.value}_first"), getattr(row, f"{encap.value}_last")
        if first > last:
            errors.add(f"{encap.value}_last", f"The range ends before it begins. Give {first} or more.", "range")
        elif used := tags_outside(encap, first, last):
            errors.add(f"{encap.value}_first", f"The range must hold the tags in use: {used}.", "in_use")
    errors.settle()

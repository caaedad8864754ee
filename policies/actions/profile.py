"""The verbs on bandwidth profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.bandwidth import RateError, check_rate
from core.labels import Labels
from networks.models import EndpointGroup
from policies.models import BandwidthAssignment, BandwidthProfile
from tenants.change import KEEP, Actor, Keep, assign, change, fresh, plain
from tenants.checks import FieldErrors, listed, name_free, owned_all, refuse, unused
from tenants.models import Tenant

#: A burst below one full packet with its headers would let nothing large through; above, it is no limit any more.
BURST_FIRST, BURST_LAST = 1_600, 64 * 1024 * 1024


def create_profile(
    *,
    actor: Actor,
    tenant: Tenant,
    name: str,
    rate_bps: int,
    burst_bytes: int = 0,
    dscp: int | None = None,
    groups: Sequence[EndpointGroup] = (),
    labels: Labels | None = None,
    pk: int | None = None,
) -> BandwidthProfile:
    """Make a limit for each single endpoint of these groups. `rate_bps` 0 is no limit, `burst_bytes` 0 lets the rate
    decide, `dscp` None leaves the packets' own mark."""
    with change(actor=actor, tenant=tenant, verb="profile.create") as step:
        row = BandwidthProfile(pk=pk, tenant=tenant, name=name, rate_bps=rate_bps, burst_bytes=burst_bytes, dscp=dscp)
        row.labels = labels or {}
        _check(row)
        row.generation = step.generation or 0
        row.save()
        row.groups.set(_limited_by_none_else(row, groups))
        step.created(row, recorded(row))
    return row


def update_profile(
    *,
    actor: Actor,
    row: BandwidthProfile,
    name: str | Keep = KEEP,
    rate_bps: int | Keep = KEEP,
    burst_bytes: int | Keep = KEEP,
    dscp: int | Keep | None = KEEP,
    groups: Sequence[EndpointGroup] | Keep = KEEP,
    labels: Labels | Keep = KEEP,
) -> BandwidthProfile:
    """Change the limit, or put it on exactly these groups."""
    with change(actor=actor, tenant=row.tenant, verb="profile.update") as step:
        row = fresh(row)
        before = recorded(row)
        assign(row, name=name, rate_bps=rate_bps, burst_bytes=burst_bytes, dscp=dscp, labels=labels)
        _check(row)
        chosen = groups if groups is KEEP else _limited_by_none_else(row, groups)
        if step.same(row, before, groups=chosen):
            return row
        row.generation = step.generation or 0
        row.save()
        if chosen is not KEEP:
            row.groups.set(chosen)
        step.updated(row, before, recorded(row))
    return row


def delete_profile(*, actor: Actor, row: BandwidthProfile) -> None:
    """Delete a profile that is on no group any more. Raises Refused naming those it is on."""
    with change(actor=actor, tenant=row.tenant, verb="profile.delete") as step:
        row = fresh(row)
        unused(row, [f"it is on group {name}" for name in row.groups.order_by("name").values_list("name", flat=True)])
        before = recorded(row)
        row.delete()
        step.deleted(row, before)


def recorded(row: BandwidthProfile) -> dict[str, Any]:
    """A profile for the record, with the groups it is on: by id, for their names may change."""
    return plain(row) | {"groups": list(row.groups.order_by("id").values("id", "name"))}


def _limited_by_none_else(row: BandwidthProfile, groups: Sequence[EndpointGroup]) -> list[EndpointGroup]:
    """The groups as they stand, when no other profile is on one of them."""
    chosen = owned_all("groups", groups, row.tenant)
    others = BandwidthAssignment.objects.filter(group__in=chosen).exclude(profile=row).order_by("group__name")
    if taken := [f"{group} has {name}" for group, name in others.values_list("group__name", "profile__name")]:
        refuse("groups", f"A group has one bandwidth profile: {listed(taken)}. Take that one off first.", "taken")
    return chosen


def _check(row: BandwidthProfile) -> None:
    errors = FieldErrors()
    errors.fields_of(row, exclude=["rate_bps"])
    name_free(row, errors)
    try:
        if row.rate_bps != 0:
            check_rate(row.rate_bps)
    except RateError as error:
        errors.add("rate_bps", str(error), "rate")
    if row.burst_bytes and not BURST_FIRST <= row.burst_bytes <= BURST_LAST:
        errors.add("burst_bytes", f"Give {BURST_FIRST} to {BURST_LAST} bytes, or 0 to let the rate decide.", "burst")
    errors.settle()

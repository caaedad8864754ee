"""netprofiles."""

from __future__ import annotations

from typing import Any

from netmaster.kinds.base import Links, OwnedKind, Sets, its, tenant_named
from netmaster.patterns import RATE_PARTS
from netmaster.refusal import Refusal
from netmaster.structs import PROFILE, Body
from policies.actions import create_profile, delete_profile, update_profile
from policies.models import BandwidthProfile
from tenants.change import Actor

#: Contiv counts in steps of 1024 bits per second.
UNITS = {"g": 1024**3, "m": 1024**2, "k": 1024}
#: Bursts are in kilobytes of a thousand; one is less than a packet.
KILOBYTE = 1000


class Profiles(OwnedKind):
    collection, word, struct, model = "netprofiles", "netprofile", PROFILE, BandwidthProfile
    prefetch = (its("groups"),)

    def members(self, row: BandwidthProfile) -> Body:
        return {
            "profileName": row.name,
            "tenantName": row.tenant.name,
            "bandwidth": rate_text(row.rate_bps),
            "DSCP": row.dscp or 0,
            "burst": row.burst_bytes // KILOBYTE,
        }

    def sets(self, row: Any) -> Sets:
        return {"EndpointGroups": [("endpointGroup", f"{row.tenant.name}:{one.name}") for one in row.its_groups]}

    def links(self, row: BandwidthProfile) -> Links:
        return {"Tenant": ("tenant", row.tenant.name)}

    def create(self, actor: Actor, body: Body) -> BandwidthProfile:
        if body["burst"] == 1:
            raise Refusal("Invalid Burst size. burst size > 1500 bytes")
        tenant = tenant_named(body["tenantName"])
        return create_profile(actor=actor, tenant=tenant, name=body["profileName"], **_limits(body))

    def update(self, actor: Actor, row: BandwidthProfile, body: Body) -> BandwidthProfile:
        if body["burst"] == 1:
            raise Refusal("Invalid Burst size. burst size must be > 1500 bytes")
        return update_profile(actor=actor, row=row, **_limits(body))

    def delete(self, actor: Actor, row: BandwidthProfile) -> None:
        if row.groups.exists():
            raise Refusal("NetProfile is being used")
        delete_profile(actor=actor, row=row)


def _limits(body: Body) -> Body:
    found = RATE_PARTS.match(body["bandwidth"])
    rate = int(found[1]) * UNITS[found[2].lower()] if found else 0
    return {"rate_bps": rate, "burst_bytes": body["burst"] * KILOBYTE, "dscp": max(0, body["DSCP"]) or None}


def rate_text(rate_bps: int) -> str:
    """A rate in the largest unit it is a whole number of; one that is none of any, in kbps, rounded down."""
    if not rate_bps:
        return ""
    for unit, size in UNITS.items():
        if rate_bps % size == 0:
            return f"{rate_bps // size}{unit}bps"
    return f"{max(1, rate_bps // UNITS['k'])}kbps"

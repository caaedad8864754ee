"""globals: the one object of settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction

from core import ipam
from netmaster import wording
from netmaster.kinds.base import Kind
from netmaster.refusal import Refusal
from netmaster.structs import GLOBAL, Body
from netmaster.wire import filled
from networks.actions import update_fabric
from networks.models import Encap, Fabric, ForwardingMode, Network
from networks.tags import locked_fabric, tags_in_use, tags_outside
from routing.models import BgpPeer
from tenants.change import Actor

#: From the first to the last of a range.
WIDEST_VXLANS = 16000
#: What may be written, and what there is.
LAST = {"vlan": 4095, "vxlan": 65535}
LAST_VLAN = 4094


class Globals(Kind):
    """There is always one, and it stays."""

    collection, word, struct, owned = "globals", "global", GLOBAL, False

    def rows(self) -> models.QuerySet[Any]:
        if not Fabric.objects.exists():
            with transaction.atomic():
                locked_fabric()
        return Fabric.objects.order_by("pk")

    def find(self, key: str) -> Any | None:
        return self.rows().first() if key == "global" else None

    def key(self, row: Fabric) -> str:
        return "global"

    def members(self, row: Fabric) -> Body:
        return {
            "name": "global",
            "networkInfraType": row.infra_type,
            "vlans": f"{row.vlan_first}-{row.vlan_last}",
            "vxlans": f"{row.vxlan_first}-{row.vxlan_last}",
            "fwdMode": row.forwarding_mode,
            "arpMode": row.arp_mode,
            "pvtSubnet": row.private_subnet,
        }

    def update(self, actor: Actor, row: Fabric, body: Body) -> Fabric:
        _refuse_changes(wording.applied(self.members(row), wording.of(self.word, row.pk)), body)
        ranges = {encap: _range(encap, body[f"{encap}s"]) for encap in ("vlan", "vxlan")}
        return update_fabric(
            actor=actor,
            vlan_first=ranges["vlan"][0],
            vlan_last=ranges["vlan"][1],
            vxlan_first=ranges["vxlan"][0],
            vxlan_last=ranges["vxlan"][1],
            forwarding_mode=body["fwdMode"],
            arp_mode=body["arpMode"],
            infra_type=body["networkInfraType"],
            private_subnet=ipam.prefix_around(body["pvtSubnet"].removesuffix("/16"), "16", 4),
        )

    def delete(self, actor: Actor, row: Fabric) -> None:
        raise Refusal("global configuration can not be deleted: every network needs it")

    def oper(self, row: Fabric) -> Body:
        return state(row, Network.objects.all())


def state(row: Fabric, networks: models.QuerySet[Network]) -> Body:
    """What is known at run time, as far as these networks go."""
    in_use = {encap: networks.filter(encap=encap).order_by("tag").values_list("tag", flat=True) for encap in LAST}
    return filled(
        {
            "clusterMode": settings.NETMASTER_MODE,
            "numNetworks": networks.count(),
            "vlansInUse": ipam.describe(in_use["vlan"]),
            "vxlansInUse": ipam.describe(in_use["vxlan"]),
            # Contiv counts free ones from the number before the first.
            "freeVXLANsStart": row.vxlan_first - 1,
        }
    )


def _range(encap: str, text: str) -> tuple[int, int]:
    """The new range of tags. That it must hold the tags in use comes before what is wrong with it."""
    first, last = (int(part) for part in text.split("-"))
    used, wrong = tags_in_use(encap), _wrong_range(encap, text, first, last)
    if used and (wrong or tags_outside(encap, first, last)):
        raise Refusal(f"cannot update the {encap} range due to existing {encap}s {ipam.describe(used)}")
    if wrong:
        raise Refusal(wrong)
    return first, min(last, LAST_VLAN) if encap == "vlan" else last


def _wrong_range(encap: str, text: str, first: int, last: int) -> str:
    """Contiv's words for a range that cannot be; it says "vlan" of a vxlan range, too."""
    if first > last:
        return f"invalid range {text}, min is greater than max"
    if first < 1:
        return f"invalid range {text}, values less than 1"
    if last > LAST[encap]:
        return f"invalid range {text}, vlan values exceed {LAST[encap]} max allowed"
    if encap == "vxlan" and last - first > WIDEST_VXLANS:
        return f"does not allow vxlan range to exceed {WIDEST_VXLANS} range {text}"
    if encap == "vlan" and first > LAST_VLAN:
        return f"invalid range {text}, vlan {first} is reserved"
    return ""


def _refuse_changes(now: Body, body: Body) -> None:
    counts = {encap: Network.objects.filter(encap=encap).count() for encap in Encap.values}
    there = " and ".join(f"{counts[encap]} {encap}s" for encap in ("vlan", "vxlan") if counts[encap])
    if body["fwdMode"] != now["fwdMode"]:
        if there:
            raise Refusal(f"Unable to update forwarding mode due to existing {there}")
        if now["fwdMode"] == ForwardingMode.ROUTING and BgpPeer.objects.exists():
            raise Refusal("please delete existing Bgp configs")
    if body["pvtSubnet"] != now["pvtSubnet"] and there:
        raise Refusal(f"Unable to update private subnet due to existing {there}")

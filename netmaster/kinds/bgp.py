"""Bgps: stored and shown, not in effect."""

from __future__ import annotations

import re
from typing import Any

from django.db import models

from netmaster.kinds.base import Kind
from netmaster.refusal import Refusal
from netmaster.structs import BGP, Body
from networks.models import Fabric, InfraType
from routing.actions import create_bgp_peer, delete_bgp_peer, update_bgp_peer
from routing.actions.bgp import LAST_ASN
from routing.models import BgpPeer
from tenants.change import Actor


class BgpPeers(Kind):
    collection, word, struct, owned = "Bgps", "Bgp", BGP, False

    def rows(self) -> models.QuerySet[Any]:
        return BgpPeer.objects.order_by("pk")

    def find(self, key: str) -> Any | None:
        return self.rows().filter(name=key).first()

    def key(self, row: BgpPeer) -> str:
        return row.name

    def members(self, row: BgpPeer) -> Body:
        return {
            "hostname": row.name,
            "routerip": row.router_address,
            "as": row.asn,
            "neighbor": row.neighbor or "",
            "neighbor-as": row.neighbor_asn,
        }

    def create(self, actor: Actor, body: Body) -> BgpPeer:
        _refuse_aci()
        return create_bgp_peer(actor=actor, name=body["hostname"], **_peer(body))

    def update(self, actor: Actor, row: BgpPeer, body: Body) -> BgpPeer:
        _refuse_aci()
        return update_bgp_peer(actor=actor, row=row, **_peer(body))

    def delete(self, actor: Actor, row: BgpPeer) -> None:
        delete_bgp_peer(actor=actor, row=row)

    def oper(self, row: BgpPeer) -> Body:
        """Nothing yet: no node speaks BGP."""
        return {}


def _refuse_aci() -> None:
    if Fabric.objects.filter(pk=1, infra_type=InfraType.ACI).exists():
        raise Refusal("not supported in ACI fabric mode")


def _peer(body: Body) -> Body:
    return {
        "router_address": body["routerip"],
        "asn": _number(body["as"]),
        "neighbor": body["neighbor"],
        "neighbor_asn": _number(body["neighbor-as"]),
    }


def _number(said: str) -> str:
    """An AS number; "" for a text that is none, of which only the wording is kept."""
    return said if re.fullmatch(r"[0-9]{1,10}", said, re.ASCII) and 1 <= int(said) <= LAST_ASN else ""

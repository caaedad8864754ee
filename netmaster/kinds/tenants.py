"""tenants."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models

from netmaster.kinds.base import Kind, Sets, its
from netmaster.oper import group_oper, network_oper
from netmaster.refusal import Refusal
from netmaster.structs import TENANT, Body
from netmaster.wire import filled
from netmaster.world import World
from networks.models import Network
from tenants.actions import create_tenant, delete_tenant
from tenants.change import Actor
from tenants.models import Tenant

#: What it owns: Contiv's name of the set and word, and where we keep it.
OWNED = {
    "AppProfiles": ("appProfile", "appprofiles"),
    "EndpointGroups": ("endpointGroup", "endpointgroups"),
    "NetProfiles": ("netprofile", "bandwidthprofiles"),
    "Networks": ("network", "networks"),
    "Policies": ("policy", "policys"),
    "Servicelbs": ("serviceLB", "services"),
}
#: What keeps it from being deleted, in the order in which Contiv looks.
KEEPERS = (
    ("appprofiles", "cannot delete {}, has {} app profiles"),
    ("endpointgroups", "cannot delete {} has {} endpoint groups"),
    ("policys", "cannot delete {} has {} policies"),
    ("bandwidthprofiles", "Cannot delete {} has {} netprofiles"),
    ("networks", "cannot delete {} has {} networks"),
)
#: What an inspected tenant leaves out of its groups, besides the tag.
POOL = ("availableIPAddresses", "allocatedIPAddresses")


class Tenants(Kind):
    """A client's defaultNetwork has no meaning of ours: it is kept as its wording."""

    collection, word, struct = "tenants", "tenant", TENANT

    def rows(self) -> models.QuerySet[Any]:
        listed = {"networks": Network.objects.filter(unlisted=None)}
        owned = (its(where, listed.get(where)) for _, where in OWNED.values())
        return Tenant.objects.prefetch_related(*owned).order_by("pk")

    def rows_of(self, tenants: Collection[int]) -> models.QuerySet[Any]:
        return self.rows().filter(pk__in=tenants)

    def find(self, key: str) -> Any | None:
        return self.rows().filter(name=key).first()

    def held(self, key: str) -> Any | None:
        """Not locked: what is made or ended is in line with the cluster's changes first."""
        return self.find(key)

    def key(self, row: Tenant) -> str:
        return row.name

    def tenant_of(self, row: Tenant) -> Tenant:
        return row

    def members(self, row: Tenant) -> Body:
        return {"tenantName": row.name, "defaultNetwork": ""}

    def sets(self, row: Any) -> Sets:
        return {
            name: [(word, f"{row.name}:{one.name}") for one in getattr(row, f"its_{where}")]
            for name, (word, where) in OWNED.items()
        }

    def create(self, actor: Actor, body: Body) -> Tenant:
        return create_tenant(actor=actor, name=body["tenantName"])

    def update(self, actor: Actor, row: Tenant, body: Body) -> Tenant:
        raise Refusal("Cant change tenant parameters after its created")

    def delete(self, actor: Actor, row: Any) -> None:
        for where, text in KEEPERS:
            if count := len(getattr(row, f"its_{where}")):
                raise Refusal(text.format(row.name, count))
        delete_tenant(actor=actor, row=row)

    def oper(self, row: Any) -> Body:
        world = World(row)
        groups = [group_oper(world, group) for group in world.groups]
        listed = {network.pk for network in row.its_networks}
        networks = [network_oper(world, network) for network in world.networks if network.pk in listed]
        return filled(
            {
                "endpointGroups": [_without(one, "groupTag", *POOL) for one in groups],
                "networks": [_without(one, "networkTag") for one in networks],
                "totalAppProfiles": len(row.its_appprofiles),
                "totalEPGs": len(groups),
                "totalEndpoints": sum(endpoint.network_id in listed for endpoint in world.endpoints),
                "totalNetprofiles": len(row.its_bandwidthprofiles),
                "totalNetworks": len(networks),
                "totalPolicies": len(row.its_policys),
                "totalServicelbs": len(row.its_services),
            }
        )


def _without(oper: Body, *names: str) -> Body:
    return {name: value for name, value in oper.items() if name not in names}

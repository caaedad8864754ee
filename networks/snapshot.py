"""Rows of one tenant's networks as the core's values. Columns only, no model instances: ten thousand endpoints are
read in the time a person does not notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core import ranges
from core.model import Endpoint as EndpointValue
from core.model import EndpointGroup as GroupValue
from core.model import Network as NetworkValue
from core.model import Node as NodeValue
from networks.models import Endpoint, EndpointGroup, Network, Node
from tenants.lookup import Columns

#: Read anew whenever a container comes or goes; the rest is known from before then (policies.snapshot).
ENDPOINTS = Columns(
    lambda tenant: (
        Endpoint.objects.filter(tenant=tenant)
        .order_by("id")
        .values_list("id", "name", "network_id", "mac", "group_id", "node_id", "ip4", "ip6")
    ),
    int,
)
NODES = Columns(
    lambda tenant: (
        Node.objects.filter(endpoints__tenant=tenant).distinct().order_by("id").values_list("id", "name", "vtep")
    ),
    int,
)


def networks_of(tenant_id: int) -> tuple[NetworkValue, ...]:
    """The tenant's networks by id. One query.

    Of networks that share a prefix only the oldest with a gateway has one on the nodes: a kernel routes a prefix to
    one bridge. The others are layer-2 segments there; their members reach each other and nobody else.
    """
    rows = Network.objects.filter(tenant_id=tenant_id).order_by("id")
    columns = list(rows.values_list("id", "name", "encap", "tag", "subnet4", "gateway4", "subnet6", "gateway6"))
    gateways = {family: _gateways(columns, at) for family, at in (("4", 4), ("6", 6))}
    return tuple(
        NetworkValue(pk, name, encap, tag, s4 or None, gateways["4"].get(pk), s6 or None, gateways["6"].get(pk))
        for pk, name, encap, tag, s4, _, s6, _ in columns
    )


def routed_families(network: Network) -> set[int]:
    """The families of a network that nodes route: those with a gateway that no older network of its prefix has taken
    the place of. One query."""
    value = next((one for one in networks_of(network.tenant_id) if one.id == network.pk), None)
    if value is None:
        return set()
    return {family for family, gateway in ((4, value.gateway4), (6, value.gateway6)) if gateway}


def _gateways(columns: Sequence[tuple[Any, ...]], at: int) -> dict[int, str]:
    """Network → gateway, of those that are routed; subnet and gateway stand at `at` and after."""
    wanted = [(column[0], column[at], column[at + 1]) for column in columns if column[at + 1]]
    routed = ranges.routed(subnet for _, subnet, _ in wanted)
    return {pk: gateway for (pk, _, gateway), first in zip(wanted, routed, strict=True) if first}


def groups_of(tenant_id: int, profiles: Mapping[int, int]) -> tuple[GroupValue, ...]:
    """The tenant's groups by id; `profiles` says which bandwidth profile a group has. One query."""
    columns = EndpointGroup.objects.filter(tenant_id=tenant_id).order_by("id").values_list("id", "name", "network_id")
    return tuple(GroupValue(pk, name, network, profiles.get(pk)) for pk, name, network in columns)


def endpoints_of(tenant_id: int) -> tuple[EndpointValue, ...]:
    """The tenant's endpoints by id, placed or not. One query."""
    return tuple(EndpointValue(*column) for column in ENDPOINTS.all(tenant_id))


def nodes_of(tenant_id: int) -> tuple[NodeValue, ...]:
    """Nodes that carry an endpoint of the tenant, by id. One query."""
    return tuple(NodeValue(*column) for column in NODES.all(tenant_id))

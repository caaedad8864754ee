"""From a tenant's intent to what each of its nodes is to make true."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from core import bandwidth, ids
from core.isolation import Chain, Tables, compile_policy, epoch, placed
from core.model import BandwidthProfile, Endpoint, Network, TenantIntent
from core.spec import EndpointItem, Item, NetworkItem, RemoteItem, TenantItem


def compile_tenant(intent: TenantIntent) -> dict[int, tuple[Item, ...]]:
    """Node id → items, for each node that carries an endpoint of the tenant.

    A node gets every network and every member, but the rules of its own groups only: it judges for its own endpoints.
    Endpoints that are on no node are nowhere.
    """
    tables = compile_policy(intent)
    endpoints = sorted(placed(intent), key=lambda endpoint: endpoint.id)
    networks = [_network(intent.id, network) for network in sorted(intent.networks, key=lambda network: network.id)]
    local = _local_by_node(intent, endpoints)
    remote = _remote_by_node(intent, endpoints)
    return {node: _node(intent, tables, networks, node, local, remote) for node in sorted(local)}


def _node(
    intent: TenantIntent,
    tables: Tables,
    networks: list[NetworkItem],
    node: int,
    local: dict[int, list[EndpointItem]],
    remote: dict[int, list[RemoteItem]],
) -> tuple[Item, ...]:
    groups = {item.group for item in local[node]} - {0}
    return (
        TenantItem(intent.id, intent.name, intent.default, epoch(tables, groups)),
        *networks,
        *local[node],
        *chain.from_iterable(items for other, items in sorted(remote.items()) if other != node),
        *_rules(tables, groups),
    )


def _rules(tables: Tables, groups: Iterable[int]) -> list[Item]:
    found = [tables.chains.get((group, direction)) for group in sorted(groups) for direction in ("in", "out")]
    return [item for one in found if one for item in _chain_items(one)]


def _chain_items(one: Chain) -> tuple[Item, ...]:
    return (one.item, *one.matches)


def _local_by_node(intent: TenantIntent, endpoints: list[Endpoint]) -> dict[int, list[EndpointItem]]:
    profiles = {profile.id: profile for profile in intent.profiles}
    by_group = {group.id: profiles.get(group.profile_id or 0) for group in intent.groups}
    found: dict[int, list[EndpointItem]] = {}
    for e in endpoints:
        found.setdefault(e.node_id or 0, []).append(_endpoint(intent.id, e, by_group.get(e.group_id or 0)))
    return found


def _remote_by_node(intent: TenantIntent, endpoints: list[Endpoint]) -> dict[int, list[RemoteItem]]:
    """Each endpoint as the other nodes see it, by the node it is on: made once, shared by all of them."""
    vteps = {node.id: node.vtep for node in intent.nodes}
    found: dict[int, list[RemoteItem]] = {}
    for e in endpoints:
        node = e.node_id or 0
        item = RemoteItem(intent.id, e.id, e.network_id, e.group_id or 0, e.mac, vteps[node], e.ip4, e.ip6)
        found.setdefault(node, []).append(item)
    return found


def _endpoint(tenant: int, e: Endpoint, profile: BandwidthProfile | None) -> EndpointItem:
    place = (tenant, e.id, e.name, e.network_id, e.group_id or 0, e.mac, e.ip4, e.ip6)
    if not profile:
        return EndpointItem(*place)
    burst = profile.burst_bytes or bandwidth.default_burst(profile.rate_bps)
    return EndpointItem(*place, rate_bps=profile.rate_bps, burst_bytes=burst, dscp=profile.dscp)


def _network(tenant: int, network: Network) -> NetworkItem:
    return NetworkItem(
        tenant=tenant,
        id=network.id,
        name=network.name,
        encap=network.encap,
        tag=network.tag,
        mac=ids.gateway_mac(network.id),
        subnet4=network.subnet4,
        gateway4=network.gateway4,
        subnet6=network.subnet6,
        gateway6=network.gateway6,
    )

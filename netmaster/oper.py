"""Run-time state as Contiv's inspect shows it."""

from __future__ import annotations

from collections.abc import Iterable

from core import ipam, ranges
from core.free import FreeSet
from core.ipam import Span
from netmaster.local_tags import local_tag
from netmaster.structs import Body
from netmaster.wire import filled, map_text
from netmaster.world import World, container_of, spans_of
from networks.models import Endpoint, EndpointGroup, Network


def network_oper(world: World, network: Network) -> Body:
    endpoints = world.endpoints_of(network)
    own = [*world.reserved[network.pk], *spans_of((a for e in endpoints for a in (e.ip4, e.ip6)), 4)]
    pools = [ipam.span(group.pool4) for group in world.groups if group.network_id == network.pk and group.pool4]
    gateway = spans_of([network.gateway4], 4)
    return filled(
        {
            **addresses(network, [*own, *pools, *gateway]),
            "allocatedAddressesCount": _count(world, network, endpoints, pools),
            "endpoints": [endpoint_oper(one) for one in endpoints],
            "networkTag": network.label or f"{network.name}.{world.tenant.name}",
            "numEndpoints": len(endpoints),
            **tags(network),
        }
    )


def group_oper(world: World, group: EndpointGroup) -> Body:
    endpoints = world.members_of(group)
    network = next(one for one in world.networks if one.pk == group.network_id)
    taken = [*spans_of((e.ip4 for e in world.endpoints_of(network)), 4), *world.reserved[network.pk]]
    return filled(
        {
            **(lists(ipam.span(group.pool4), taken) if group.pool4 else {}),
            "endpoints": [endpoint_oper(one) for one in endpoints],
            "groupTag": group.label or f"{group.name}.{world.tenant.name}",
            "numEndpoints": len(endpoints),
            **tags(network),
        }
    )


def endpoint_oper(endpoint: Endpoint) -> Body:
    """One endpoint's record. Names are the other way round than in keys: that is how Contiv has them."""
    container, group = container_of(endpoint), endpoint.group
    return filled(
        {
            "network": f"{endpoint.network.name}.{endpoint.tenant.name}",
            "endpointID": container.endpoint_name,
            "serviceName": group.name if group else "",
            "endpointGroupId": group.pk if group else 0,
            "endpointGroupKey": f"{group.name}:{endpoint.tenant.name}" if group else "",
            "ipAddress": [endpoint.ip4 or "", endpoint.ip6 or ""],
            "macAddress": endpoint.mac,
            "homingHost": container.host,
            "vtepIP": "",
            "intfName": "",
            "labels": map_text(container.labels),
            "containerID": container.container,
            "containerName": container.common_name,
        }
    )


def tags(network: Network) -> Body:
    if network.encap == "vlan":
        return {"pktTag": network.tag}
    return {"pktTag": local_tag(network), "externalPktTag": network.tag}


def addresses(network: Network, taken: Iterable[Span]) -> Body:
    return lists(ranges.room(network.subnet4, network.range4), taken) if network.subnet4 else {}


def lists(room: Span, taken: Iterable[Span]) -> Body:
    """What of a range is taken and what is free, as text. What is taken outside the range is not its own."""
    free = FreeSet.whole(room.first, room.last)
    whole = list(free.spans())
    for span in taken:
        if span.version == 4:
            free = free.take(span.first, span.last)
    left = list(free.spans())
    used = FreeSet.whole(room.first, room.last)
    for first, last in left:
        used = used.take(first, last)
    return {
        "availableIPAddresses": _text(left),
        "allocatedIPAddresses": _text(list(used.spans())) if whole else "",
    }


def _text(spans: list[tuple[int, int]]) -> str:
    return ", ".join(ranges.brief(Span(4, first, last)) for first, last in spans)


def _count(world: World, network: Network, endpoints: list[Endpoint], pools: list[Span]) -> int:
    """Addresses in use, of either family, that are not of a group's pool."""
    used = [span for e in endpoints for a in (e.ip4, e.ip6) if a for span in [ipam.span(a)]]
    outside = [s for s in (*used, *world.reserved[network.pk]) if not any(_inside(s, pool) for pool in pools)]
    return sum(span.last - span.first + 1 for span in outside)


def _inside(span: Span, pool: Span) -> bool:
    return span.version == pool.version and span.first in pool and span.last in pool

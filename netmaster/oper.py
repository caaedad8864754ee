"""Run-time state as Contiv's inspect shows it."""

from __future__ import annotations

from netmaster.group_numbers import group_number
from netmaster.local_tags import local_tag
from netmaster.structs import Body
from netmaster.wire import filled, map_text
from netmaster.world import World, container_of
from networks.models import Endpoint, EndpointGroup, Network
from networks.occupancy import allocated_and_available


def network_oper(world: World, network: Network) -> Body:
    endpoints = world.endpoints_of(network)
    return filled(
        {
            **addresses(network),
            "allocatedAddressesCount": _count(world, network, endpoints),
            "endpoints": [endpoint_oper(one) for one in endpoints],
            "networkTag": network.label or f"{network.name}.{world.tenant.name}",
            "numEndpoints": len(endpoints),
            **tags(network),
        }
    )


def group_oper(world: World, group: EndpointGroup) -> Body:
    endpoints = world.members_of(group)
    network = next(one for one in world.networks if one.pk == group.network_id)
    return filled(
        {
            **addresses(network, group),
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
            "endpointGroupId": group_number(group) if group else 0,
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


def addresses(network: Network, group: EndpointGroup | None = None) -> Body:
    """What cannot be had any more and what can, as text: of a network, or of a group's pool. Contiv never gives the
    first and the last address of a prefix, so that it shows none for a /31; both can be had here."""
    allocated, available = allocated_and_available(network, 4, group)
    if network.subnet4.endswith("/31") and not (network.range4 or group):
        available = []
    return {"allocatedIPAddresses": ", ".join(allocated), "availableIPAddresses": ", ".join(available)}


def _count(world: World, network: Network, endpoints: list[Endpoint]) -> int:
    """Addresses in use, of either family, that were chosen here: those that were asked for are not counted."""
    used = sum(bool(a) and a not in world.named[e.pk] for e in endpoints for a in (e.ip4, e.ip6))
    return used + sum(span.last - span.first + 1 for span in world.reserved[network.pk])

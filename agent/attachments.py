"""How endpoints are plugged in: what the spec says of them, with the container that is to have them."""

from __future__ import annotations

from collections.abc import Mapping

from agent.kernel.interface import Attachment
from agent.plugs import Plug
from core.render import NodeFacts, mtu
from core.spec import EndpointItem, Item, NetworkItem


def attachments(items: Mapping[str, Item], plugs: Mapping[int, Plug], node: NodeFacts) -> dict[int, Attachment]:
    """How each plugged endpoint that is among the items is to be plugged in."""
    made = {}
    for endpoint, plug in plugs.items():
        item = items.get(plug.key)
        network = items.get(f"{plug.tenant}/network/{item.network}") if isinstance(item, EndpointItem) else None
        if isinstance(item, EndpointItem) and isinstance(network, NetworkItem):
            made[endpoint] = attachment(plug, item.mac, (item.ip4, item.ip6), network, node)
    return made


def attachment(
    plug: Plug, mac: str, addresses: tuple[str | None, str | None], network: NetworkItem, node: NodeFacts
) -> Attachment:
    """`addresses` are the endpoint's, IPv4 and IPv6."""
    ip4, ip6 = addresses
    return Attachment(
        endpoint=plug.endpoint,
        netns=plug.netns,
        mac=mac,
        ifname=plug.ifname,
        ip4=_with_length(ip4, network.subnet4),
        gateway4=network.gateway4 if ip4 else None,
        ip6=_with_length(ip6, network.subnet6),
        gateway6=network.gateway6 if ip6 else None,
        mtu=mtu(network, node),
    )


def _with_length(address: str | None, subnet: str | None) -> str | None:
    return f"{address}/{subnet.rpartition('/')[2]}" if address and subnet else None

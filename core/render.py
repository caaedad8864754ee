"""From items to kernel objects: what is to be in a tenant's namespace on this node.

Each item gives its objects by itself, given the few facts of its surroundings in `Context`; so one changed item of ten
thousand costs the rendering of one (`core.rendering`), and no decision is hidden in the order of items.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, ip_network

from core import ids, pipeline
from core.bandwidth import queue_bytes
from core.model import Direction
from core.ruleset import Element
from core.spec import ChainItem, EndpointItem, Item, MatchItem, NetworkItem, RemoteItem, TenantItem
from core.state import (
    UPLINK_FLAGS,
    Address,
    Bridge,
    BridgeFdb,
    Ifb,
    KernelObject,
    Key,
    Membership,
    Namespace,
    Neighbour,
    Port,
    Redirect,
    Route,
    Sysctl,
    Vlan,
    Vxlan,
    VxlanFdb,
    by_key,
    tbf,
)

#: Bytes that VXLAN adds to a packet on an IPv4 underlay: Ethernet 14, IP 20, UDP 8, VXLAN 8.
VXLAN_OVERHEAD = 50
#: The metric the kernel gives connected IPv6 routes (IP6_RT_PRIO_ADDRCONF).
IP6_METRIC = 256

SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv6.conf.default.forwarding": "1",
    # No address of its own making on any device: what is not in the spec does not exist.
    "net.ipv6.conf.default.addr_gen_mode": "1",
    "net.ipv6.conf.all.accept_ra": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.all.accept_redirects": "0",
    "net.ipv6.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    # A device of its own sends redirects if either says so.
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.all.rp_filter": "1",
    # A TCP segment of an unknown connection is invalid, never a new connection the wrong way round.
    "net.netfilter.nf_conntrack_tcp_loose": "0",
}


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What rendering must know of the node: `vtep` is its underlay address, `device` the device that carries it,
    `mtu` that device's, in bytes."""

    vtep: str
    device: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Context:
    """What an item's objects depend on besides the item."""

    node: NodeFacts
    attached: frozenset[int] = frozenset()
    networks: Mapping[int, NetworkItem] = field(default_factory=dict)
    chains: frozenset[tuple[Direction, int]] = frozenset()
    dscps: frozenset[int] = frozenset()


def context(items: Iterable[Item], attached: Collection[int], node: NodeFacts) -> Context:
    """The surroundings that these items make for each other."""
    networks: dict[int, NetworkItem] = {}
    chains: set[tuple[Direction, int]] = set()
    dscps: set[int] = set()
    for item in items:
        if isinstance(item, NetworkItem):
            networks[item.id] = item
        elif isinstance(item, ChainItem):
            chains.add((item.direction, item.group))
        elif isinstance(item, EndpointItem) and item.dscp is not None:
            dscps.add(item.dscp)
    return Context(node, frozenset(attached), networks, frozenset(chains), frozenset(dscps))


def render(items: Iterable[Item], attached: Collection[int], node: NodeFacts) -> dict[Key, KernelObject]:
    """All objects of one tenant, by key; empty without a TenantItem. `attached` are endpoints whose veth is there."""
    mine = list(items)
    around = context(mine, attached, node)
    return by_key(thing for item in mine for thing in render_item(item, around))


def render_item(item: Item, around: Context) -> Iterator[KernelObject]:
    """The objects of one item. No two items of a tenant give the same object."""
    match item:
        case MatchItem():
            yield pipeline.match_element(item)
        case RemoteItem():
            yield from _remote(item, around)
        case EndpointItem():
            yield from _endpoint(item, around)
        case ChainItem():
            yield from pipeline.group_chains(item)
        case NetworkItem():
            yield from _network(item, around)
        case TenantItem():
            yield from _tenant(item, around)


def mtu(network: NetworkItem, node: NodeFacts) -> int:
    """The largest packet an endpoint of the network may send, in bytes."""
    return node.mtu - VXLAN_OVERHEAD if network.encap == "vxlan" else node.mtu


def _tenant(item: TenantItem, around: Context) -> Iterator[KernelObject]:
    yield Namespace()
    yield from (Sysctl(name, value) for name, value in SYSCTLS.items())
    yield from pipeline.base(item.tenant)
    yield from pipeline.epoch_chains(item.epoch, item.default)
    yield from (pipeline.dscp_chain(dscp) for dscp in around.dscps)


def _network(item: NetworkItem, around: Context) -> Iterator[KernelObject]:
    bridge, size = ids.bridge(item.id), mtu(item, around.node)
    yield Bridge(bridge, item.mac, size)
    uplink = Membership(bridge, **UPLINK_FLAGS)
    if item.encap == "vxlan":
        yield Vxlan(ids.vxlan(item.id), uplink, item.tag, around.node.vtep, size)
    else:
        yield Vlan(ids.vlan(item.id), uplink, item.tag, size)
    for subnet, gateway in ((item.subnet4, item.gateway4), (item.subnet6, item.gateway6)):
        if subnet:
            yield from _subnet(bridge, subnet, gateway)


def _subnet(bridge: str, subnet: str, gateway: str | None) -> Iterator[KernelObject]:
    prefix = ip_network(subnet)
    if gateway:
        yield Address(bridge, f"{gateway}/{prefix.prefixlen}")
        if prefix.prefixlen < prefix.max_prefixlen:
            yield Route(subnet, bridge, source=gateway) if prefix.version == 4 else Route(subnet, bridge, IP6_METRIC)
    if isinstance(prefix, IPv4Network) and prefix.prefixlen <= 30:
        yield Element("inet", "broadcast4", str(prefix.broadcast_address))


def _remote(item: RemoteItem, around: Context) -> Iterator[KernelObject]:
    yield from _grouped(item)
    network = around.networks.get(item.network)
    if network is None:
        return
    yield from _neighbours(item)
    if network.encap == "vxlan":
        yield BridgeFdb(ids.vxlan(network.id), item.mac, generation=network.tag)
        yield VxlanFdb(ids.vxlan(network.id), item.mac, item.vtep, generation=network.tag)
    else:
        yield BridgeFdb(ids.vlan(network.id), item.mac)


def _endpoint(item: EndpointItem, around: Context) -> Iterator[KernelObject]:
    yield from _grouped(item)
    network = around.networks.get(item.network)
    if network is None:
        return
    yield from _neighbours(item)
    yield from _own(item)
    yield from _judged(item, around)
    if item.id in around.attached:
        yield Port(ids.port(item.id), Membership(ids.bridge(network.id)), mtu(network, around.node))
        yield BridgeFdb(ids.port(item.id), item.mac)
        yield from _rate(item)


def _addresses(item: EndpointItem | RemoteItem) -> Iterator[tuple[str, str]]:
    """The item's addresses, each with the digit of its family."""
    if item.ip4:
        yield "4", item.ip4
    if item.ip6:
        yield "6", item.ip6


def _grouped(item: EndpointItem | RemoteItem) -> Iterator[KernelObject]:
    """Every node knows the group of every endpoint of the tenant, wherever it lives, also where its network cannot be
    made: its packets arrive by the network of whom they are for, and a rule about the group must find it."""
    for digit, address in _addresses(item):
        if item.group:
            yield Element("inet", f"group{digit}", address, str(item.group))


def _neighbours(item: EndpointItem | RemoteItem) -> Iterator[KernelObject]:
    for _, address in _addresses(item):
        yield Neighbour(ids.bridge(item.network), address, item.mac)


def _own(item: EndpointItem) -> Iterator[KernelObject]:
    """What the endpoint may call itself."""
    port = f'"{ids.port(item.id)}"'
    yield Element("bridge", "own_mac", f"{port} . {item.mac}")
    for digit, address in _addresses(item):
        yield Element("bridge", f"own{digit}", f"{port} . {address}")
    # Containers' kernels ask each other for their link-local addresses, too, and ask again for ever where no answer
    # comes; so the true answer passes. It is true of this one address only, and of no use for data: own6 lacks it.
    targets = [link_local(item.mac), *([int(IPv6Address(item.ip6))] if item.ip6 else [])]
    yield from (Element("bridge", "own6_target", f"{port} . {target:#x}") for target in targets)


def link_local(mac: str) -> int:
    """The address that a kernel gives itself by its device's MAC (RFC 4291, appendix A), as a number."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return int.from_bytes(b"\xfe\x80" + bytes(6) + interface)


def _judged(item: EndpointItem, around: Context) -> Iterator[KernelObject]:
    """Which chains the endpoint's traffic is judged by: only here, where it lives, so that a hit is counted once."""
    for digit, address in _addresses(item):
        for direction, name in (("out", "egress"), ("in", "ingress")):
            ruled = (direction, item.group) in around.chains
            for suffix in ("", "_reply"):
                target = pipeline.group_chain_name(direction, item.group) + suffix if ruled else "default"
                yield Element("inet", f"{name}{digit}{suffix}", address, f"jump {target}")
        if item.dscp is not None:
            yield Element("inet", f"dscp{digit}", address, f"jump dscp_{item.dscp}")


def _rate(item: EndpointItem) -> Iterator[KernelObject]:
    """The same limit both ways: on the port for what the endpoint gets, on a device behind it for what it sends."""
    if not item.rate_bps:
        return
    port, ifb = ids.port(item.id), ids.ifb(item.id)
    yield Ifb(ifb)
    yield Redirect(port, ifb)
    for device in (port, ifb):
        yield tbf(device, item.rate_bps, item.burst_bytes, queue_bytes(item.rate_bps, item.burst_bytes))

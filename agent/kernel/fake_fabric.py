"""Several fake nodes on one underlay: would this packet arrive?

A packet walks the objects the kernels hold: ports, forwarding entries, neighbours, routes, tunnels, and the nft
objects rule by rule, with a connection table in every namespace it crosses. Nothing here reads a spec or a policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from agent.kernel.fake import Kernel
from agent.kernel.fake_rules import Fields, Judge
from agent.kernel.fake_space import Connection, Space
from agent.kernel.interface import Attachment, Denied
from core import ids
from core.model import ICMP, ICMPV6, PORT_PROTOCOLS, TCP, Flow
from core.state import (
    Address,
    Bridge,
    BridgeFdb,
    KernelObject,
    Neighbour,
    Port,
    Redirect,
    Route,
    Sysctl,
    Tbf,
    Vxlan,
    VxlanFdb,
)

#: A packet that was sent from node to node more often than this runs in circles.
MOST_HOPS = 8


class Lost(Exception):
    """The packet went no further; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Packet:
    """`opening` False is a TCP segment from the middle of a connection. `mac` is what the sender calls itself, when
    that is not its own."""

    source: str
    destination: str
    protocol: int
    source_port: int | None = None
    destination_port: int | None = None
    opening: bool = True
    mac: str = ""

    @property
    def answer(self) -> Packet:
        """What the other side sends back."""
        return Packet(
            self.destination, self.source, self.protocol, self.destination_port, self.source_port, opening=False
        )

    @property
    def connection(self) -> Connection:
        """The connection that this packet would begin."""
        return (self.protocol, self.source, self.source_port or 0, self.destination, self.destination_port or 0)


def opening(flow: Flow) -> Packet:
    """The first packet of a flow; its sender takes some high port."""
    port = flow.source_port if flow.source_port is not None else 40000
    takes_ports = flow.protocol in PORT_PROTOCOLS
    return Packet(flow.source, flow.destination, flow.protocol, port if takes_ports else None, flow.destination_port)


@dataclass(frozen=True, slots=True)
class Fate:
    """`endpoint` is where the packet came out, None nowhere; `why` says where it was lost. `limits` are the rates in
    bits per second it had to squeeze through on its way."""

    endpoint: int | None
    why: str = ""
    limits: tuple[int, ...] = ()

    @property
    def arrived(self) -> bool:
        return self.endpoint is not None


@dataclass(slots=True)
class Fabric:
    """Kernels by the VTEP address of their node."""

    kernels: Mapping[str, Kernel]

    def send(self, tenant: int, endpoint: int, packet: Packet) -> Fate:
        """Send a packet from an endpoint's container and say what became of it."""
        walk = Walk(self, tenant, packet)
        try:
            return Fate(walk.start(endpoint), "", tuple(walk.limits))
        except Lost as lost:
            return Fate(None, str(lost), tuple(walk.limits))

    def converse(self, tenant: int, endpoint: int, flow: Flow) -> bool:
        """Whether a flow's first packet arrives and its answer comes back."""
        packet = opening(flow)
        there = self.send(tenant, endpoint, packet)
        if there.endpoint is None:
            return False
        return self.send(tenant, there.endpoint, packet.answer).endpoint == endpoint

    def home(self, tenant: int, endpoint: int) -> tuple[str, Kernel]:
        for vtep, kernel in self.kernels.items():
            if endpoint in kernel.attached(tenant):
                return vtep, kernel
        raise Lost(f"Endpoint {endpoint} is plugged in nowhere.")


@dataclass(slots=True)
class Walk:
    """One packet on its way. `there` and `kernel` are where it is."""

    fabric: Fabric
    tenant: int
    packet: Packet
    limits: list[int] = field(default_factory=list)
    hops: int = 0
    kernel: Kernel = field(default_factory=Kernel)
    there: Space = field(default_factory=Space)

    def start(self, endpoint: int) -> int:
        """From the container into its port; returns the endpoint it comes out at."""
        _, kernel = self.fabric.home(self.tenant, endpoint)
        self._go_to(kernel)
        port = self._port(ids.port(endpoint))
        veth = self.there.veths[endpoint]
        self._slow_down_sent(port.name)
        destination = self._resolve(port, veth)
        self._from_endpoint(port.name, self.packet.mac or veth.mac, destination)
        return self._into_bridge(port.member.bridge, destination, came_from=port.name)

    def _go_to(self, kernel: Kernel) -> None:
        self.kernel, self.there = kernel, kernel.space(self.tenant)

    # --- the container's own view ----------------------------------------------------------------------------------

    def _resolve(self, port: Port, veth: Attachment) -> str:
        """The MAC the container sends to: its neighbour's, or its gateway's."""
        on_link, gateway = _view(veth, self.packet.destination)
        target = self.packet.destination if on_link else gateway
        if not target:
            raise Lost("The container has no route there.")
        found = self._asked(port.member.bridge, target)
        if not found:
            raise Lost(f"Nobody answers for {target}.")
        return found

    def _asked(self, bridge: str, target: str) -> str:
        """Who answers an address request on the segment: the gateway, a container on it, or the bridge by proxy."""
        link = self.there.objects.get(("link", bridge))
        if isinstance(link, Bridge) and link.up and target in self._addresses(bridge):
            return link.mac
        for endpoint, veth in self.there.veths.items():
            port = self.there.objects.get(("link", ids.port(endpoint)))
            if isinstance(port, Port) and port.member.bridge == bridge and target in _own(veth):
                return veth.mac
        return self._proxied(bridge, target)

    def _proxied(self, bridge: str, target: str) -> str:
        """The bridge answers from its neighbours for those whose frames leave by a port that suppresses requests."""
        neighbour = self.there.objects.get(("neighbour", bridge, target))
        if not isinstance(neighbour, Neighbour):
            return ""
        device = self._device_for(bridge, neighbour.mac)
        member = getattr(self.there.objects.get(("link", device)), "member", None)
        return neighbour.mac if member is not None and member.neigh_suppress else ""

    def _addresses(self, device: str = "") -> set[str]:
        found = (thing for thing in self.there.objects.values() if isinstance(thing, Address))
        return {thing.address.partition("/")[0] for thing in found if device in ("", thing.device)}

    # --- through a namespace ------------------------------------------------------------------------------------------

    def _from_endpoint(self, port: str, mac: str, destination: str) -> None:
        fields = {
            **self._ip_fields(),
            "iifname": port,
            "ether saddr": mac,
            "ether daddr": destination,
            "ether type": "ip6" if ":" in self.packet.source else "ip",
        }
        if Judge(self.there).judge("bridge", "prerouting", fields) == "drop":
            raise Lost("It does not carry the endpoint's own addresses.")

    def _into_bridge(self, bridge: str, destination: str, came_from: str) -> int:
        link = self.there.objects.get(("link", bridge))
        if not isinstance(link, Bridge) or not link.up:
            raise Lost(f"The bridge {bridge} is not up.")
        if destination == link.mac:
            return self._routed()
        if link.netfilter:
            self._forward()
        return self._out_of(bridge, destination, came_from)

    def _routed(self) -> int:
        if self.packet.destination in self._addresses():
            raise Lost("It came to the gateway itself.")
        self._require_forwarding()
        bridge = self._route()
        self._forward()
        neighbour = self.there.objects.get(("neighbour", bridge, self.packet.destination))
        if not isinstance(neighbour, Neighbour):
            raise Lost(f"{self.packet.destination} is nobody's neighbour on {bridge}.")
        return self._out_of(bridge, neighbour.mac, came_from=bridge)

    def _require_forwarding(self) -> None:
        name = "net.ipv6.conf.all.forwarding" if ":" in self.packet.destination else "net.ipv4.ip_forward"
        setting = self.there.objects.get(("sysctl", name))
        if not isinstance(setting, Sysctl) or setting.value != "1":
            raise Lost("The namespace does not forward.")

    def _route(self) -> str:
        """The bridge behind which the destination is: the longest prefix wins."""
        address = ip_address(self.packet.destination)
        found = [
            (ip_network(thing.prefix).prefixlen, thing)
            for thing in self.there.objects.values()
            if isinstance(thing, Route) and thing.prefix != "default" and address in ip_network(thing.prefix)
        ]
        if not found:
            raise Lost(f"There is no route to {address}.")
        route = max(found, key=lambda pair: pair[0])[1]
        if route.type != "unicast" or route.via:
            raise Lost(f"The route to {address} leads elsewhere.")
        return route.device

    def _out_of(self, bridge: str, mac: str, came_from: str) -> int:
        device = self._device_for(bridge, mac) or self._flooded(bridge, mac)
        if device == came_from:
            raise Lost("It would go back where it came from.")
        link = self.there.objects.get(("link", device))
        if isinstance(link, Vxlan):
            return self._through_tunnel(link, mac)
        return self._deliver(self._port(device), mac)

    def _device_for(self, bridge: str, mac: str) -> str:
        for thing in self.there.objects.values():
            if isinstance(thing, BridgeFdb) and thing.mac == mac and self._bridge_of(thing.device) == bridge:
                return thing.device
        return ""

    def _flooded(self, bridge: str, mac: str) -> str:
        """A frame for an unknown MAC goes out of every port that floods; the one who has the MAC takes it."""
        for endpoint, veth in self.there.veths.items():
            name = ids.port(endpoint)
            link = self.there.objects.get(("link", name))
            if veth.mac == mac and isinstance(link, Port) and link.member.bridge == bridge and link.member.flood:
                return name
        raise Lost(f"{bridge} does not know where {mac} is.")

    def _bridge_of(self, device: str) -> str:
        return getattr(getattr(self.there.objects.get(("link", device)), "member", None), "bridge", "")

    def _through_tunnel(self, link: Vxlan, mac: str) -> int:
        entry = self.there.objects.get(("fdb", link.name, mac, "vxlan"))
        if not link.up or not isinstance(entry, VxlanFdb):
            raise Lost(f"{link.name} does not know behind which node {mac} is.")
        kernel = self.fabric.kernels.get(entry.vtep)
        arrived = _tunnel(kernel, self.tenant, link.vni) if kernel else None
        self.hops += 1
        if kernel is None or arrived is None or self.hops > MOST_HOPS:
            raise Lost(f"No tunnel {link.vni} at {entry.vtep}.")
        self._go_to(kernel)
        return self._into_bridge(arrived.member.bridge, mac, came_from=arrived.name)

    def _deliver(self, port: Port, mac: str) -> int:
        endpoint = ids.endpoint_of_port(port.name)
        veth = self.there.veths.get(endpoint) if endpoint is not None else None
        if endpoint is None or veth is None or veth.mac != mac or self.packet.destination not in _own(veth):
            raise Lost(f"Behind {port.name} is somebody else.")
        self._slow_down(port.name)
        return endpoint

    def _port(self, name: str) -> Port:
        port = self.there.objects.get(("link", name))
        if not isinstance(port, Port) or not port.up or not port.member.bridge:
            raise Lost(f"The port {name} is not up.")
        return port

    def _slow_down(self, device: str) -> None:
        if isinstance(limit := self.there.objects.get(("qdisc", device)), Tbf):
            self.limits.append(limit.rate_bps)

    def _slow_down_sent(self, port: str) -> None:
        if isinstance(redirect := self.there.objects.get(("redirect", port)), Redirect):
            self._slow_down(redirect.to)

    # --- the forward hook ---------------------------------------------------------------------------------------------

    def _forward(self) -> None:
        connection, state, direction = self._track()
        fields: Fields = {
            **self._ip_fields(),
            "meta mark": 0,
            "ct state": state,
            "ct direction": direction,
            "ct mark": self.there.connections.get(connection, 0),
        }
        denied = self.there.denied
        verdict = Judge(self.there).judge("inet", "forward", fields)
        if self.there.denied > denied:
            self._log()
        if verdict == "drop":
            raise Lost("Policy dropped it.")
        if state != "invalid":
            self.there.connections[connection] = int(fields["ct mark"])

    def _log(self) -> None:
        log = self.kernel.machine.logs.get(self.tenant)
        packet = self.packet
        if log is not None:
            ports = packet.source_port, packet.destination_port
            log.note(Denied(self.tenant, packet.source, packet.destination, packet.protocol, *ports))

    def _track(self) -> tuple[Connection, str, str]:
        """The packet's connection, as conntrack knows it: one that was dropped at its first packet is none."""
        mine, theirs = self.packet.connection, self.packet.answer.connection
        if mine in self.there.connections:
            return mine, "established", "original"
        if theirs in self.there.connections:
            return theirs, "established", "reply"
        loose = self.there.objects.get(("sysctl", "net.netfilter.nf_conntrack_tcp_loose"))
        strict = isinstance(loose, Sysctl) and loose.value == "0"
        invalid = self.packet.protocol == TCP and not self.packet.opening and strict
        return mine, "invalid" if invalid else "new", "original"

    def _ip_fields(self) -> Fields:
        """What the packet carries, in nft's words."""
        packet = self.packet
        family = "ip6" if ":" in packet.source else "ip"
        fields: Fields = {
            f"{family} saddr": packet.source,
            f"{family} daddr": packet.destination,
            "meta l4proto": packet.protocol,
            "th sport": packet.source_port or 0,
            "th dport": packet.destination_port or 0,
        }
        fields |= {"ip hdrlength": 5} if family == "ip" else {"ip6 hoplimit": 64}
        kind = 8 if packet.opening else 0
        fields |= {"icmp type": kind} if packet.protocol == ICMP else {}
        fields |= {"icmpv6 type": 128 if packet.opening else 129} if packet.protocol == ICMPV6 else {}
        return fields


def _own(veth: Attachment) -> Iterator[str]:
    return (address.partition("/")[0] for address in (veth.ip4, veth.ip6) if address)


def _view(veth: Attachment, destination: str) -> tuple[bool, str | None]:
    """(whether the destination is on the container's own segment, the gateway for all others)."""
    own, gateway = (veth.ip6, veth.gateway6) if ":" in destination else (veth.ip4, veth.gateway4)
    on_link = bool(own) and ip_address(destination) in ip_network(own or "::/0", strict=False)
    return on_link, gateway


def _tunnel(kernel: Kernel, tenant: int, vni: int) -> Vxlan | None:
    """The device of a node that takes frames of this VNI."""
    space = kernel.machine.spaces.get(tenant)
    things: Iterator[KernelObject] = iter(space.objects.values() if space else ())
    return next((thing for thing in things if isinstance(thing, Vxlan) and thing.vni == vni and thing.up), None)

"""What one tenant wants, as frozen values: the only form in which intent enters the core.

`networks/snapshot.py` and `policies/snapshot.py` read rows into these; nothing below them sees a database.
Addresses are text in canonical form ("20.1.1.2", "fd00::2"), prefixes "20.1.1.0/24", MACs "02:02:14:01:01:02".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["allow", "deny"]
Direction = Literal["in", "out"]
Encap = Literal["vlan", "vxlan"]
PeerKind = Literal["any", "group", "network", "address", "nothing"]

#: IP protocol numbers that have a name in rules (IANA "Protocol Numbers").
PROTOCOLS: dict[str, int] = {"icmp": 1, "tcp": 6, "udp": 17}
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
#: Protocols whose first four bytes are source and destination port; only these take ports in a rule.
PORT_PROTOCOLS = frozenset({TCP, UDP})


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports `first`..`last`, both included, 1 ≤ first ≤ last ≤ 65535."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side of a rule.

    `group` and `network` carry `id`; `address` carries `ranges`, each "first-last" or a prefix, of either family. A
    `group` with `ranges` is those of its endpoints whose address lies in them.
    `nothing` is what is left of a peer that no longer exists: it matches no packet, never "any".
    """

    kind: PeerKind
    id: int | None = None
    ranges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy. `protocol` None is any (icmp matches ICMP on IPv4 and ICMPv6 on IPv6); no `ports` is any.
    `own` are ranges as a peer's: the addresses of the policy's own side it is narrowed to (where an incoming rule's
    connections go, where an outgoing one's come from); none is all.

    `priority` 1..100, the higher number wins; at equal priority deny wins.
    """

    id: int
    direction: Direction
    priority: int
    action: Action
    peer: Peer
    protocol: int | None = None
    ports: tuple[PortRange, ...] = ()
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    id: int
    name: str
    group_ids: tuple[int, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class BandwidthProfile:
    """Limits of each single endpoint, the same in both directions. `rate_bps` 0 is no limit, `dscp` None leaves the
    packet's mark alone."""

    id: int
    name: str
    rate_bps: int
    burst_bytes: int
    dscp: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    id: int
    name: str
    encap: Encap
    tag: int
    subnet4: str | None = None
    gateway4: str | None = None
    subnet6: str | None = None
    gateway6: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointGroup:
    id: int
    name: str
    network_id: int
    profile_id: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`node_id` None: known and addressed, not placed on a node yet. `group_id` None: in no group."""

    id: int
    name: str
    network_id: int
    mac: str
    group_id: int | None = None
    node_id: int | None = None
    ip4: str | None = None
    ip6: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """`vtep` is the underlay IPv4 address that VXLAN traffic of this node comes from."""

    id: int
    name: str
    vtep: str


@dataclass(frozen=True, slots=True)
class TenantIntent:
    """Everything one tenant wants at `generation`; `nodes` are those that carry one of its endpoints."""

    id: int
    name: str
    generation: int
    default: Action
    networks: tuple[Network, ...] = ()
    groups: tuple[EndpointGroup, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    policies: tuple[Policy, ...] = ()
    profiles: tuple[BandwidthProfile, ...] = ()
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """The first packet of a connection. Ports are None for protocols without ports."""

    source: str
    destination: str
    protocol: int
    source_port: int | None = None
    destination_port: int | None = None

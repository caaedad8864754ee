"""What a tenant's namespace holds, as frozen values: the common language of `render` (what should be there) and of
the kernel's observe (what is).

Every object has a `key`, unique in its namespace, and compares by value. Whatever the kernel prints back differently
from how it was asked is brought to one form here, so that observing what was applied gives equal values.
Names of a family are nft's: "inet", "bridge". Devices are named as in `core.ids`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from core.ruleset import NftObject

#: Identifies an object inside its tenant's namespace; the first part is the kind of thing.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    """The tenant's network namespace itself; everything else lives and dies with it."""

    kind: ClassVar[str] = "namespace"

    @property
    def key(self) -> Key:
        return ("namespace",)


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A setting below /proc/sys, `name` written with dots."""

    kind: ClassVar[str] = "sysctl"
    name: str
    value: str

    @property
    def key(self) -> Key:
        return ("sysctl", self.name)


# --- devices: all share the key space of names, since a name can be taken by one device only -----------------------


@dataclass(frozen=True, slots=True)
class Bridge:
    """The segment of one network; `mac` is the anycast gateway's. `netfilter`: bridged packets pass the inet table."""

    kind: ClassVar[str] = "bridge"
    name: str
    mac: str
    mtu: int
    up: bool = True
    netfilter: bool = True
    snooping: bool = False
    stp: bool = False
    vlan_filtering: bool = False

    @property
    def key(self) -> Key:
        return ("link", self.name)


@dataclass(frozen=True, slots=True)
class Membership:
    """How a device is a port of a bridge. Nothing is learned anywhere: the forwarding table is told, never guessed."""

    bridge: str
    flood: bool = True
    mcast_flood: bool = True
    bcast_flood: bool = True
    neigh_suppress: bool = False
    learning: bool = False
    hairpin: bool = False


#: The way to other nodes: nothing is flooded into it, the bridge answers address requests from its own table.
UPLINK_FLAGS = {"flood": False, "mcast_flood": False, "bcast_flood": False, "neigh_suppress": True}


@dataclass(frozen=True, slots=True)
class Vxlan:
    """A network's tunnel device. Its socket stays in the node's namespace, with `local` as source address."""

    kind: ClassVar[str] = "vxlan"
    name: str
    member: Membership
    vni: int
    local: str
    mtu: int
    up: bool = True
    learning: bool = False
    port: int = 4789
    tos: str = "inherit"

    @property
    def key(self) -> Key:
        return ("link", self.name)


@dataclass(frozen=True, slots=True)
class Vlan:
    """A network's 802.1Q device over the node's underlay device."""

    kind: ClassVar[str] = "vlan"
    name: str
    member: Membership
    tag: int
    mtu: int
    up: bool = True

    @property
    def key(self) -> Key:
        return ("link", self.name)


@dataclass(frozen=True, slots=True)
class Port:
    """The host end of an endpoint's veth in its bridge. The veth itself comes and goes with attach and detach;
    a veth that is down and in no bridge waits for its Port and is not an object."""

    kind: ClassVar[str] = "port"
    name: str
    member: Membership
    mtu: int
    up: bool = True

    @property
    def key(self) -> Key:
        return ("link", self.name)


@dataclass(frozen=True, slots=True)
class Ifb:
    """Where what an endpoint sends is queued to its rate."""

    kind: ClassVar[str] = "ifb"
    name: str
    up: bool = True

    @property
    def key(self) -> Key:
        return ("link", self.name)


@dataclass(frozen=True, slots=True)
class ForeignLink:
    """A device nobody of ours made. `type` is the kernel's word for what it is."""

    kind: ClassVar[str] = "foreign device"
    name: str
    type: str

    @property
    def key(self) -> Key:
        return ("link", self.name)


Link = Bridge | Vxlan | Vlan | Port | Ifb | ForeignLink

# --- addresses and tables --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """`address` carries the prefix length: "20.1.1.254/24"."""

    kind: ClassVar[str] = "address"
    device: str
    address: str

    @property
    def key(self) -> Key:
        return ("address", self.device, self.address)


@dataclass(frozen=True, slots=True)
class Route:
    """A route outside the local table. Ours are the connected ones, which the kernel makes with their address:
    main table, no `via`, `type` "unicast", `source` the gateway's address on IPv4. Anything else is foreign."""

    kind: ClassVar[str] = "route"
    prefix: str
    device: str
    metric: int = 0
    source: str = ""
    via: str = ""
    type: str = "unicast"
    table: str = "main"

    @property
    def key(self) -> Key:
        return ("route", self.prefix, self.device, str(self.metric), self.table)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent entry: `address` has `mac` behind `device`."""

    kind: ClassVar[str] = "neighbour"
    device: str
    address: str
    mac: str

    @property
    def key(self) -> Key:
        return ("neighbour", self.device, self.address)


@dataclass(frozen=True, slots=True)
class BridgeFdb:
    """The bridge of `device` sends frames for `mac` out of it. `state` is "static" for ours.

    `generation` names the device as made: a tunnel made anew under another VNI is empty, so what was in the old one
    is to be written again. It is the VNI for tunnels and 0 elsewhere.
    """

    kind: ClassVar[str] = "bridge FDB entry"
    device: str
    mac: str
    state: str = "static"
    generation: int = 0
    vlan: int = 0

    @property
    def key(self) -> Key:
        return ("fdb", self.device, self.mac, f"vlan {self.vlan}" if self.vlan else "bridge")


@dataclass(frozen=True, slots=True)
class VxlanFdb:
    """The tunnel `device` sends frames for `mac` to the node whose VTEP address is `vtep`. `generation` as above."""

    kind: ClassVar[str] = "VXLAN FDB entry"
    device: str
    mac: str
    vtep: str
    generation: int = 0

    @property
    def key(self) -> Key:
        return ("fdb", self.device, self.mac, "vxlan")


# --- bandwidth -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tbf:
    """A token bucket at the root of `device`; `limit_bytes` is what may wait. Made by `tbf`, which rounds to what
    the kernel can hold and tell."""

    kind: ClassVar[str] = "rate limit"
    device: str
    rate_bps: int
    burst_bytes: int
    limit_bytes: int

    @property
    def key(self) -> Key:
        return ("qdisc", self.device)


#: The kernel keeps a bucket's burst as the time it takes at the rate, in ticks of 64 ns (PSCHED_SHIFT 6).
TICKS_PER_SECOND = 15_625_000


def tbf(device: str, rate_bps: int, burst_bytes: float, limit_bytes: int) -> Tbf:
    """A bucket as the kernel tells it: whole bytes a second, and a burst in steps of at least four ticks, so that a
    tick lost to rounding on the way there and back does not make another value."""
    rate = max(1, rate_bps // 8)
    step = max(1, -(-4 * rate // TICKS_PER_SECOND))
    return Tbf(device, rate * 8, max(1, round(burst_bytes / step)) * step, limit_bytes)


@dataclass(frozen=True, slots=True)
class ForeignQdisc:
    """A root queue that is none of ours and not the kernel's default."""

    kind: ClassVar[str] = "foreign queue"
    device: str
    type: str

    @property
    def key(self) -> Key:
        return ("qdisc", self.device)


@dataclass(frozen=True, slots=True)
class Redirect:
    """All that comes in on `device` goes through `to`: an ingress queue with one filter."""

    kind: ClassVar[str] = "redirect"
    device: str
    to: str

    @property
    def key(self) -> Key:
        return ("redirect", self.device)


KernelObject = (
    Namespace
    | Sysctl
    | Link
    | Address
    | Route
    | Neighbour
    | BridgeFdb
    | VxlanFdb
    | Tbf
    | ForeignQdisc
    | Redirect
    | NftObject
)


def by_key(objects: Iterable[KernelObject]) -> dict[Key, KernelObject]:
    return {thing.key: thing for thing in objects}

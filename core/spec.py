"""What one node is to make true: a flat collection of small items, so that a change travels as a handful of them.

An item is complete in itself and has a key; a `NodeSpec` is items by key at a revision. Two specs with the same
items have the same digest, whatever path led there; a delta says which revision it builds on.

The items are resolved (ids, addresses, no names to look up) but say nothing of netlink or nft: `core.render`
turns each into kernel objects. Keys start with the tenant's id, so one tenant's part is found by prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from core.model import Action, Direction, Encap

MatchKind = Literal["group", "net4", "net6"]
#: Whether, and of which family, matches are narrowed to addresses of their own side; 0: they are not.
Narrowed = Literal[0, 4, 6]


@dataclass(frozen=True, slots=True)
class TenantItem:
    """The tenant's namespace. `epoch` (1..2³¹-1) changes with every change of its policy or membership:
    connections judged under another epoch are judged again at their next packet."""

    kind: ClassVar[str] = "tenant"
    tenant: int
    name: str
    default: Action
    epoch: int

    @property
    def key(self) -> str:
        return f"{self.tenant}/tenant"


@dataclass(frozen=True, slots=True)
class NetworkItem:
    """A bridge with the anycast gateway and its encapsulation. `mac` is the gateway's, the same on every node."""

    kind: ClassVar[str] = "network"
    tenant: int
    id: int
    name: str
    encap: Encap
    tag: int
    mac: str
    subnet4: str | None = None
    gateway4: str | None = None
    subnet6: str | None = None
    gateway6: str | None = None

    @property
    def key(self) -> str:
        return f"{self.tenant}/network/{self.id}"


@dataclass(frozen=True, slots=True)
class EndpointItem:
    """An endpoint that lives on this node. `rate_bps` 0 is unlimited; `dscp` None leaves packets alone;
    `group` 0 is no group."""

    kind: ClassVar[str] = "endpoint"
    tenant: int
    id: int
    name: str
    network: int
    group: int
    mac: str
    ip4: str | None = None
    ip6: str | None = None
    rate_bps: int = 0
    burst_bytes: int = 0
    dscp: int | None = None

    @property
    def key(self) -> str:
        return f"{self.tenant}/endpoint/{self.id}"


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """An endpoint of the tenant on another node, reached through that node's `vtep`."""

    kind: ClassVar[str] = "remote"
    tenant: int
    id: int
    network: int
    group: int
    mac: str
    vtep: str
    ip4: str | None = None
    ip6: str | None = None

    @property
    def key(self) -> str:
        return f"{self.tenant}/remote/{self.id}"


@dataclass(frozen=True, slots=True)
class Layer:
    """One look-up of a chain: all matches of one priority, action and kind that do not overlap each other.

    Overlapping matches of the same priority and action go to different planes (0, 1, …), because an interval set
    of the kernel holds disjoint elements only. `own` is the family of the addresses of the group's own side that
    matches are narrowed to; 0: they are not.
    """

    priority: int
    action: Action
    kind: MatchKind
    plane: int = 0
    own: Narrowed = 0


@dataclass(frozen=True, slots=True)
class ChainItem:
    """The rules of one group in one direction: its layers in the order in which they are asked."""

    kind: ClassVar[str] = "chain"
    tenant: int
    group: int
    direction: Direction
    layers: tuple[Layer, ...]

    @property
    def key(self) -> str:
        return f"{self.tenant}/chain/{self.direction}/{self.group}"


@dataclass(frozen=True, slots=True)
class MatchItem:
    """One element of a layer of a group's chain; `rule` is who gets the hit.

    `peer` is a group id as text for kind `group`, a prefix or "first-last" range for `net4` and `net6`.
    Protocols and ports are closed intervals; 0-255 and 0-65535 are any. `own` is a prefix or range of the own side's
    addresses where the layer is narrowed, and otherwise empty.
    """

    kind: ClassVar[str] = "match"
    tenant: int
    group: int
    direction: Direction
    rule: int
    index: int
    layer: Layer
    peer: str
    protocol: tuple[int, int]
    ports: tuple[int, int]
    own: str = ""

    @property
    def key(self) -> str:
        return f"{self.tenant}/match/{self.direction}/{self.group}/{self.rule}/{self.index}"


Item = TenantItem | NetworkItem | EndpointItem | RemoteItem | ChainItem | MatchItem
ITEM_TYPES: dict[str, type] = {
    cls.kind: cls for cls in (TenantItem, NetworkItem, EndpointItem, RemoteItem, ChainItem, MatchItem)
}


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """All items of a node at a revision. Revision 0 with no items is the spec of a node that was told nothing."""

    revision: int = 0
    digest: str = ""
    items: Mapping[str, Item] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpecDelta:
    """The step from `base` to `revision`. `base` None: `upsert` is everything, what is not in it goes.

    `digest` is that of the whole spec after the step.
    """

    base: int | None
    revision: int
    digest: str
    upsert: tuple[Item, ...] = ()
    delete: tuple[str, ...] = ()


def by_key(items: Iterable[Item]) -> dict[str, Item]:
    return {item.key: item for item in items}


def tenant_of(key: str) -> int:
    """The tenant an item key belongs to."""
    return int(key.split("/", 1)[0])

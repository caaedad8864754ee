"""The policy compiler: what a tenant's rules mean, as tables in which a packet is judged by a few look-ups.

For each group and direction there is a chain of layers; a layer is one look-up, however many rules are in it. Rules of
higher priority come first, denies before allows of the same priority, so the first layer that knows the packet decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product

from core import ipam
from core.boxes import ANY_PORT, ANY_PROTOCOL, NOT_NARROWED, Box
from core.intervals import Interval
from core.model import ICMP, ICMPV6, PORT_PROTOCOLS, Action, Direction, Endpoint, Network, Policy, Rule, TenantIntent
from core.planes import Claim, disjoint
from core.spec import ChainItem, Layer, MatchItem, MatchKind, Narrowed

ChainKey = tuple[int, Direction]

_DIRECTIONS: tuple[Direction, Direction] = ("in", "out")
_KINDS: tuple[MatchKind, ...] = ("group", "net4", "net6")
#: What one look-up can hold: a kind of peers, and a family of own addresses it is narrowed to.
_SORTS: tuple[tuple[MatchKind, Narrowed], ...] = (
    *((kind, 0) for kind in _KINDS),
    ("group", 4),
    ("group", 6),
    ("net4", 4),
    ("net6", 6),
)
_FAMILY: dict[MatchKind, int] = {"net4": 4, "net6": 6}
_EVERYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Chain:
    """The rules of one group in one direction. `fingerprint` differs when what the chain says differs."""

    item: ChainItem
    matches: tuple[MatchItem, ...]
    fingerprint: str


@dataclass(frozen=True)
class Tables:
    """A tenant's policy, ready to be looked up. `members` is address → group id (0: in no group) of placed endpoints;
    a group and direction without a chain has no rules that could match, so the default holds."""

    tenant: int
    default: Action
    chains: Mapping[ChainKey, Chain]
    members: Mapping[str, int]
    gateways: frozenset[str] = frozenset()
    broadcasts: frozenset[str] = frozenset()

    @cached_property
    def membership(self) -> str:
        """A fingerprint of who is in which group."""
        return _fingerprint(f"{address} {group}" for address, group in sorted(self.members.items()))


def compile_policy(intent: TenantIntent) -> Tables:
    """The tables of a tenant. The same for the same intent, in whatever order its parts are listed."""
    peers = _Peers(intent)
    drafts: dict[tuple[tuple[int, ...], Direction], _Draft] = {}
    chains: dict[ChainKey, Chain] = {}
    for group, policies in sorted(_policies_of(intent).items()):
        for direction in _DIRECTIONS:
            # Groups under the same policies share all but their own id.
            shared = (tuple(policy.id for policy in policies), direction)
            if shared not in drafts:
                drafts[shared] = _draft(_rules(policies, direction), peers)
            if drafts[shared].layers:
                chains[group, direction] = _chain(intent.id, group, direction, drafts[shared])
    return Tables(
        tenant=intent.id,
        default=intent.default,
        chains=chains,
        members=members(placed(intent)),
        gateways=frozenset(g for n in intent.networks for g in (n.gateway4, n.gateway6) if g),
        broadcasts=frozenset(b for n in intent.networks if n.subnet4 and (b := ipam.broadcast(n.subnet4))),
    )


def placed(intent: TenantIntent) -> tuple[Endpoint, ...]:
    """The endpoints that are somewhere: on a node and in a network that the intent knows."""
    nodes = {node.id for node in intent.nodes}
    networks = {network.id for network in intent.networks}
    return tuple(e for e in intent.endpoints if e.node_id in nodes and e.network_id in networks)


def members(endpoints: Iterable[Endpoint]) -> dict[str, int]:
    """Address → group id, 0 for an endpoint in no group."""
    return {address: e.group_id or 0 for e in endpoints for address in (e.ip4, e.ip6) if address}


def epoch(tables: Tables, groups: Collection[int]) -> int:
    """1..2³¹-1, another one whenever the default, the membership or the rules of any of `groups` change.

    A node gives the groups it judges for, so rules that are no business of its own do not make it judge again.
    """
    chains = [
        f"{group} {direction} {tables.chains[group, direction].fingerprint}"
        for group in sorted(groups)
        for direction in _DIRECTIONS
        if (group, direction) in tables.chains
    ]
    return int(_fingerprint([tables.default, tables.membership, *chains]), 16) % (2**31 - 1) + 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """A match that does not say yet whose chain it is in."""

    layer: Layer
    rule: int
    index: int
    peer: str
    protocol: Interval
    ports: Interval
    own: str


@dataclass(frozen=True, slots=True)
class _Draft:
    layers: tuple[Layer, ...]
    entries: tuple[_Entry, ...]
    fingerprint: str


class _Peers:
    """What the peers of rules stand for. What is not known stands for nothing."""

    def __init__(self, intent: TenantIntent) -> None:
        self._groups = {group.id for group in intent.groups}
        self._members: dict[int, list[str]] = {}
        for address, group in members(placed(intent)).items():
            self._members.setdefault(group, []).append(address)
        self._networks: dict[int, Network] = {network.id: network for network in intent.networks}

    def spans(self, rule: Rule) -> Iterator[tuple[MatchKind, Interval]]:
        """Intervals of group ids or of addresses that the rule's peer stands for, by kind."""
        peer = rule.peer
        if peer.kind == "group" and peer.id in self._groups and not peer.ranges:
            yield "group", (peer.id, peer.id)
        for text in self._ranges(rule):
            span = ipam.span(text)
            yield ("net4" if span.version == 4 else "net6"), (span.first, span.last)

    def _ranges(self, rule: Rule) -> Iterable[str]:
        peer = rule.peer
        if peer.kind == "any":
            return _EVERYWHERE
        if peer.kind == "address":
            return peer.ranges
        if peer.kind == "group" and peer.ranges and peer.id in self._groups:
            return self._narrowed(peer.id, peer.ranges)
        network = self._networks.get(peer.id or 0) if peer.kind == "network" else None
        return [subnet for subnet in (network.subnet4, network.subnet6) if subnet] if network else []

    def _narrowed(self, group: int, ranges: Iterable[str]) -> list[str]:
        """Addresses of the group's endpoints that lie in the ranges: who they are is known when the rules are compiled,
        and a change of membership compiles them again."""
        spans = [ipam.span(text) for text in ranges]
        own = [ipam.span(text) for text in self._members.get(group, ())]
        return [str(one) for one in own if any(one.version == s.version and one.first in s for s in spans)]


def _policies_of(intent: TenantIntent) -> dict[int, list[Policy]]:
    """The policies of each group, by id."""
    found: dict[int, list[Policy]] = {}
    for policy in sorted(intent.policies, key=lambda policy: policy.id):
        for group in set(policy.group_ids):
            found.setdefault(group, []).append(policy)
    return found


def _rules(policies: Iterable[Policy], direction: Direction) -> list[Rule]:
    """Rules in the order in which they are asked: priority, denies first, least id first."""
    rules = [rule for policy in policies for rule in policy.rules if rule.direction == direction]
    return sorted(rules, key=lambda rule: (-rule.priority, rule.action != "deny", rule.id))


def _draft(rules: list[Rule], peers: _Peers) -> _Draft:
    layers: list[Layer] = []
    entries: list[_Entry] = []
    count: dict[int, int] = {}
    for (priority, action), equals in groupby(rules, key=lambda rule: (rule.priority, rule.action)):
        claims = _claims(equals, peers)
        for kind, own in _SORTS:
            for plane, content in enumerate(disjoint(claims[kind, own])):
                layers.append(Layer(priority, action, kind, plane, own))
                for claim in content:
                    index = count[claim.rule] = count.get(claim.rule, -1) + 1
                    entries.append(_entry(layers[-1], claim, index))
    return _Draft(tuple(layers), tuple(entries), _fingerprint(map(_line, entries)))


def _claims(rules: Iterable[Rule], peers: _Peers) -> dict[tuple[MatchKind, Narrowed], list[Claim]]:
    claims: dict[tuple[MatchKind, Narrowed], list[Claim]] = {sort: [] for sort in _SORTS}
    for rule in rules:
        for (kind, peer), (family, own) in product(peers.spans(rule), _own(rule)):
            if (kind, family) not in claims:
                continue  # No packet has addresses of two families.
            for protocol, ports in product(_protocols(rule, kind, family), _ports(rule)):
                claims[kind, family].append(Claim(rule.id, Box(peer, protocol, ports, own)))
    return claims


def _own(rule: Rule) -> list[tuple[Narrowed, Interval]]:
    """Intervals of the own side's addresses, by family."""
    if not rule.own:
        return [(0, NOT_NARROWED)]
    return [(4 if span.version == 4 else 6, (span.first, span.last)) for span in map(ipam.span, rule.own)]


def _protocols(rule: Rule, kind: MatchKind, family: Narrowed) -> list[Interval]:
    """ICMP is another protocol in IPv6; members of a group may have addresses of either family."""
    if rule.protocol is None:
        return [ANY_PROTOCOL]
    if rule.protocol != ICMP:
        return [(rule.protocol, rule.protocol)]
    of_family = {4: (ICMP, ICMP), 6: (ICMPV6, ICMPV6)}
    known = family or _FAMILY.get(kind)
    return [of_family[known]] if known else list(of_family.values())


def _ports(rule: Rule) -> list[Interval]:
    if rule.ports and rule.protocol in PORT_PROTOCOLS:
        return [(ports.first, ports.last) for ports in rule.ports]
    return [ANY_PORT]


def _entry(layer: Layer, claim: Claim, index: int) -> _Entry:
    box = claim.box
    version = _FAMILY.get(layer.kind)
    peer = str(ipam.Span(version, *box.peer)) if version else str(box.peer[0])
    own = str(ipam.Span(layer.own, *box.own)) if layer.own else ""
    return _Entry(layer, claim.rule, index, peer, box.protocol, box.ports, own)


def _chain(tenant: int, group: int, direction: Direction, draft: _Draft) -> Chain:
    return Chain(
        item=ChainItem(tenant, group, direction, draft.layers),
        matches=tuple(
            MatchItem(tenant, group, direction, e.rule, e.index, e.layer, e.peer, e.protocol, e.ports, e.own)
            for e in draft.entries
        ),
        fingerprint=draft.fingerprint,
    )


def _line(entry: _Entry) -> str:
    layer = entry.layer
    return (
        f"{layer.priority} {layer.action} {layer.kind} {layer.plane} "
        f"{entry.rule} {entry.peer} {entry.protocol} {entry.ports}"
    ) + (f" {entry.own}" if entry.own else "")


def _fingerprint(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

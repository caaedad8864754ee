"""Would this connection pass, and who says so? Asked of the very tables the kernel gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from core.boxes import NOT_NARROWED, Box, BoxIndex
from core.intervals import Interval
from core.ipam import AddressError, address, family, span
from core.isolation import Chain, ChainKey, Tables
from core.model import ICMP, ICMPV6, PORT_PROTOCOLS, Action, Direction, Flow
from core.spec import Layer, MatchItem

#: The reasons there are, with places for what is in them.
ONLY_UNICAST = "Only unicast passes: no broadcast, no multicast."
GATEWAY = "A gateway answers ICMP echo and nothing else."
NO_ENDPOINT = "%(address)s is no endpoint and has no rules of its own."
RULE = "Rule %(rule)s says %(action)s with priority %(priority)s."
NO_MATCH = "The tenant's default is %(action)s; no rule matches."
NO_RULES = "The tenant's default is %(action)s; there are no rules for it."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: one of the sentences above, which is also what it is translated by, and what is in its places."""

    sentence: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.sentence % self.values


@dataclass(frozen=True, slots=True)
class Side:
    """What one end of a flow says to it. `group` None: the address is no endpoint's; 0: an endpoint in no group.
    `rule` and `layer` None: no rule spoke, `reason` says what did."""

    direction: Direction
    group: int | None
    action: Action
    rule: int | None
    layer: Layer | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """A flow passes when both ends let it: the source by its outgoing rules, the destination by its incoming ones."""

    action: Action
    outgoing: Side
    incoming: Side


@dataclass(frozen=True, slots=True)
class _Packet:
    source: str
    destination: str
    protocol: int
    port: int

    def find(self, lookup: BoxIndex[int], peer: int | None, own: int | None) -> int | None:
        """The rule of the only box of a layer, if any, that holds this packet."""
        if peer is None or own is None:
            return None
        point = Box((peer, peer), (self.protocol, self.protocol), (self.port, self.port), (own, own))
        found = lookup.overlapping(point)
        return found[0][1] if found else None


def verdict(tables: Tables, flow: Flow) -> Decision:
    """The decision on a flow's first packet. Raises AddressError for addresses that make no flow and ValueError for
    a TCP or UDP flow without a destination port. For many flows make one Evaluator."""
    return Evaluator(tables).verdict(flow)


class Evaluator:
    """Decides flows of one tenant; keeps what it has looked up for the next ones."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._broadcasts = tables.broadcasts | {"255.255.255.255"}
        self._lookups: dict[ChainKey, list[tuple[Layer, BoxIndex[int]]]] = {}

    def verdict(self, flow: Flow) -> Decision:
        packet = _packet(flow)
        outgoing, incoming = self._beyond_rules(packet) or (self._outgoing(packet), self._incoming(packet))
        passes = outgoing.action == incoming.action == "allow"
        return Decision("allow" if passes else "deny", outgoing, incoming)

    def _beyond_rules(self, packet: _Packet) -> tuple[Side, Side] | None:
        """What is decided before any rule: only unicast passes, and a gateway answers echo requests only."""
        destination = ip_address(packet.destination)
        if destination.is_multicast or destination.is_unspecified or packet.destination in self._broadcasts:
            return self._both(packet, "deny", Reason(ONLY_UNICAST))
        if packet.destination in self._tables.gateways:
            echo = packet.protocol in (ICMP, ICMPV6)
            return self._both(packet, "allow" if echo else "deny", Reason(GATEWAY))
        return None

    def _both(self, packet: _Packet, action: Action, reason: Reason) -> tuple[Side, Side]:
        source, destination = (self._tables.members.get(a) for a in (packet.source, packet.destination))
        return Side("out", source, action, None, None, reason), Side("in", destination, action, None, None, reason)

    def _outgoing(self, packet: _Packet) -> Side:
        return self._side("out", packet.source, packet.destination, packet)

    def _incoming(self, packet: _Packet) -> Side:
        return self._side("in", packet.destination, packet.source, packet)

    def _side(self, direction: Direction, own: str, peer: str, packet: _Packet) -> Side:
        group = self._tables.members.get(own)
        if group is None:
            return Side(direction, None, "allow", None, None, Reason(NO_ENDPOINT, {"address": own}))
        for layer, lookup in self._layers((group, direction)):
            rule = packet.find(lookup, self._peer_number(layer, peer), _own_number(layer, own))
            if rule is not None:
                said = {"rule": rule, "action": layer.action, "priority": layer.priority}
                return Side(direction, group, layer.action, rule, layer, Reason(RULE, said))
        return self._default(direction, group)

    def _default(self, direction: Direction, group: int) -> Side:
        sentence = NO_MATCH if (group, direction) in self._tables.chains else NO_RULES
        reason = Reason(sentence, {"action": self._tables.default})
        return Side(direction, group, self._tables.default, None, None, reason)

    def _peer_number(self, layer: Layer, peer: str) -> int | None:
        """The peer as the layer's sets hold it; None when they cannot hold it."""
        if layer.kind == "group":
            return self._tables.members.get(peer)
        parsed = ip_address(peer)
        return int(parsed) if parsed.version == (4 if layer.kind == "net4" else 6) else None

    def _layers(self, key: ChainKey) -> list[tuple[Layer, BoxIndex[int]]]:
        if key not in self._lookups:
            chain = self._tables.chains.get(key)
            self._lookups[key] = _lookups(chain) if chain else []
        return self._lookups[key]


def _lookups(chain: Chain) -> list[tuple[Layer, BoxIndex[int]]]:
    """For each layer of the chain its matches, as boxes that lead to rule ids."""
    found: dict[Layer, BoxIndex[int]] = {layer: BoxIndex() for layer in chain.item.layers}
    for match in chain.matches:
        own = _interval(match.own) if match.own else NOT_NARROWED
        found[match.layer].add(Box(_peers(match), match.protocol, match.ports, own), match.rule)
    return list(found.items())


def _peers(match: MatchItem) -> Interval:
    if match.layer.kind == "group":
        return int(match.peer), int(match.peer)
    return _interval(match.peer)


def _interval(text: str) -> Interval:
    found = span(text)
    return found.first, found.last


def _own_number(layer: Layer, own: str) -> int | None:
    """The own side's address as the layer's sets hold it; None when they cannot hold it."""
    if not layer.own:
        return NOT_NARROWED[0]
    parsed = ip_address(own)
    return int(parsed) if parsed.version == layer.own else None


def _packet(flow: Flow) -> _Packet:
    source, destination = address(flow.source), address(flow.destination)
    version = family(source)
    if family(destination) != version:
        raise AddressError(f"A flow is of one family: {source} and {destination} are not.")
    if flow.protocol in PORT_PROTOCOLS and flow.destination_port is None:
        raise ValueError("A TCP or UDP flow needs a destination port, 1 to 65535.")
    # Whoever says ICMP means that of the addresses' family, as rules do.
    protocol = ICMPV6 if flow.protocol == ICMP and version == 6 else flow.protocol
    return _Packet(source, destination, protocol, flow.destination_port or 0)
